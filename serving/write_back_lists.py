"""What a published index says, as relationships to write: each user's list and each item's neighbours by modality.

A function of the index and of which items are in the graph, computed in blocks of fixed size: the same index gives the
same relationships, whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from graph.derived import Edges, Key, Values
from serving.candidates import Ranked
from serving.corrections import Interest, corrected
from serving.foldin import personal
from serving.index import Index
from serving.index_files import MISSING
from serving.live import Live
from serving.rank import best
from serving.similar import CROWD, GRAPH

ITEMS_A_BLOCK = 64
DIGITS = 6
"""Of a similarity: what is beyond differs from one processor to another."""


@dataclass(frozen=True)
class Lists:
    """`present`: which items of the index are in the graph. `top`: items a user, `similar`: items an item and modality.

    `model` marks the recommendations (`name:version`); `removed`: interests that users took out of their profiles.
    """

    index: Index
    present: NDArray[np.bool_]
    top: int
    similar: int
    model: str
    removed: Mapping[str, tuple[Interest, ...]] = field(default_factory=dict)

    def of_user(self, user: str) -> Edges:
        """The user's best unseen items by rank from 1; none for somebody whom the index does not know."""
        place = self.index.user_ids.find(user.encode("utf-8", "surrogatepass"))
        if place == MISSING:
            return {}
        items, scores = self._list_of(user, place)
        some = np.flatnonzero((items != MISSING) & self.present[items])[: self.top]
        ids = [self.index.item_ids[item].decode() for item in items[some].tolist()]
        return {
            (item,): (rank + 1, score, self.model)
            for rank, (item, score) in enumerate(zip(ids, scores[some].tolist(), strict=True))
        }

    def _list_of(self, user: str, place: int) -> Ranked:
        if user not in self.removed:
            return self.index.list_items[place], self.index.list_scores[place]
        live = Live(self.index)
        items, scores = corrected(live, personal(live, user), self.removed[user], self.present, self.top)
        return np.array(items, np.int64), np.array(scores, np.float32)

    def of_items(self) -> Iterator[dict[str, Edges]]:
        """Every item's neighbours, a block of items at a time; modalities as `serving.similar` names them."""
        ways = [(name, self._by_vectors(name)) for name in sorted(self.index.vectors)]
        ways += [(GRAPH, self._by_graph()), (CROWD, self._by_crowd)]
        for start in range(0, self.index.num_items, ITEMS_A_BLOCK):
            places = range(start, min(start + ITEMS_A_BLOCK, self.index.num_items))
            found: dict[str, dict[Key, Values]] = {self._id(place): {} for place in places if self.present[place]}
            for name, way in ways:
                for place, (items, scores) in zip(places, way(places), strict=True):
                    if self.present[place]:
                        self._add(found[self._id(place)], name, items, scores)
            yield dict(found)

    def _add(
        self, edges: dict[Key, Values], name: str, items: NDArray[np.integer], scores: NDArray[np.float32]
    ) -> None:
        kept = (scores > 0) & self.present[items]
        pairs = zip(items[kept][: self.similar].tolist(), scores[kept][: self.similar].tolist(), strict=True)
        edges.update({(self._id(item), name): (round(score, DIGITS),) for item, score in pairs})

    def _id(self, item: int) -> str:
        return self.index.item_ids[item].decode()

    def _by_vectors(self, name: str) -> Callable[[range], Iterator[Ranked]]:
        table = self.index.vectors[name]
        hidden = np.flatnonzero(~(table.present & self.present))

        def block(places: range) -> Iterator[Ranked]:
            scores = table.unit[places.start : places.stop] @ table.unit.T
            scores[:, hidden] = -np.inf
            for row, place in zip(scores, places, strict=True):
                row[place] = -np.inf
                order = best(row, self.similar) if table.present[place] else np.empty(0, np.int64)
                yield order, row[order]

        return block

    def _by_graph(self) -> Callable[[range], Iterator[Ranked]]:
        vectors = self.index.attributes
        entities = len(vectors.items)
        rows = csr_matrix(
            (vectors.weights, vectors.rows.columns, vectors.rows.indptr), (self.index.num_items, entities)
        )
        columns = csr_matrix(
            (vectors.item_weights, vectors.items.columns, vectors.items.indptr), (entities, self.index.num_items)
        )

        def block(places: range) -> Iterator[Ranked]:
            found = csr_matrix(rows[places.start : places.stop] @ columns)
            for row, place in enumerate(places):
                span = slice(found.indptr[row], found.indptr[row + 1])
                yield self._nearest(found.indices[span], found.data[span], place)

        return block

    def _nearest(self, items: NDArray[np.int32], scores: NDArray[np.float32], own: int) -> Ranked:
        kept = (items != own) & self.present[items]
        items, scores = items[kept], scores[kept]
        order = np.lexsort((items, -scores))[: self.similar]
        return items[order], scores[order]

    def _by_crowd(self, places: range) -> Iterator[Ranked]:
        for place in places:
            items = self.index.crowd_items[place]
            length = int(np.count_nonzero(items != MISSING))
            yield items[:length], self.index.crowd_scores[place, :length]
