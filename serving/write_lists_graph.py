"""Every user's list into the graph as RECOMMENDED relationships.

Only differences are written, some hundred users a transaction, so a call that was killed is made good by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from graph.derived import Difference, Edges
from graph.store import GraphStore
from serving.all_lists import Lists
from serving.live import Live
from serving.write_back import write_recommended

USERS_A_TRANSACTION = 100


def write_graph(
    live: Live, blocks: Iterable[Lists], store: GraphStore, *, run: str, advance: Callable[[int], None]
) -> Difference:
    """Makes the RECOMMENDED relationships of these users what their lists say; who is not in the graph gets none."""
    model = f"{live.index.model.name}:{live.index.model.version}"
    return write_recommended(store, _edges(live, blocks, model), run=run, advance=advance)


def _edges(live: Live, blocks: Iterable[Lists], model: str) -> Iterator[dict[str, Edges]]:
    for found in blocks:
        rows: list[tuple[Any, ...]] = list(
            zip(found.users.tolist(), found.items.tolist(), found.scores.tolist(), found.lengths.tolist(), strict=True)
        )
        for start in range(0, len(rows), USERS_A_TRANSACTION):
            yield {
                live.index.user_ids[user].decode(): {
                    (live.id(item),): (rank, score, model)
                    for rank, (item, score) in enumerate(zip(items[:length], scores, strict=False), start=1)
                }
                for user, items, scores, length in rows[start : start + USERS_A_TRANSACTION]
            }
