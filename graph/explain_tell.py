"""From a proof and its row to an `Explanation`: words, path and query. One function a kind of reason.

A row comes from the proof's own Cypher or, of what is measured in the index, from there: the same columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from graph import explain_words as words
from graph.queries import QUERIES
from graph.queries_explain import MEASURED, PROOFS
from graph.schema import FRIEND, ITEM, SIMILAR, USER

PEOPLE, FRIENDS = "People", "Friends"
"""Labels of nodes of a path that stand for many people: no node of the graph."""
FEWEST_PEOPLE = 5
"""A reason speaks of so many people or of none, unless a setting says otherwise; numbers are told in steps of it,
downwards."""
NEW = "new_"


@dataclass(frozen=True)
class PathNode:
    """A node of the path."""

    id: str
    label: str
    title: str


@dataclass(frozen=True)
class PathRelationship:
    """`source` and `target` are node ids, unique within their labels."""

    source: str
    source_label: str
    target: str
    target_label: str
    type: str


@dataclass(frozen=True)
class Effect:
    """What the interaction that a reason names does for the item's score: points that are lost without it, the mean of
    the points that are lost without each other one, and its place among all `of` them.
    """

    drop: float
    others: float
    place: int
    of: int


@dataclass(frozen=True)
class Explanation:
    """The words, the path from the user to the item, and the query with parameters that returns it.

    `kind` names the proof; `lang` the language; `effect` is None where no interaction is named or nothing measured.
    """

    text: str
    nodes: tuple[PathNode, ...]
    relationships: tuple[PathRelationship, ...]
    cypher: str
    parameters: Mapping[str, Any]
    kind: str = "attribute"
    lang: str = words.ENGLISH
    effect: Effect | None = None

    @property
    def measured(self) -> str:
        """Where the fact comes from: `graph`, which was asked, or `index`; its query measures it again."""
        return "index" if self.kind in MEASURED else "graph"

    def json(self) -> dict[str, Any]:
        """As the API gives it."""
        path = {"nodes": [dict(vars(one)) for one in self.nodes],
                "relationships": [dict(vars(one)) for one in self.relationships]}  # fmt: skip
        return {
            "text": self.text, "kind": self.kind, "path": path, "cypher": self.cypher,
            "parameters": dict(self.parameters), "measured": self.measured,
            "effect": None if self.effect is None else dict(vars(self.effect)),
        }  # fmt: skip


Told: TypeAlias = tuple[str, tuple[PathNode, ...], tuple[PathRelationship, ...]]
Teller: TypeAlias = Callable[[str, Mapping[str, Any], Mapping[str, Any]], Told]


def told(
    proof: str,
    facts: Mapping[str, Any],
    row: Mapping[str, Any],
    lang: str = words.ENGLISH,
    effect: Effect | None = None,
) -> Explanation:
    """`proof`: a name in `PROOFS`; `facts`: its parameters; `row`: what it returns for them."""
    kind = proof.removeprefix(NEW)
    text, nodes, relationships = _TELL[kind](lang, facts, row)
    return Explanation(text, nodes, relationships, QUERIES[f"path_{proof}"], dict(facts), kind, lang, effect)


def proof_of(explanation: Explanation) -> str | None:
    """The proof whose query this is; None for a query that is none of ours."""
    return next((name for name in PROOFS if QUERIES[f"path_{name}"] == explanation.cypher), None)


def at_least(people: int, step: int = FEWEST_PEOPLE) -> int:
    """How many people are told: in steps, downwards; 0 where there are too few to be told."""
    return people // step * step


def _ends(facts: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[list[PathNode], PathNode, PathNode, list[Any]]:
    """What stands before the liked item, the two items, and how the first are joined."""
    liked, item = (
        PathNode(row[end], ITEM, words.titled(row[f"{end}_title"], row[f"{end}_year"], row[end]))
        for end in ("liked", "item")
    )
    if row["user"] is None:
        return [], liked, item, []
    user = PathNode(row["user"], USER, row["user"])
    return [user], liked, item, [_joined(user, liked, facts["liking"])]


def _attribute(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
    before, liked, item, joined = _ends(facts, row)
    name = row["via_title"] if words.is_name(row["via_title"], row["via"]) else None
    shown = words.noun(facts["relation"], lang) if name is None else name
    via = PathNode(row["via"], facts["label"], shown)
    text = words.because(lang, facts["liking"], liked.title, words.shared(facts["relation"], name, lang))
    edges = (*joined, _joined(liked, via, facts["relation"]), _joined(item, via, facts["relation"]))
    return text, (*before, liked, via, item), edges


def _direct(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any], *, forward: bool) -> Told:
    before, liked, item, joined = _ends(facts, row)
    head, tail = (liked, item) if forward else (item, liked)
    rest = words.direct(facts["relation"], head.title, tail.title, lang)
    text = words.because(lang, facts["liking"], liked.title, rest)
    return text, (*before, liked, item), (*joined, _joined(head, tail, facts["relation"]))


def _from_liked(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
    return _direct(lang, facts, row, forward=True)


def _to_liked(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
    return _direct(lang, facts, row, forward=False)


def _similar(key: str) -> Teller:
    def tell(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
        before, liked, item, joined = _ends(facts, row)
        rest = words.say(lang, key, cosine=f"{facts['cosine']:.2f}")
        text = words.because(lang, facts["liking"], liked.title, rest)
        return text, (*before, liked, item), (*joined, _joined(liked, item, SIMILAR))

    return tell


def _people(key: str) -> Teller:
    def tell(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
        before, liked, item, joined = _ends(facts, row)
        they = PathNode(PEOPLE.lower(), PEOPLE, words.say(lang, "people_node", people=facts["people"]))
        kind = facts["by"]
        rest = words.say(lang, key, people=facts["people"], did=words.did(lang, kind), last=words.did(lang, kind))
        text = words.because(lang, facts["liking"], liked.title, rest)
        return text, (*before, liked, they, item), (*joined, _joined(they, liked, kind), _joined(they, item, kind))

    return tell


def _friends(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
    title = words.say(lang, "friends_node", people=facts["people"])
    text = words.say(lang, "friends", people=facts["people"], did=words.did(lang, facts["last"]))
    return _through(text, PathNode(FRIENDS.lower(), FRIENDS, title), facts, row)


def _friend(lang: str, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
    name = row["via"].partition(":")[2] or row["via"]
    text = words.say(lang, "friend", friend=name, did=words.did(lang, facts["last"]))
    return _through(text, PathNode(row["via"], USER, name), facts, row)


def _through(text: str, via: PathNode, facts: Mapping[str, Any], row: Mapping[str, Any]) -> Told:
    user = PathNode(row["user"], USER, row["user"])
    item = PathNode(row["item"], ITEM, words.titled(row["item_title"], row["item_year"], row["item"]))
    return text, (user, via, item), (_joined(user, via, FRIEND), _joined(via, item, facts["last"]))


def _joined(source: PathNode, target: PathNode, kind: str) -> PathRelationship:
    return PathRelationship(source.id, source.label, target.id, target.label, kind)


_TELL: Mapping[str, Teller] = MappingProxyType(
    {
        "attribute": _attribute,
        "from_liked": _from_liked,
        "to_liked": _to_liked,
        **{f"similar_{name}": _similar(f"similar_{name}") for name in ("text", "image", "audio")},
        "people": _people("people"),
        "next": _people("next"),
        "friends": _friends,
        "friend": _friend,
    }
)
