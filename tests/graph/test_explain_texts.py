"""Both languages say the same: the same texts with the same places, the same verbs, the same nouns."""

from string import Formatter

import pytest

from graph.errors import InvalidData
from graph.explain_texts import NOUNS, TEXTS, VERBS
from graph.explain_words import LANGUAGES, language
from graph.schema import KIND_TO_TYPE, NEGATIVE_KINDS


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("table", [TEXTS, VERBS, NOUNS])
def test_every_language_has_every_key(table) -> None:
    assert set(table) == set(LANGUAGES) == {"en", "zh"}
    assert set(table["en"]) == set(table["zh"])
    assert all(text for lang in table.values() for text in lang.values())


@pytest.mark.parametrize("key", sorted(TEXTS["en"]))
def test_places_are_the_same(key: str) -> None:
    english, chinese = places(TEXTS["en"][key]), places(TEXTS["zh"][key])
    assert english == chinese or (key == "next" and chinese <= english)


def test_every_liking_has_a_verb() -> None:
    liking = {KIND_TO_TYPE[kind] for kind in KIND_TO_TYPE if kind not in NEGATIVE_KINDS}
    assert liking <= set(VERBS["en"])


@pytest.mark.parametrize(
    ("asked", "accepted", "expected"),
    [("zh", "", "zh"), (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"), (None, "fr, en;q=0.5", "en"), (None, "", "en"),
     ("en", "zh", "en"), (None, ";;,,*", "en")],
)  # fmt: skip
def test_the_language_is_asked_for_or_accepted(asked: str | None, accepted: str, expected: str) -> None:
    assert language(asked, accepted) == expected


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidData, match="xx"):
        language("xx")
