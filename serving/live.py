"""The catalogue as it is now: the published index, and over it what has been put or deleted since.

Request path. Positions below `index.num_items` are the index's, those after it new items. Where nothing has changed
(the usual case) every call is the index's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from graph.errors import NotFound
from serving.consent import Consents, marks_at
from serving.events import Event, Recent
from serving.index import Index
from serving.index_files import MISSING, fold
from serving.inherit import KEPT, Floats, Inherited, nothing_inherited
from serving.item_body import card_of, entities_of, page_of
from serving.overlay import Change
from serving.remembered import Remembered

if TYPE_CHECKING:
    from serving.foldin import Viewer

Scored: TypeAlias = tuple[NDArray[np.integer], Floats]
"""Positions, best first, and their scores."""


@dataclass(frozen=True)
class Fresh:
    """An item as a change says it is. `vectors`: unit rows of the index's encoders, by modality. `nodes`: the places
    among the graph's nodes of what it is joined with, as far as the index knows them; `keeps_attributes`: those that
    the index gives it stand.
    """

    id: str
    card: bytes
    page: bytes
    kind: str
    name: str
    vectors: Mapping[str, Floats]
    nodes: tuple[int, ...]
    keeps_attributes: bool


@dataclass(frozen=True)
class Live:
    """`fresh`: items that the index has not; `changed`: items of the index that are not as it says, by position;
    `gone`: positions in the index that nobody shall see. `sources`: what each fresh item inherits from, and
    `has_source`: whether it can inherit at all. `people`: users who were put or deleted, by id; `log`: what users did
    that the index does not know; `consents`: what they agree to (None: everything).
    """

    index: Index
    fresh: tuple[Fresh, ...] = ()
    changed: Mapping[int, Fresh] = field(default_factory=dict)
    gone: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    sources: Inherited = field(default_factory=lambda: nothing_inherited(0, KEPT))
    has_source: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    people: Mapping[str, Change] = field(default_factory=dict)
    log: Recent | None = None
    consents: Consents | None = None
    scored: Remembered[Scored] = field(default_factory=Remembered, init=False, compare=False)
    """Of users who were scored on this catalogue: their first items (`serving.recommend`)."""
    viewers: Remembered[Viewer] = field(default_factory=Remembered, init=False, compare=False)
    """Of users with events: as they are since (`serving.foldin`)."""

    @property
    def plain(self) -> bool:
        """Has nothing of the catalogue changed since the index was published."""
        return not (self.fresh or self.changed or len(self.gone))

    @property
    def num_items(self) -> int:
        """Positions there are, those of gone items among them."""
        return self.index.num_items + len(self.fresh)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        more = {one.kind for one in (*self.fresh, *self.changed.values())} - set(self.index.kinds)
        return (*self.index.kinds, *sorted(more))

    @cached_property
    def item_kind(self) -> NDArray[np.int16]:
        """(num_items,): place of each item's kind in `kinds`."""
        if not self.fresh and not self.changed:
            return self.index.item_kind
        codes = {name: code for code, name in enumerate(self.kinds)}
        found = np.concatenate([self.index.item_kind, [codes[one.kind] for one in self.fresh]]).astype(np.int16)
        for place, one in self.changed.items():
            found[place] = codes[one.kind]
        return found

    @property
    def own(self) -> Iterator[int]:
        """Positions of items that are not as the index says."""
        yield from range(self.index.num_items, self.num_items)
        yield from self.changed

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {one.id: self.index.num_items + place for place, one in enumerate(self.fresh)}

    @cached_property
    def _gone(self) -> frozenset[int]:
        return frozenset(self.gone.tolist())

    def find(self, name: str) -> int:
        """Position of an item; `MISSING` for one that is not there, or gone."""
        if name in self._places:
            return self._places[name]
        place = self.index.item_ids.find(name.encode("utf-8", "surrogatepass"))
        return MISSING if place in self._gone else place

    def item(self, name: str) -> int:
        """Position of an item; raises `NotFound`."""
        place = self.find(name)
        if place != MISSING:
            return place
        if self.index.item_ids.find(name.encode("utf-8", "surrogatepass")) != MISSING:
            raise NotFound(f"item {name!r} was deleted", valid="an item that is there",
                           remedy="PUT it again, or ask for another")  # fmt: skip
        return self.index.item(name)

    def events(self, user: str) -> list[Event]:
        """What the user did that the index does not know, in order of time."""
        return [] if self.log is None else self.log.of(user)

    def agrees(self, user: str, purpose: str, place: int | None = None) -> bool:
        """Does a user agree to a purpose (`graph.consent`) now. `place`: theirs in the index, where it is known."""
        if self.consents is None:
            return True
        if place is None:
            place = self.index.user_ids.find(user.encode("utf-8", "surrogatepass"))
        return self.consents.granted(user, purpose, marks_at(self.index.consent, place))

    def id(self, place: int) -> str:
        """Id of an item."""
        if place >= self.index.num_items:
            return self.fresh[place - self.index.num_items].id
        return self.index.item_ids[place].decode()

    def card(self, place: int) -> bytes:
        """JSON of an item as lists show it."""
        one = self._one(place)
        return self.index.item_cards[place] if one is None else one.card

    def page(self, place: int) -> bytes:
        """JSON of an item with all that is known of it."""
        one = self._one(place)
        return self.index.item_pages[place] if one is None else one.page

    def _one(self, place: int) -> Fresh | None:
        if place >= self.index.num_items:
            return self.fresh[place - self.index.num_items]
        return self.changed.get(place)

    def hidden(self, items: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Mask of the items that are gone."""
        return np.isin(items, self.gone) if len(self.gone) else np.zeros(len(items), np.bool_)

    def search_names(self, query: str, limit: int) -> list[int]:
        """Positions of items whose title or id holds every word: new ones first, then as the index orders them."""
        if self.plain:
            return self.index.item_names.search(query, limit)
        words = fold(query).split()
        ours = ((place, self._one(place)) for place in self.own)
        new = [place for place, one in ours if one is not None and all(word in one.name for word in words)]
        old = self.index.item_names.search(query, limit + len(self.gone) + len(self.changed))
        kept = [place for place in old if place not in self._gone and place not in self.changed]
        return [*new, *kept][:limit]

    def vector(self, place: int, modality: str) -> Floats | None:
        """The item's unit vector; None where it has none."""
        one = self._one(place)
        if one is not None:
            return one.vectors.get(modality)
        table = self.index.vectors.get(modality)
        return np.asarray(table.unit[place]) if table is not None and table.present[place] else None

    def attributes(self, place: int) -> tuple[NDArray[np.integer], Floats]:
        """Attribute nodes of the item and their weights, as `Index.attributes` has them."""
        table, one = self.index.attributes, self._one(place)
        if one is None or one.keeps_attributes:
            span = table.rows.span(place)
            return table.rows.columns[span], table.weights[span]
        nodes = np.array([node - self.index.num_items for node in one.nodes if node >= self.index.num_items], np.int64)
        return nodes, table.row(nodes)

    def cosines(self, modality: str, vector: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """(num_items,) cosines of a unit vector with every item's, and which items have one; 0 where one has none."""
        table = self.index.vectors[modality]
        found = np.zeros(self.num_items, np.float32)
        there = np.zeros(self.num_items, np.bool_)
        np.matmul(table.unit, vector, out=found[: self.index.num_items])
        there[: self.index.num_items] = table.present
        for place in self.own:
            mine = self.vector(place, modality)
            there[place] = mine is not None
            found[place] = 0.0 if mine is None else mine @ vector
        there[self.gone] = False
        return found, there

    def extend(self, scores: Floats) -> Floats:
        """(index.num_items,) scores of a user, before seen items are marked -> (num_items,): new items inherit theirs,
        -inf where nothing can be said; gone items -inf.
        """
        if self.plain:
            return scores
        found = np.full(self.num_items, -np.inf, np.float32)
        found[: len(scores)] = scores
        if self.has_source.any() and self.index.inherit is not None:
            fresh = self.index.inherit.scores(scores, self.sources)
            found[len(scores) :] = np.where(self.has_source, fresh, -np.inf)
        found[self.gone] = -np.inf
        return found


@dataclass(frozen=True)
class Known:
    """A change on an index: the item, and what it inherits from (one row), None where nothing can be said of it."""

    item: Fresh
    place: int
    source: Inherited | None


def known(index: Index, changes: Iterable[Change], before: Mapping[int, Known]) -> dict[int, Known]:
    """What each change that is no deletion means on this index, by sequence; `before`: what is known already."""
    found = {}
    for change in changes:
        if not change.gone:
            found[change.sequence] = before.get(change.sequence) or _known(index, change)
    return found


def _known(index: Index, change: Change) -> Known:
    place = index.item_ids.find(change.id.encode("utf-8", "surrogatepass"))
    item = fresh_of(index, change, None if place == MISSING else place)
    inherit = index.inherit
    if inherit is None or place != MISSING or not inherit.knows(item.vectors, item.nodes):
        return Known(item, place, None)
    return Known(item, place, inherit.of(inherit.likeness(item.vectors, item.nodes)[None]))


def overlaid(index: Index, changes: Iterable[Change], made: Mapping[int, Known]) -> Live:
    """The index under these changes, oldest first; `made`: `known` of them."""
    new: list[Known] = []
    changed, gone = {}, []
    for change in changes:
        if change.gone:
            gone.append(index.item_ids.find(change.id.encode("utf-8", "surrogatepass")))
        elif made[change.sequence].place == MISSING:
            new.append(made[change.sequence])
        else:
            changed[made[change.sequence].place] = made[change.sequence].item
    sources, has_source = _sources(index, new)
    there = np.array(sorted(place for place in gone if place != MISSING), np.int64)
    return Live(index, tuple(one.item for one in new), changed, there, sources, has_source)


def fresh_of(index: Index, change: Change, place: int | None) -> Fresh:
    """An item as a change says it is; `place` in the index, whose attributes stand where the change names none."""
    before = orjson.loads(index.item_cards[place]) if place is not None else None
    card = card_of(change.id, change.body, before)
    vectors = {
        name: np.asarray(one / max(1e-12, float(np.linalg.norm(one))), np.float32)
        for name, (encoder, version, one) in change.vectors.items()
        if name in index.vectors and index.encoders.get(name) == (encoder, version)
    }
    nodes = () if index.inherit is None else (index.inherit.node(one) for one in entities_of(change.body))
    page = orjson.dumps(page_of(card, change.body))
    there = tuple(sorted({node for node in nodes if node != MISSING}))
    name = fold(f"{card['title']} {change.id}")
    keeps = place is not None and change.body.get("attributes") is None and change.body.get("relations") is None
    return Fresh(change.id, orjson.dumps(card), page, card["kind"], name, vectors, there, keeps)


def _sources(index: Index, new: Sequence[Known]) -> tuple[Inherited, NDArray[np.bool_]]:
    size = KEPT if index.inherit is None else min(KEPT, len(index.inherit.landmarks))
    found = nothing_inherited(len(new), size)
    for row, one in enumerate(new):
        if one.source is not None:
            found.places[row], found.weights[row] = one.source.places[0], one.source.weights[0]
    return found, np.array([one.source is not None for one in new], np.bool_)
