"""The words of explanations: templates over facts that have been proved, nothing else. The texts themselves are data:
`graph.explain_texts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from graph.errors import InvalidData
from graph.explain_texts import NAMES, NOUNS, TEXTS
from graph.explain_texts import VERBS as WORDS

ENGLISH = "en"
LANGUAGES = tuple(TEXTS)
VERBS: Mapping[str, str] = MappingProxyType({kind: word for kind, word in WORDS[ENGLISH].items() if kind != "CHOSEN"})
"""Relationship type of a positive interaction -> what «you» did. A rating counts from a threshold on."""

_CODE = re.compile(r"[a-z]{1,2}[./][0-9a-z_]+|[QP]?\d+", re.ASCII)
"""Ids of Freebase (`m.0abc`, `m/0abc`), Wikidata (`Q42`) and bare numbers: no name a person would know."""


def language(asked: str | None, accepted: str = "") -> str:
    """The language of an answer: the one `asked` for, else the first of an `Accept-Language` header that there is.

    Raises `InvalidData` for an asked one that there is not.
    """
    if asked is not None:
        if asked not in LANGUAGES:
            raise InvalidData(f"the language {asked!r}", valid=", ".join(LANGUAGES), remedy="name one of these")
        return asked
    for part in accepted[:1000].split(","):
        name = part.partition(";")[0].strip().lower().partition("-")[0]
        if name in LANGUAGES:
            return name
    return ENGLISH


def say(lang: str, key: str, **places: object) -> str:
    """A text with its places filled in."""
    return TEXTS[lang][key].format(**places)


def did(lang: str, kind: str) -> str:
    """What somebody did, by relationship type."""
    return WORDS[lang][kind]


def noun(relation: str, lang: str = ENGLISH) -> str:
    """A relation in words: `HAS_GENRE` -> genre, `FILM_FILM_ACTOR` -> actor, `FILM_FILM_DIRECTED_BY` -> director."""
    name = relation.removeprefix("HAS_").strip("_")
    parts = name.split("_")
    if len(parts) > 2 and parts[0] == parts[1]:  # Freebase writes domain.type.property
        name = "_".join(parts[2:])
    return NOUNS[lang].get(name, name.replace("_", " ").lower())


def named(name: str, lang: str = ENGLISH) -> str:
    """The name of an attribute, translated where everybody does."""
    return NAMES[lang].get(name, name)


def is_name(name: str | None, identity: str) -> bool:
    """Whether a node has a name to show: there is one, and it is not just its code."""
    return bool(name) and name != identity and not _CODE.fullmatch(str(name).rpartition(":")[2])


def titled(title: str | None, year: object, identity: str) -> str:
    """`Toy Story (1995)`; the id where there is no title."""
    if not title:
        return identity
    return title if year in (None, "") or str(year) in title else f"{title} ({year})"


def because(lang: str, liking: str, liked: str, rest: str) -> str:
    """What you did, and what follows."""
    return say(lang, "because", did=did(lang, liking), liked=liked, rest=rest)


def shared(relation: str, name: str | None, lang: str = ENGLISH) -> str:
    """Both have the same attribute; without a name only that it is the same."""
    if name is None:
        return say(lang, "shared_unnamed", relation=noun(relation, lang))
    return say(lang, "shared", relation=noun(relation, lang), name=named(name, lang))


def direct(relation: str, head: str, tail: str, lang: str = ENGLISH) -> str:
    """head -relation-> tail, as the graph has it."""
    return say(lang, "direct", tail=tail, relation=noun(relation, lang), head=head)
