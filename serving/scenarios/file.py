"""A scenario's YAML file as people write it, checked: errors name the file, the line, the value and what is valid."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from graph.errors import InvalidData
from serving.related_parts import RELATIONS
from serving.scenarios.preset import (
    CONTINUE,
    FOR_YOU,
    FRIENDS,
    LANGUAGES,
    LIKE_LAST,
    NEW,
    PLAYLIST,
    POPULAR,
    RELATED,
    SOON,
    TITLES,
    TOGETHER,
    USER,
    Boost,
    Filters,
    Preset,
    Recency,
    Rules,
    Shelf,
)
from serving.schedule import parse_every
from serving.yaml_lines import Entry, read_yaml

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
MOST_SHELVES = 20
MOST_ITEMS = 50
WAYS = ("text", "image", "audio", "graph", "crowd")
GAP = re.compile(r"\{([^{}]*)\}")


def read_preset(path: Path, *, own: bool = True) -> Preset:
    """The scenario of a file, named as the file. Raises `NotFound`, or `InvalidData` that names the line."""
    if not NAME.fullmatch(path.stem):
        raise InvalidData(f"a scenario named {path.stem!r}", valid="lower-case letters, digits, _ and -, at most 40",
                          remedy="rename the file")  # fmt: skip
    root = read_yaml(path, "write it: interlace scenario show shop prints one to copy")
    if root is None:
        raise InvalidData(f"{path.name}, line 1: nothing in it", valid="title and shelves", remedy="write them")
    parts = root.items(("title", "filters", "shelves"), "a scenario")
    if "shelves" not in parts:
        raise root.refuse("a scenario without shelves", "shelves: a list of at least one")
    shelves = parts["shelves"].entries("shelves")
    if not 1 <= len(shelves) <= MOST_SHELVES:
        raise parts["shelves"].refuse(f"{len(shelves)} shelves", f"1 to {MOST_SHELVES}")
    titles = _titles(parts["title"]) if "title" in parts else dict.fromkeys(LANGUAGES, path.stem)
    filters = _filters(parts["filters"].items(tuple(_FILTERS), "filters")) if "filters" in parts else Filters()
    made = tuple(_shelf(one) for one in shelves)
    return Preset(path.stem, titles, made, filters, path.read_text(encoding="utf-8"), own)


def _shelf(entry: Entry) -> Shelf:
    source = _source(entry)
    known = ("source", "title", "n", "seen", *_OPTIONS[source], *_FILTERS, *_RULES)
    parts = entry.items(known, f"a shelf from {source}")
    titles = _titles(parts["title"]) if "title" in parts else dict(TITLES[_TITLE_OF[source]])
    _check_gaps(parts.get("title", entry), source, parts, titles)
    return Shelf(
        source,
        titles,
        int(_whole(parts["n"], "n", MOST_ITEMS)) if "n" in parts else 12,
        {name: _OPTIONS[source][name](one) for name, one in parts.items() if name in _OPTIONS[source]},
        _filters(parts),
        Rules(**{name: _RULES[name](one) for name, one in parts.items() if name in _RULES}),
        _flag(parts["seen"]) if "seen" in parts else source == CONTINUE,
    )


def _source(entry: Entry) -> str:
    parts = entry.items(None, "a shelf")
    if "source" not in parts:
        raise entry.refuse("a shelf without a source", f"source: one of {', '.join(_OPTIONS)}")
    return str(parts["source"].checked("source", ", ".join(_OPTIONS), lambda one: one in _OPTIONS))


def _check_gaps(entry: Entry, source: str, parts: Mapping[str, Entry], titles: Mapping[str, str]) -> None:
    filled = (
        {"item"}
        if source in (LIKE_LAST, TOGETHER, RELATED, PLAYLIST)
        else {"attribute"}
        if "attribute" in parts
        else set()
    )
    for text in titles.values():
        for gap in GAP.findall(text):
            if gap not in filled:
                valid = ", ".join("{" + one + "}" for one in sorted(filled)) or f"no {{…}} in a title of {source}"
                raise entry.refuse(f"the title {text!r} has {{{gap}}}, which {source} does not fill", valid)


def _titles(entry: Entry) -> dict[str, str]:
    """The name of one of ours, words for every language, or words by language."""
    if isinstance(entry.node.value, str):
        text = str(entry.value)
        return dict(TITLES[text]) if text in TITLES else dict.fromkeys(LANGUAGES, text)
    given = {name: _text(one) for name, one in entry.items(LANGUAGES, "title").items()}
    if not given:
        raise entry.refuse("a title without words", "{en: …, zh: …}")
    first = next(iter(given.values()))
    return {language: given.get(language, first) for language in LANGUAGES}


def _filters(parts: Mapping[str, Entry]) -> Filters:
    given = {_FIELD_OF.get(name, name): _FILTERS[name](one) for name, one in parts.items() if name in _FILTERS}
    return Filters(**given)


def _text(entry: Entry) -> str:
    good = entry.checked(
        "it", "words, at most 200 characters", lambda one: isinstance(one, str) and 0 < len(one) <= 200
    )
    return str(good)


def _name(entry: Entry) -> str:
    """A word, also where YAML reads a number or a truth value (`no`, `1984`)."""
    text = getattr(entry.node, "value", None)
    if not isinstance(text, str) or not text or len(text) > 1024:
        raise entry.refuse("no name", "a word or a number")
    return text


def _names(entry: Entry) -> tuple[str, ...]:
    """One name, or a list of them."""
    if isinstance(entry.node.value, str):
        return (_name(entry),)
    return tuple(_name(one) for one in entry.entries("names"))


def _by_label(entry: Entry) -> dict[str, tuple[str, ...]]:
    return {label: _names(one) for label, one in entry.items(None, "attributes").items()}


def _ranges(entry: Entry) -> dict[str, tuple[float | None, float | None]]:
    return {name: _range(one) for name, one in entry.items(None, "ranges").items()}


def _range(entry: Entry) -> tuple[float | None, float | None]:
    valid = "[lowest, highest], null for an open end, such as [10, null]"
    ends = entry.entries("a range")
    if len(ends) != 2:
        raise entry.refuse(f"a range of {len(ends)} values", valid)
    low, high = (one.checked("an end of a range", valid, lambda value: value is None or _number(value)) for one in ends)
    if low is not None and high is not None and low > high:
        raise entry.refuse(f"the range [{low}, {high}]", "the lowest first")
    return low, high


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _relation(entry: Entry) -> str:
    return str(entry.checked("relation", ", ".join(RELATIONS), lambda one: one in RELATIONS))


def _flag(entry: Entry) -> bool:
    return bool(entry.checked("it", "true or false", lambda one: isinstance(one, bool)))


def _country(entry: Entry) -> str:
    text = _name(entry)
    return text if text == USER else text.casefold()


def _age(entry: Entry) -> str | float:
    valid = f"{USER}, or a number of years"
    good = entry.checked("age", valid, lambda one: one == USER or (_number(one) and one >= 0))
    return USER if good == USER else float(good)


def _whole(entry: Entry, what: str, most: int) -> int:
    return int(
        entry.checked(
            what,
            f"a whole number, 1 to {most}",
            lambda one: isinstance(one, int) and not isinstance(one, bool) and 1 <= one <= most,
        )
    )


def _share(entry: Entry) -> float:
    return float(entry.checked("explore", "a share, 0 to 0.5", lambda one: _number(one) and 0 <= one <= 0.5))


def _above_zero(what: str) -> Callable[[Entry], float]:
    return lambda entry: float(entry.checked(what, "a number above 0", lambda one: _number(one) and one > 0))


def _weight(what: str) -> Callable[[Entry], float]:
    return lambda entry: float(entry.checked(what, "a number from 0", lambda one: _number(one) and one >= 0))


def _span(entry: Entry) -> float:
    try:
        return parse_every(str(entry.value)).seconds
    except InvalidData as error:
        raise entry.refuse(error.what, error.valid) from error


def _way(entry: Entry) -> str:
    return str(entry.checked("by", ", ".join(WAYS), lambda one: one in WAYS))


def _boosts(entry: Entry) -> tuple[Boost, ...]:
    found = []
    for one in entry.entries("boost"):
        parts = one.items(("attributes", "times"), "a boost")
        if len(parts) != 2:
            raise one.refuse("a boost that lacks one of its two keys", "{attributes: {Brand: Acme}, times: 2}")
        times = _above_zero("times")(parts["times"])
        found += [Boost(label, names, times) for label, names in _by_label(parts["attributes"]).items()]
    return tuple(found)


def _recency(entry: Entry) -> Recency:
    parts = entry.items(("property", "half_life"), "recency")
    if len(parts) != 2:
        raise entry.refuse("a recency that lacks one of its two keys", "{property: published, half_life: 3d}")
    return Recency(_text(parts["property"]), _span(parts["half_life"]))


def _at_most(entry: Entry) -> dict[str, int]:
    return {label: _whole(one, label, MOST_ITEMS) for label, one in entry.items(None, "at_most").items()}


_FIELD_OF = {"kind": "kinds"}
_FILTERS: Mapping[str, Callable[[Entry], Any]] = MappingProxyType({
    "kind": _names,
    "ranges": _ranges,
    "attributes": _by_label,
    "without": _by_label,
    "in_stock": _flag,
    "country": _country,
    "age": _age,
})  # fmt: skip
_RULES: Mapping[str, Callable[[Entry], Any]] = MappingProxyType({
    "pin": _names,
    "boost": _boosts,
    "bury": _by_label,
    "at_most": _at_most,
    "recency": _recency,
})  # fmt: skip
_OPTIONS: Mapping[str, Mapping[str, Callable[[Entry], Any]]] = MappingProxyType({
    FOR_YOU: {},
    LIKE_LAST: {"by": _way},
    TOGETHER: {},
    POPULAR: {"attribute": _text},
    NEW: {"explore": _share, "known_by": lambda entry: _whole(entry, "known_by", 1_000_000), "within": _span},
    CONTINUE: {},
    FRIENDS: {},
    SOON: {"within": _span, "km": _above_zero("km"), "days": _above_zero("days"), "taste": _weight("taste"),
           "friends": _weight("friends")},
    RELATED: {"relation": _relation},
    PLAYLIST: {},
})  # fmt: skip
"""What a shelf of each source may set beside filters and rules."""
_TITLE_OF: Mapping[str, str] = MappingProxyType({
    FOR_YOU: "for-you", LIKE_LAST: "because", TOGETHER: "together", POPULAR: "popular", NEW: "new",
    CONTINUE: "continue", FRIENDS: "friends", SOON: "soon", RELATED: "together", PLAYLIST: "playlist",
})  # fmt: skip
