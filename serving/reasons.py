"""Why items are recommended: what may be said (`serving.reason_paths`), what of it holds, and the best of that.

What is measured in the index (likeness, people) is told with the query that measures it again; what is read from the
graph is asked for: which likings it holds, by which relations items are joined. Facts about pairs of items are
remembered until another index is published: the store is asked once. So are whole answers, as long as the user and the
catalogue stay the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import Lock
from typing import Any

import orjson

from graph.consent import EXPLANATION
from graph.explain import explain
from graph.explain_tell import FEWEST_PEOPLE, NEW, Effect, Explanation, at_least, told
from graph.explain_words import ENGLISH, VERBS
from graph.store import GraphStore
from serving.corrections import Interest
from serving.crowd import Crowd, crowd_of
from serving.foldin import Viewer
from serving.index import Index
from serving.live import Live
from serving.reason_paths import ALWAYS_TRIED, Candidate, Likings, candidates, card, chosen, likings_of, without
from serving.remembered import Remembered
from serving.ties import Ties

ROUNDS = 3
"""Of asking the graph for a shared attribute: where it has none, the next best is tried."""
DIRECT = 1.2
REMEMBERED = 100_000
REMEMBERED_USERS = 2_000
"""Whose likings are remembered, some tens each."""
REMEMBERED_ANSWERS = 1_000
"""Of ten reasons each: 15 KB an answer."""
FRIENDS_READ = 500

Liking = tuple[int, str]
"""Position of the item, and the type of the relationship."""
Fact = tuple[str, str, str, str]
"""Proof, liked item, item, and the node between them."""


class Reasoner:
    """One a worker; keeps what it has learned of one index. `k_anonymity`: the fewest people a reason speaks of."""

    def __init__(self, k_anonymity: int = FEWEST_PEOPLE) -> None:
        self._fewest = k_anonymity
        self._lock = Lock()
        self._turn = Lock()
        """One thread computes at a time: many would wait for the interpreter after each other's matrix products."""
        self._index: Index | None = None
        self._crowd: Crowd | None = None
        self._ties = Ties()
        self._facts: dict[Fact, list[dict[str, Any]]] = {}
        self._held_by: dict[str, frozenset[Liking]] = {}
        self._told: tuple[Live | None, Remembered[list[bytes]]] = None, Remembered()

    def for_user(
        self,
        store: GraphStore,
        live: Live,
        who: Viewer,
        items: Sequence[int],
        lang: str = ENGLISH,
        removed: Sequence[Interest] = (),
    ) -> list[Explanation | None]:
        """The reason of each item (positions), None where nothing is proved. Raises what the store does.

        `removed`: interests that count no more: no reason names what has them.
        """
        return self._of_user(store, live, who, items, lang, removed)[0]

    def json_for_user(
        self,
        store: GraphStore,
        live: Live,
        who: Viewer,
        items: Sequence[int],
        lang: str = ENGLISH,
        removed: Sequence[Interest] = (),
    ) -> list[bytes]:
        """The same as JSON, `null` where nothing is proved; what lasts is remembered for `told_before`."""
        found, liked = self._of_user(store, live, who, items, lang, removed)
        told = [as_json(one) for one in found]
        if liked is not None:
            self._answers_on(live).put(who.name, _made_of(liked, items, lang), told)
        return told

    def told_before(
        self, live: Live, who: Viewer, items: Sequence[int], lang: str = ENGLISH, removed: Sequence[Interest] = ()
    ) -> list[bytes] | None:
        """What `json_for_user` answered, if nothing has changed since; asks no store."""
        crowd, (catalogue, answers) = self._crowd, self._told
        if catalogue is not live or crowd is None or who.impersonal:
            return None
        return answers.get(who.name, _made_of(self._liked(live, who, crowd, removed), items, lang))

    def _of_user(
        self, store: GraphStore, live: Live, who: Viewer, items: Sequence[int], lang: str, removed: Sequence[Interest]
    ) -> tuple[list[Explanation | None], Likings | None]:
        """The reasons, and what they were made of where they stay true while that and the catalogue are the same."""
        if who.impersonal:
            return [None] * len(items), None
        crowd, _ = self._ready(live.index)
        liked = self._liked(live, who, crowd, removed)
        found, lasting = self._explain(store, live, liked, list(items), lang)
        return found, liked if lasting else None

    def _liked(self, live: Live, who: Viewer, crowd: Crowd, removed: Sequence[Interest]) -> Likings:
        return without(live, likings_of(live, who, crowd), removed)

    def for_newcomer(
        self, store: GraphStore, live: Live, named: Sequence[str], items: Sequence[int], lang: str = ENGLISH
    ) -> list[Explanation | None]:
        """The same for somebody who is no node of the graph, from the items they named."""
        self._ready(live.index)
        return self._explain(store, live, chosen(live, list(named)), list(items), lang)[0]

    def _ready(self, index: Index) -> tuple[Crowd, Ties]:
        with self._lock:
            if self._index is not index or self._crowd is None:
                self._index, self._ties, self._facts, self._held_by = index, Ties(), {}, {}
                self._crowd = crowd_of(index, self._fewest)
            if len(self._facts) > REMEMBERED:
                self._facts = {}
            if len(self._held_by) > REMEMBERED_USERS:
                self._held_by = {}
            return self._crowd, self._ties

    def _answers_on(self, live: Live) -> Remembered[list[bytes]]:
        """What was answered on this catalogue as it is now."""
        with self._lock:
            if self._told[0] is not live:
                self._told = live, Remembered(REMEMBERED_ANSWERS)
            return self._told[1]

    def _explain(
        self, store: GraphStore, live: Live, who: Likings, items: list[int], lang: str
    ) -> tuple[list[Explanation | None], bool]:
        """The reasons, and whether they stay true while user and catalogue are the same: the graph held every liking
        (else it may be on its way), and nothing was asked that others' settings change.
        """
        crowd, ties = self._ready(live.index)
        with self._turn:
            lists = candidates(live, crowd, ties, who, items)
        held = lists if who.user is None else self._held(store, live, who, lists)
        found = self._proved(store, live, who, items, self._with_direct(store, live, items, held), lang)
        if who.user is None or None not in found:
            return found, held is lists
        return self._otherwise(store, live, who.user, items, found, crowd.at_least, lang), False

    def _held(self, store: GraphStore, live: Live, who: Likings, lists: list[list[Candidate]]) -> list[list[Candidate]]:
        """Those whose liking the graph holds: the lists themselves where it holds every one."""
        wanted = {(one.liked, one.liking): one.at_least for found in lists for one in found}
        held = self._likings_held(store, live, who.user or "", wanted)
        if len(held) == len(wanted):
            return lists
        return [[one for one in found if (one.liked, one.liking) in held] for found in lists]

    def _likings_held(
        self, store: GraphStore, live: Live, user: str, wanted: Mapping[Liking, float]
    ) -> Collection[Liking]:
        """Those of a user that are in the graph, a rating at least as high. What it was seen to hold is remembered,
        what it lacked is asked for again: it may be on its way there.
        """
        known = self._held_by.get(user, frozenset())
        if wanted.keys() <= known:
            return wanted.keys()
        asked = {live.id(liked): liked for liked, _ in wanted}
        rows = store.query("user_likes", {"user": user, "items": sorted(asked)}).dicts()
        there = {(asked[item], type_): value for row in rows for item, type_, value in row["rows"]}
        held = {
            key
            for key, least in wanted.items()
            if key in there and (key[1] != "RATED" or (there[key] is not None and there[key] >= least))
        }
        lasting = frozenset(key for key in held if key[0] < live.index.num_items and key[0] not in live.changed)
        self._held_by[user] = known | lasting
        return held

    def _with_direct(
        self, store: GraphStore, live: Live, items: list[int], lists: list[list[Candidate]]
    ) -> list[list[Candidate]]:
        """With relations that join the likings that count most with the items."""
        tried = [_likings(found)[:ALWAYS_TRIED] for found in lists]
        asked = [("direct", live.id(one.liked), live.id(item), "")
                 for item, found in zip(items, tried, strict=True) for one in found]  # fmt: skip
        rows = self._asked(store, "pairs_direct", asked)
        more = []
        for item, found in zip(items, tried, strict=True):
            new = []
            for one in found:
                for row in rows["direct", live.id(one.liked), live.id(item), ""]:
                    proof = "from_liked" if row["forward"] else "to_liked"
                    prefix = NEW if one.proof.startswith(NEW) else ""
                    rest = {"relation": row["relation"]}
                    new.append(one._replace(proof=prefix + proof, weight=DIRECT * one.weight, rest=rest))
            more.append(new)
        return [sorted([*new, *found], key=lambda one: -one.weight) for new, found in zip(more, lists, strict=True)]

    def _proved(
        self, store: GraphStore, live: Live, who: Likings, items: list[int], lists: list[list[Candidate]], lang: str
    ) -> list[Explanation | None]:
        """The first candidate of each item that holds."""
        found: list[Explanation | None] = [None] * len(items)
        left = {place: list(one) for place, one in enumerate(lists) if one}
        for round_ in range(ROUNDS + 1):
            if round_ == ROUNDS:
                left = {place: [c for c in one if not _is_attribute(c)] for place, one in left.items()}
            asked = [_fact(live, one[0], items[place]) for place, one in left.items() if one and _is_attribute(one[0])]
            rows = self._asked(store, "pairs_attribute", asked)
            for place, one in list(left.items()):
                if not one:
                    del left[place]
                    continue
                best = one.pop(0)
                row = rows[_fact(live, best, items[place])][:1] if _is_attribute(best) else [{}]
                if row:
                    found[place] = _explanation(live, who, best, items[place], row[0], lang)
                    del left[place]
        return found

    def _asked(self, store: GraphStore, query: str, asked: Iterable[Fact]) -> dict[Fact, list[dict[str, Any]]]:
        """What the graph says of these facts: remembered, or asked for now."""
        wanted = list(dict.fromkeys(asked))
        new = [one for one in wanted if one not in self._facts]
        if new:
            pairs = [dict(zip(("liked", "item", "label", "via"), (one[1], one[2], *_split(one[3])), strict=True))
                     for one in new]  # fmt: skip
            learned: dict[Fact, list[dict[str, Any]]] = {one: [] for one in new}
            by_ends = {(one[1], one[2], _split(one[3])[1]): one for one in new}
            for row in store.query(query, {"pairs": pairs}).dicts():
                learned[by_ends[row["liked"], row["item"], row.get("via") or ""]].append(row)
            for rows in learned.values():
                rows.sort(key=lambda row: (row["relation"], str(row.get("forward"))))
            self._facts.update(learned)
            return {one: learned[one] if one in learned else self._facts[one] for one in wanted}
        return {one: self._facts[one] for one in wanted}

    def _otherwise(
        self,
        store: GraphStore,
        live: Live,
        user: str,
        items: list[int],
        found: list[Explanation | None],
        least: float,
        lang: str,
    ) -> list[Explanation | None]:
        """For items that nothing is said of: friends, where they allow it; without content in the index, the graph."""
        left = [live.id(item) for item, one in zip(items, found, strict=True) if one is None]
        given = _by_friends(store, live, user, left, least, lang, self._fewest)
        if live.index.inherit is None and len(given) < len(left) and lang == ENGLISH:
            given = explain(store, user, [name for name in left if name not in given]) | given
        return [given.get(live.id(item)) if one is None else one for item, one in zip(items, found, strict=True)]


def as_json(found: Explanation | None) -> bytes:
    """`null` where nothing is proved."""
    return orjson.dumps(None if found is None else found.json())


def _made_of(who: Likings, items: Sequence[int], lang: str) -> tuple[object, ...]:
    return lang, tuple(items), tuple(who.liked.items()), who.history.tobytes()


def _likings(found: Sequence[Candidate]) -> list[Candidate]:
    """One candidate a liking, those that count most first."""
    by_liked: dict[int, Candidate] = {}
    for one in found:
        by_liked.setdefault(one.liked, one)
    return sorted(by_liked.values(), key=lambda one: -(one.effect[0] if one.effect else 0.0))


def _is_attribute(one: Candidate) -> bool:
    return one.proof.removeprefix(NEW) == "attribute"


def _fact(live: Live, one: Candidate, item: int) -> Fact:
    return "attribute", live.id(one.liked), live.id(item), f"{one.rest['label']}:{one.rest['via']}"


def _split(node: str) -> tuple[str, str]:
    label, _, identity = node.partition(":")
    return label, identity


def _explanation(live: Live, who: Likings, one: Candidate, item: int, row: Mapping[str, Any], lang: str) -> Explanation:
    ends = {**card(live, one.liked, "liked"), **card(live, item, "item")}
    facts = {"liked": ends["liked"], "item": ends["item"], **one.facts}
    if who.user is not None:
        facts = {"user": who.user, **facts}
    if "relation" in row:
        facts["relation"] = row["relation"]
    whole = {"user": who.user, **ends, "relation": facts.get("relation"), "via": None, "via_title": None, **row}
    effect = None if one.effect is None else _effect(one.effect)
    return told(one.proof, facts, whole, lang, effect)


def _effect(found: tuple[float, float, int, int]) -> Effect:
    drop, others, place, of = found
    return Effect(float(f"{drop:.4g}"), float(f"{others:.4g}"), place, of)


def _by_friends(
    store: GraphStore, live: Live, user: str, items: list[str], least: float, lang: str, fewest: int
) -> dict[str, Explanation]:
    """A friend who lets friends know by name; else how many, where they are enough to point at nobody. None of them
    withholds their consent to explanations, also where the graph has not followed yet.
    """
    agreed = live.consents is None or "" not in live.consents.defaults.silent(EXPLANATION)
    asked = {"user": user, "items": items, "types": list(VERBS), "at_least": least, "limit": FRIENDS_READ,
             "agreed": agreed}  # fmt: skip
    rows = store.query("items_friends", asked).dicts()
    agree = {one for one in {one for row in rows for one in row["sharing"]} if live.agrees(one, EXPLANATION)}
    found: dict[str, Explanation] = {}
    for row in sorted(rows, key=lambda row: (row["item"], -len(row["sharing"]), row["last"])):
        name = row["item"]
        facts = {"user": user, "item": name, "last": row["last"], "at_least": least, "agreed": agreed}
        whole = {"user": user, **card(live, live.item(name), "item")}
        via = min(agree.intersection(row["telling"]), default=None)
        if via is not None:
            found.setdefault(name, told("friend", facts | {"via": via}, {**whole, "via": via}, lang))
        elif people := at_least(len(agree.intersection(row["sharing"])), fewest):
            found.setdefault(name, told("friends", facts | {"people": people}, {**whole, "people": people}, lang))
    return found
