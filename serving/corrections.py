"""What users took out of their own profile: interests that shall count no more. Durable, and undone at will.

One SQLite file in the home, made at the first correction; every worker reads it at every request of a user, so that a
correction holds from the next answer on. While an interest (an attribute, as Genre Horror) is removed, items that have
it are not recommended to the user, and what they did with such items does not count: the rest of their history is
folded in as if it were all there is. Nothing is deleted: restoring the interest restores the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import Conflict
from serving.candidates import all_scores, appeal
from serving.foldin import Viewer
from serving.index_files import MISSING
from serving.ledger import Ledger
from serving.live import Live
from serving.rank import best

FILE = "corrections.sqlite"
MOST = 100
STEP = 500
"""Items whose cards are read at once."""
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS removed (user TEXT, label TEXT, name TEXT, PRIMARY KEY (user, label, name)) STRICT;"
)

Interest: TypeAlias = tuple[str, str]
"""Label and name of an attribute."""


class Corrections:
    """The file of one home."""

    def __init__(self, home: Path) -> None:
        self._ledger = Ledger(home / FILE, SCHEMA)

    def of(self, user: str) -> tuple[Interest, ...]:
        """What the user removed, in order of name. Microseconds."""
        text = "SELECT label, name FROM removed WHERE user = ? ORDER BY label, name"
        return tuple((label, name) for label, name in self._ledger.rows(text, (user,)))

    def users(self) -> list[str]:
        """Everybody who removed something."""
        return [user for (user,) in self._ledger.rows("SELECT DISTINCT user FROM removed", ())]

    def remove(self, user: str, interest: Interest) -> None:
        """The interest counts no more; on disk when this returns. Raises `Conflict` beyond `MOST` of them."""
        if interest not in (there := self.of(user)) and len(there) >= MOST:
            raise Conflict(f"{MOST} interests are removed already", valid="fewer", remedy="restore some of them")
        with self._ledger.open(make=True) as connection:
            connection.execute("INSERT OR IGNORE INTO removed VALUES (?, ?, ?)", (user, *interest))

    def restore(self, user: str, interest: Interest) -> None:
        """The interest counts again."""
        self._ledger.rows("DELETE FROM removed WHERE user = ? AND label = ? AND name = ?", (user, *interest))

    def close(self) -> None:
        self._ledger.close()


def removals(home: Path) -> dict[str, tuple[Interest, ...]]:
    """What users of a home took out of their profiles, by user."""
    with closing(Corrections(home)) as corrections:
        return {user: corrections.of(user) for user in corrections.users()}


def has_any(card: dict[str, Any], removed: Sequence[Interest]) -> bool:
    """Has the item one of these attributes."""
    attributes = card["attributes"]
    return any(name in attributes.get(label, ()) for label, name in removed)


def corrected(
    live: Live, who: Viewer, removed: Sequence[Interest], allowed: NDArray[np.bool_], n: int
) -> tuple[list[int], list[float]]:
    """The n best of the `allowed` items (a mask) for a user with these interests removed, and their scores."""
    kept = [item for item in who.history.tolist() if not has_any(orjson.loads(live.card(item)), removed)]
    history = np.array(kept, np.int32)
    scores = all_scores(live, MISSING, history) if len(history) else appeal(live).copy()
    who.exclude(live, scores)
    scores[~allowed] = -np.inf
    order = best(scores, live.num_items)
    found: list[int] = []
    for start in range(0, len(order), STEP):
        block = order[start : start + STEP].tolist()
        found += [item for item in block if not has_any(orjson.loads(live.card(item)), removed)]
        if len(found) >= n:
            break
    return found[:n], scores[found[:n]].tolist()
