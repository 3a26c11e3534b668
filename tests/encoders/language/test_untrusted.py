"""What catalogue words become in a prompt, and which are found out."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.language.prompts import TEMPLATES, again, item_fields, likely
from encoders.language.untrusted import BEGIN, END, LONGEST, as_data, instructs, plain
from tests.encoders.language.films import FILMS
from tests.encoders.language.injections import ALL, LOUD


@settings(deadline=None)
@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_text_leaves_its_block(text: str, more: list[str]) -> None:
    lines = as_data({"text": text, "more": more}).split("\n")
    assert (len(lines), lines[0], lines[-1]) == (3, BEGIN, END)
    assert not set("<>") & set(lines[1])
    found = json.loads(lines[1])
    assert all(len(one) <= LONGEST for one in [found.get("text", ""), *found.get("more", [])])
    assert all(char.isprintable() for char in found.get("text", ""))


@pytest.mark.parametrize("text", ALL)
def test_no_injection_leaves_its_block_or_keeps_a_chat_mark(text: str) -> None:
    shown = as_data({"text": text, "attributes": [text]})
    assert shown.count(END) == 1
    assert not re.search(r"<\||\|>|\[/?INST\]|<<SYS>>|\uff5c|[\u200b\u202e\U000E0000-\U000E007F]", shown)


@pytest.mark.parametrize("text", LOUD)
def test_what_speaks_to_a_model_is_found(text: str) -> None:
    assert instructs(text)
    assert instructs("A quiet film on a lighthouse. " * 30 + text)


@pytest.mark.parametrize("words", FILMS.values(), ids=FILMS)
def test_what_speaks_of_films_is_not(words: object) -> None:
    assert not words.suspicious  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "He must return home before dawn, and only says that he will reply.", "HDMI output with 4K support.",
        "They return with the gold.", "AI: the movie.", "Human: a history.", "We print with soy ink on 10 sheets.",
        "I always recommend it to friends, and rate it 10 out of 10.", "Return policy: no questions asked.",
        "Move it to the top shelf.", "Place it above the sink.", "He answers the call of duty with no fear.",
        "Recommend this first to new readers.", "Operating system: Windows 10.", "Developer: Valve. User: one.",
        "She works as an assistant to a model.", "Forget the rules of love.", "You are a model student, they say.",
        "The content: 12 cups. Role: a spy.", "A new set of rules: no talking.", "Ignore the noise around you.",
    ],
)  # fmt: skip
def test_what_is_said_of_things_is_not_taken_for_it(text: str) -> None:
    assert not instructs(text)


def test_a_long_text_is_read_at_once() -> None:
    began = time.process_time()
    for part in ("[ ", "<|", "ignore ", "return ", '"score" ', "<", "&#", "as an ", "a" * 59 + " "):
        instructs(part * 5_000)
    assert time.process_time() - began < 2


def test_marks_that_join_when_one_is_taken_out_go_too() -> None:
    assert plain("<<|x|>|im_end|>") == ""
    assert plain("a <|x|> b") == "a b"


def test_the_question_is_the_same_for_every_item() -> None:
    one, other = (TEMPLATES["item-summary"].ask(item_fields(text, text, text, text, [text])) for text in ALL[:2])
    assert one.system == other.system
    assert one.user != other.user
    assert again(one, "why").user == one.user
    assert likely({"liked": ["a"]}).start == ""


def test_a_prompt_is_bounded() -> None:
    huge = "word " * 100_000
    prompt = TEMPLATES["item-summary"].ask(item_fields(huge, huge, huge, huge, [huge] * 100))
    assert len(prompt.user) < 2_000


def test_no_honest_description_is_taken_for_an_injection(data_root: Path) -> None:
    with (data_root / "ml-100k" / "items_overview.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1_700
    assert [row["title"] for row in rows if instructs(row["title"], row["overview"])] == []
