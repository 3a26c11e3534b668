"""The last arrow of a refresh: what the published index says goes back into the graph, for Cypher and people to read.

`(User)-[:RECOMMENDED {rank, score, model, run}]->(Item)` and `(Item)-[:SIMILAR {score, modality, run}]->(Item)`. Only
the difference to what is there is written, some hundred nodes a transaction (`graph.derived`); `run` is the run that
wrote a relationship last. Snapshots leave both types out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from graph.derived import RECOMMENDED_EDGES, SIMILAR_EDGES, Difference, Edges, Kind, settle
from graph.id_pages import id_pages
from graph.portions import portions
from graph.schema import ITEM, USER
from graph.store import GraphStore
from serving.corrections import Interest
from serving.index import Index
from serving.index_files import MISSING
from serving.write_back_lists import Lists

USERS_A_TRANSACTION = 100
ITEMS_A_TRANSACTION = 64

NOTHING_REMOVED: Mapping[str, tuple[Interest, ...]] = MappingProxyType({})

Answer = TypeVar("Answer")
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with `recommended` or `similar`, the nodes done and the nodes in all, after each transaction."""


@dataclass(frozen=True)
class WriteBackReport:
    """Nodes whose relationships are now what the index says, and what had to be written for it."""

    users: int
    items: int
    recommended: Difference
    similar: Difference
    seconds: float

    @property
    def written(self) -> int:
        """Relationships made, changed or taken away; 0 when everything was as it should be."""
        return self.recommended.written + self.similar.written

    @property
    def rate(self) -> float:
        """Relationships a second, those that were right already included."""
        seen = self.written + self.recommended.kept + self.similar.kept
        return seen / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {**asdict(self), "written": self.written, "rate": round(self.rate)}


def write_back(
    store: GraphStore,
    index: Index,
    *,
    model: str,
    run: str,
    top: int = 20,
    similar: int = 10,
    removed: Mapping[str, tuple[Interest, ...]] = NOTHING_REMOVED,
    progress: Progress | None = None,
) -> WriteBackReport:
    """Makes the graph's RECOMMENDED and SIMILAR relationships what `index` says, and users with `removed` interests.

    `model` (`name:version`) marks recommendations, `run` whatever is written. Users and items that the index does not
    know lose theirs. A call that was killed is made good by the next one, which leaves alone what is right.
    """
    begun = time.perf_counter()
    store.ensure_schema([USER, ITEM])
    tell = progress or (lambda _part, _done, _total: None)
    present, strangers = _items_there(store, index)
    lists = Lists(index, present, top, similar, model, removed)
    users = int(store.query("user_count").rows[0][0])
    by_user = ({user: lists.of_user(user) for user in ids} for ids in portions(_users(store), USERS_A_TRANSACTION))
    recommended = _settle_all(store, RECOMMENDED_EDGES, by_user, run, partial(_told, tell, "recommended", users))
    items = int(present.sum()) + len(strangers)
    similar_ones = _settle_all(
        store, SIMILAR_EDGES, _by_item(lists, strangers), run, partial(_told, tell, "similar", items)
    )
    seconds = round(time.perf_counter() - begun, 3)
    return WriteBackReport(users, items, recommended, similar_ones, seconds)


def write_recommended(
    store: GraphStore, batches: Iterable[dict[str, Edges]], *, run: str, advance: Callable[[int], None]
) -> Difference:
    """Makes these users' RECOMMENDED relationships what is given, a batch a transaction; `advance`: so many more."""
    store.ensure_schema([USER, ITEM])
    before = 0

    def tell(done: int) -> None:
        nonlocal before
        advance(done - before)
        before = done

    return _settle_all(store, RECOMMENDED_EDGES, batches, run, tell)


def _told(tell: Progress, part: str, total: int, done: int) -> None:
    tell(part, done, max(done, total))


def _items_there(store: GraphStore, index: Index) -> tuple[NDArray[np.bool_], list[str]]:
    """Which items of the index are in the graph, and the graph's items that the index does not know."""
    present, strangers = np.zeros(index.num_items, np.bool_), []
    for item in chain.from_iterable(id_pages(store, ITEM)):
        place = index.item_ids.find(item.encode("utf-8", "surrogatepass"))
        if place == MISSING:
            strangers.append(item)
        else:
            present[place] = True
    return present, strangers


def _users(store: GraphStore) -> Iterator[str]:
    return chain.from_iterable(id_pages(store, USER))


def _by_item(lists: Lists, strangers: list[str]) -> Iterator[dict[str, Edges]]:
    yield from lists.of_items()
    for ids in portions(strangers, ITEMS_A_TRANSACTION):
        yield {item: {} for item in ids}


def _settle_all(
    store: GraphStore, kind: Kind, batches: Iterable[dict[str, Edges]], run: str, tell: Callable[[int], None]
) -> Difference:
    """One transaction a batch, as many at once as the store gains from; so few batches are held at a time."""
    total, done = Difference(), 0
    with ThreadPoolExecutor(store.writers, thread_name_prefix="write-back") as pool:
        for finished in _bounded(
            pool, (partial(_settled, store, kind, batch, run) for batch in batches), store.writers
        ):
            total, done = total + finished[0], done + finished[1]
            tell(done)
    return total


def _settled(store: GraphStore, kind: Kind, batch: dict[str, Edges], run: str) -> tuple[Difference, int]:
    return settle(store, kind, batch, run=run), len(batch)


def _bounded(pool: ThreadPoolExecutor, tasks: Iterable[Callable[[], Answer]], at_once: int) -> Iterator[Answer]:
    """Answers as they come; the next task is made while `at_once` run, and no earlier."""
    running: set[Future[Answer]] = set()
    for task in tasks:
        running.add(pool.submit(task))
        if len(running) > at_once:
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (one.result() for one in finished)
    for one in as_completed(running):
        yield one.result()
