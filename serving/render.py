"""Answers assembled from the JSON that the index holds: bytes joined, nothing parsed or built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from fastapi import Response

from serving.live import Live
from serving.observe.record import RENDER, timed
from serving.recommend import Recommendations

NULL = b"null"


def json_response(body: bytes, headers: dict[str, str] | None = None) -> Response:
    """200 with a JSON body."""
    return Response(body, media_type="application/json", headers=headers)


@timed(RENDER)
def recommendations(
    live: Live, found: Recommendations, reasons: Sequence[bytes] | None = None, missing: bytes | None = None
) -> bytes:
    """The body of a recommendation answer. `reasons`: JSON by rank; `missing`: JSON that says why there are none."""
    model = orjson.dumps({"name": live.index.model.name, "version": live.index.model.version})
    entries = b",".join(
        b'{"rank":%d,"score":%.6g,"item":%b,"reason":%b}' % (rank, score, live.card(item), reason)
        for rank, (item, score, reason) in enumerate(
            zip(found.items, found.scores, reasons or [NULL] * len(found.items), strict=True), start=1
        )
    )
    tail = b"" if missing is None else b',"reasons":' + missing
    return b'{"user":%b,"model":%b,"items":[%b]%b}' % (orjson.dumps(found.user), model, entries, tail)


@timed(RENDER)
def ranked(live: Live, items: Iterable[int], scores: Iterable[float], reasons: Sequence[bytes] | None = None) -> bytes:
    """Rank, score and card of each item, as a JSON array; `reasons`: JSON by rank, no fewer than there are items."""
    if reasons is not None:
        rows = (
            b'{"rank":%d,"score":%.6g,"item":%b,"reason":%b}' % (rank, score, live.card(item), reason)
            for rank, (item, score, reason) in enumerate(zip(items, scores, reasons, strict=False), start=1)
        )
        return b"[%b]" % b",".join(rows)
    pairs = enumerate(zip(items, scores, strict=True), start=1)
    rows = (b'{"rank":%d,"score":%.6g,"item":%b}' % (rank, score, live.card(item)) for rank, (item, score) in pairs)
    return b"[%b]" % b",".join(rows)


def array(blobs: Iterable[bytes]) -> bytes:
    """JSON array of values that are JSON already."""
    return b"[%b]" % b",".join(blobs)
