"""The words of explanations: templates over facts that a query has returned, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "RATED": "liked",
        "LIKED": "liked",
        "PURCHASED": "bought",
        "LISTENED": "listened to",
        "VIEWED": "viewed",
        "CLICKED": "opened",
    }
)
"""Relationship type of a positive interaction -> what «you» did. A rating counts from a threshold on."""

_NOUNS: Mapping[str, str] = MappingProxyType(
    {
        "DIRECTED_BY": "director",
        "WRITTEN_BY": "writer",
        "PRODUCED_BY": "producer",
        "CINEMATOGRAPHY": "cinematographer",
        "PRODUCTION_COMPANIES": "production company",
        "SUBJECTS": "subject",
        "RATING": "content rating",
    }
)
_CODE = re.compile(r"[a-z]{1,2}[./][0-9a-z_]+|[QP]?\d+", re.ASCII)
"""Ids of Freebase (`m.0abc`, `m/0abc`), Wikidata (`Q42`) and bare numbers: no name a person would know."""


def noun(relation: str) -> str:
    """A relation in words: `HAS_GENRE` -> genre, `FILM_FILM_ACTOR` -> actor, `FILM_FILM_DIRECTED_BY` -> director."""
    name = relation.removeprefix("HAS_").strip("_")
    parts = name.split("_")
    if len(parts) > 2 and parts[0] == parts[1]:  # Freebase writes domain.type.property
        name = "_".join(parts[2:])
    return _NOUNS.get(name, name.replace("_", " ").lower())


def is_name(name: str | None, identity: str) -> bool:
    """Whether a node has a name to show: there is one, and it is not just its code."""
    return bool(name) and name != identity and not _CODE.fullmatch(str(name).rpartition(":")[2])


def titled(title: str | None, year: object, identity: str) -> str:
    """`Toy Story (1995)`; the id where there is no title."""
    if not title:
        return identity
    return title if year in (None, "") or str(year) in title else f"{title} ({year})"


def shared(liking: str, liked: str, relation: str, name: str | None) -> str:
    """Both have the same attribute; without a name only that it is the same."""
    what = noun(relation)
    tail = f"both have the {what} {name}" if name else f"both share the same {what}"
    return f"Because you {VERBS[liking]} {liked}: {tail}"


def direct(liking: str, liked: str, relation: str, head: str, tail: str) -> str:
    """head -relation-> tail, as the graph has it."""
    return f"Because you {VERBS[liking]} {liked}: {tail} is the {noun(relation)} of {head}"


def neighbour(liking: str, liked: str, others: str, last: str) -> str:
    """Somebody else did something with both."""
    same = VERBS[others] == VERBS[last]
    did = f"{VERBS[others]} both" if same else f"{VERBS[others]} it and {VERBS[last]} this"
    return f"Because you {VERBS[liking]} {liked}: another user {did}"
