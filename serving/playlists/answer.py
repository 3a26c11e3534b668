"""Answers about lists as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from serving.live import Live
from serving.playlists.discovery import Discovery, DiscoveryWish
from serving.playlists.facts import Fact
from serving.playlists.make import Playlist
from serving.playlists.name import name_of, pictures
from serving.playlists.radio import Next
from serving.playlists.wish import TOLERANCE, PlaylistWish


def playlist_json(live: Live, wish: PlaylistWish, found: Playlist, language: str) -> dict[str, Any]:
    """What `POST /v1/playlists` answers."""
    total = None if found.minutes is None else round(sum(found.minutes), 2)
    asked = None if wish.minutes is None else total
    return {
        "name": name_of(live, wish.seeds, found.items, language, asked),
        "images": pictures(live, found.items),
        "model": model_json(live),
        "complete": found.complete,
        "minutes": total,
        "tolerance": TOLERANCE,
        "smoothness": {"ordered": round(found.ordered, 4), "unordered": round(found.unordered, 4)},
        "items": entries(live, found.items, found.scores, found.why, found.follows, language, found.minutes),
    }


def model_json(live: Live) -> dict[str, str]:
    """Who answered."""
    return {"name": live.index.model.name, "version": live.index.model.version}


def entries(
    live: Live,
    items: Sequence[int],
    scores: Sequence[float],
    why: Sequence[Sequence[Fact]],
    follows: Sequence[Fact | None],
    language: str,
    minutes: Sequence[float] | None = None,
) -> list[dict[str, Any]]:
    """Entries in order, with why each is there and what joins it with the one before."""
    lengths = [None] * len(items) if minutes is None else [round(one, 2) for one in minutes]
    return [
        {"rank": rank, "score": round(score, 6), "minutes": length, "item": orjson.loads(live.card(item)),
         "why": [one.json(live, language) for one in facts],
         "follows": None if joint is None else joint.json(live, language)}
        for rank, (item, score, length, facts, joint)
        in enumerate(zip(items, scores, lengths, why, follows, strict=True), start=1)
    ]  # fmt: skip


def radio_json(live: Live, found: Next, language: str) -> dict[str, Any]:
    """What `POST /v1/radio` answers."""
    return {
        "model": model_json(live),
        "exhausted": found.exhausted,
        "items": entries(live, found.items, found.scores, found.why, found.follows, language),
    }


def discovery_json(live: Live, user: str, wish: DiscoveryWish, found: Discovery, language: str) -> dict[str, Any]:
    """What `GET /v1/users/{id}/discovery` answers."""
    rows = entries(live, found.items, found.scores, found.why, found.follows, language)
    share = sum(found.familiar) / max(1, len(found.familiar))
    return {
        "user": user,
        "week": found.week,
        "familiarity": wish.familiarity,
        "familiar_share": round(share, 4),
        "model": model_json(live),
        "items": [{**row, "familiar": one} for row, one in zip(rows, found.familiar, strict=True)],
    }
