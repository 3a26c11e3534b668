"""Cache, one retry, counted refusals, and what asking cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from encoders.language.ask import Asker, Prices, Tally
from encoders.language.cache import AnswerCache, answer_key
from encoders.language.prompts import TEMPLATES
from encoders.language.provider import Completion, open_provider
from graph.errors import Conflict, InvalidData
from tests.encoders.language.films import FILMS, LINK
from tests.encoders.language.server import Answer, chat, serving

PROMPTS = [TEMPLATES["item-summary"].ask(film.fields()) for film in FILMS.values()]
GOOD = '{"summary": "A quiet film on letters."}'


def test_the_second_run_asks_nobody(tmp_path: Path) -> None:
    with serving(lambda *_: chat(GOOD, 100, 10)) as seen:
        for calls in (len(PROMPTS), 0):
            with AnswerCache(tmp_path / "cache" / "language.sqlite") as cache:
                asker = Asker(open_provider("openai:m", seen.endpoint()), cache)
                answers = asker.ask("summary", PROMPTS)
            assert [one.text for one in answers] == ["A quiet film on letters."] * len(PROMPTS)
            assert (asker.tally.calls, asker.tally.cached) == (calls, len(PROMPTS) - calls)
            assert (asker.tally.tokens_in, asker.tally.tokens_out) == (100 * calls, 10 * calls)
    words = (tmp_path / "cache" / "language.sqlite").read_bytes()
    assert b"Star Road" not in words


def test_one_retry_then_a_counted_refusal() -> None:
    with serving(lambda *_: chat('{"summary": "See https://evil.example now."}')) as seen, AnswerCache(None) as cache:
        asker = Asker(open_provider("openai:m", seen.endpoint()), cache)
        assert asker.ask("summary", PROMPTS[:1])[0].refused.startswith("it held a link")
        assert len(seen.bodies) == 2
        first, second = (body["messages"][0]["content"] for body in seen.bodies)
        assert second == f"{first}\nYour last answer was refused: {LINK}."
        assert asker.tally.retries == 1
        assert dict(asker.tally.refused) == {LINK: 1}
        asker.ask("summary", PROMPTS[:1])
        assert len(seen.bodies) == 2
        replace(asker, anew=True).ask("summary", PROMPTS[:1])
        assert len(seen.bodies) == 4


def test_a_retry_that_passes_is_taken() -> None:
    with serving(lambda _, number: chat(GOOD if number else "Sure!")) as seen, AnswerCache(None) as cache:
        asker = Asker(open_provider("openai:m", seen.endpoint()), cache)
        assert asker.ask("summary", PROMPTS[:1])[0].text
        assert asker.tally.refused == {}


def test_what_no_model_said_is_not_kept() -> None:
    with serving(lambda _, number: chat(GOOD if number > 1 else None)) as seen, AnswerCache(None) as cache:
        asker = Asker(open_provider("openai:m", seen.endpoint()), cache)
        assert asker.ask("summary", PROMPTS[:1])[0].refused == "it held no text"
        assert asker.ask("summary", PROMPTS[:1])[0].text


def test_any_other_question_is_another_key() -> None:
    prompt = PROMPTS[0]
    values = {"version": 2, "user": "x", "system": "x", "name": "x", "start": "x", "max_tokens": 1}
    changed = [replace(prompt, **{name: value}) for name, value in values.items()]
    keys = {answer_key("openai:m@h", one) for one in (prompt, *changed)} | {answer_key("openai:n@h", prompt)}
    assert len(keys) == len(changed) + 2


def test_what_was_answered_before_the_model_went_away_is_kept(tmp_path: Path) -> None:
    with serving(lambda _, number: chat(GOOD) if number < 2 else Answer(401)) as seen:
        with AnswerCache(tmp_path / "c") as cache:
            asker = Asker(open_provider("openai:m", seen.endpoint(parallel=1)), cache)
            asker.ask("summary", PROMPTS[:2])
            with pytest.raises(Exception, match="refused the key"):
                asker.ask("summary", PROMPTS)
        with AnswerCache(tmp_path / "c") as cache:
            assert len(cache.get([answer_key(asker.provider.name, one) for one in PROMPTS])) == 2


def test_cost_is_by_the_settings_prices() -> None:
    tally = Tally(calls=2, tokens_in=2_000_000, tokens_out=500_000)
    assert tally.as_dict(Prices(0.5, 2.0))["price"] == pytest.approx(2.0)
    assert tally.as_dict(Prices())["price"] == 0


def test_a_cache_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"no database at all, but long enough to be taken for one" * 50)
    with pytest.raises(InvalidData, match="broken"):
        AnswerCache(broken)
    (tmp_path / "folder").mkdir()
    with pytest.raises(Conflict, match="cannot be used"):
        AnswerCache(tmp_path / "folder")
    with AnswerCache(tmp_path / "good") as cache:
        cache.put({b"k": Completion("text", 1, 2)})
        assert cache.get([b"k", b"l"]) == {b"k": Completion("text", 1, 2)}
