"""What was shown and what people did, as columns: what every measure and every experiment is computed from.

`serving.business` reads them from the logs of a home. Names become codes here; from then on all is NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.schema import KINDS

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
ACT_COLUMNS = ("user", "item", "kind", "value", "at")
SHOWN_COLUMNS = ("answer", "user", "item", "at", "rank", "model", "arms", "propensity", "team")


@dataclass(frozen=True)
class Acts:
    """What people did, a row an event: codes of user and item, kind (`graph.schema.KINDS`), value (NaN), Unix time."""

    user: Ints
    item: Ints
    kind: Ints
    value: NDArray[np.float64]
    at: Ints

    def __len__(self) -> int:
        return len(self.user)

    def of(self, *kinds: str) -> Mask:
        """Which rows are of these kinds."""
        return np.isin(self.kind, [KINDS.index(kind) for kind in kinds])


@dataclass(frozen=True)
class Shown:
    """What was shown, a row an item of an answer. `rank` from 1; `model` indexes `Log.models`.

    `propensity`: the probability of the item at its rank, NaN where none was logged; `team`: which ranker of an
    interleaving gave it (0, 1), -1 where both or neither count.
    """

    answer: Ints
    user: Ints
    item: Ints
    at: Ints
    rank: Ints
    model: Ints
    arms: Ints
    propensity: NDArray[np.float64]
    team: Ints

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True)
class Log:
    """Both, with shared codes. `arms`: the distinct sets of arms, as JSON texts; `Shown.arms` indexes them.

    `end`: Unix time until which the log is complete: what would come later is not known yet.
    """

    acts: Acts
    shown: Shown
    users: tuple[str, ...]
    items: tuple[str, ...]
    models: tuple[str, ...]
    arms: tuple[str, ...]
    end: int

    def between(self, since: int | None, until: int | None) -> Log:
        """The rows from `since` up to, not with, `until`."""
        low = np.iinfo(np.int64).min if since is None else since
        high = np.iinfo(np.int64).max if until is None else until
        acts, shown = ((part.at >= low) & (part.at < high) for part in (self.acts, self.shown))
        return replace(self, acts=take_acts(self.acts, acts), shown=take_shown(self.shown, shown),
                       end=min(self.end, high))  # fmt: skip


def encode(acts: pa.Table, shown: pa.Table, end: int) -> Log:
    """From tables with `ACT_COLUMNS` (kind: a code) and `SHOWN_COLUMNS` (answer: any number; times in seconds)."""
    users, (act_user, shown_user) = _codes(acts["user"], shown["user"])
    items, (act_item, shown_item) = _codes(acts["item"], shown["item"])
    models, (model,) = _codes(shown["model"])
    arms, (arm,) = _codes(shown["arms"])
    return Log(
        Acts(act_user, act_item, _ints(acts["kind"]), _floats(acts["value"]), _ints(acts["at"])),
        Shown(
            _ints(shown["answer"]), shown_user, shown_item, _ints(shown["at"]), _ints(shown["rank"]), model, arm,
            _floats(shown["propensity"]), _ints(shown["team"]),
        ),
        users, items, models, arms, end,
    )  # fmt: skip


def take_acts(acts: Acts, rows: Mask | Ints) -> Acts:
    """Some rows."""
    return Acts(*(getattr(acts, name)[rows] for name in ACT_COLUMNS))


def take_shown(shown: Shown, rows: Mask | Ints) -> Shown:
    """Some rows."""
    return Shown(*(getattr(shown, name)[rows] for name in SHOWN_COLUMNS))


def impressions_of(log: Log) -> Log:
    """The log with what clients reported as `impressed` for what was shown: model, arms and propensity are those of the
    latest answer that held the item, where there is one; the others have model and arms -1.
    """
    from training.online.attribution import latest

    seen = take_acts(log.acts, log.acts.of("impressed"))
    given = latest(seen, log.shown, None)
    known, place = given >= 0, np.maximum(given, 0)

    def carried(column: NDArray[np.generic], missing: float) -> NDArray[np.generic]:
        if not len(column):
            return np.full(len(seen), missing).astype(column.dtype)
        return np.where(known, column[place], np.asarray(missing, column.dtype))

    shown = log.shown
    rows = Shown(
        carried(shown.answer, -1), seen.user, seen.item, seen.at, carried(shown.rank, 0),  # type: ignore[arg-type]
        carried(shown.model, -1), carried(shown.arms, -1), carried(shown.propensity, np.nan),  # type: ignore[arg-type]
        carried(shown.team, -1),  # type: ignore[arg-type]
    )  # fmt: skip
    return replace(log, shown=rows)


def _codes(*columns: pa.ChunkedArray) -> tuple[tuple[str, ...], list[Ints]]:
    """One dictionary for all of them."""
    chunks = [chunk.cast(pa.string()) for column in columns for chunk in column.chunks]
    whole = pa.chunked_array(chunks, type=pa.string()).combine_chunks()
    coded = pc.dictionary_encode(whole)
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return tuple(coded.dictionary.to_pylist()), np.split(codes, ends)


def _ints(column: pa.ChunkedArray) -> Ints:
    return column.cast(pa.int64()).to_numpy().astype(np.int64)  # type: ignore[no-any-return]


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy().astype(np.float64)  # type: ignore[no-any-return]
