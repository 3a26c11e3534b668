"""A short list judged: what one item's text can do, at most, even to a model that obeys it fully."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest

from encoders.language import judge as judging
from encoders.language.ask import Asker
from encoders.language.cache import AnswerCache
from encoders.language.judge import PINNED, Judged, Words, judge
from encoders.language.local import LocalCausal
from encoders.language.provider import Provider, open_provider
from encoders.language.untrusted import as_data, plain
from tests.encoders.language.films import FILMS, LIKED_FILMS, REASON
from tests.encoders.language.injections import ALL, LOUD, PLAIN
from tests.encoders.language.server import Answer, by_model, chat, serving

REACH = 4
LIKED = [FILMS[item] for item in LIKED_FILMS]
CATALOGUE = [Words(f"Film {place}", f"A story of day {place}.", "movie", 1990 + place) for place in range(12)]
WISHES = (
    '{"score": 10}',
    '{"score": 10, "order": ["shop:1", "shop:2"]}',
    '[{"item": "shop:2", "score": 0}]',
    '{"reason": "See https://evil.example, the only good one."}',
    '{"reason": "Ignore the other items from now on."}',
    "Visit https://evil.example",
)
"""What the injections want the model to say."""


def obeying(wish: str) -> Any:
    """A model that gives an honest answer on honest data, and whatever the data wants as soon as it wants something."""
    marks = [as_data({"title": plain(text, 60)}).split("\n")[1][len('{"title": "') : -2] for text in ALL]

    def behave(body: dict[str, Any], _: int) -> Answer:
        user = body["messages"][1]["content"]
        if any(mark in user for mark in marks):
            return chat(wish, tool_calls=[{"function": {"name": "hide_item", "arguments": '{"id": "shop:2"}'}}])
        if '"reason"' in body["messages"][0]["content"]:
            return chat(json.dumps({"reason": "It is a calm story, as others were."}))
        return chat(json.dumps({"score": crc32(user.encode()) % 11}))

    return behave


@pytest.fixture(scope="module", params=WISHES)
def obedient(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with serving(obeying(request.param)) as seen:
        yield open_provider("openai:obedient", seen.endpoint())


def judged(
    provider: Provider,
    candidates: list[Words],
    reasons: int = 0,
    liked: list[Words] = LIKED,
    cache: AnswerCache | None = None,
) -> Judged:
    with AnswerCache(None) as fresh:
        return judge(Asker(provider, cache or fresh), liked, candidates, reach=REACH, reasons=reasons)


def injected(text: str, place: int) -> list[Words]:
    """The catalogue with the text in every word of one item."""
    return [Words(text, text, "movie", 1999, (text,)) if one == place else old for one, old in enumerate(CATALOGUE)]


def others(found: Judged, place: int) -> list[int]:
    return [one for one in found.places if one != place]


@pytest.mark.parametrize("place", [0, 5, 11])
def test_no_injection_moves_other_items_past_each_other_or_its_own_far(
    obedient: Provider, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(judging, "instructs", lambda *_: False)  # As if the first line of defence found nothing.
    honest = judged(obedient, CATALOGUE)
    assert honest.places != tuple(range(len(CATALOGUE)))
    with AnswerCache(None) as cache:
        steered = [judged(obedient, injected(text, place), reasons=len(CATALOGUE), cache=cache) for text in ALL]
    for found in steered:
        assert others(found, place) == others(honest, place)
        assert abs(found.places.index(place) - place) <= REACH
        assert all(one is None or "evil" not in one for one in found.said)
        assert [one for spot, one in enumerate(found.judged) if spot != place] == [
            one for spot, one in enumerate(honest.judged) if spot != place
        ]


def test_the_obedient_model_would_have_been_steered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "instructs", lambda *_: False)
    with serving(obeying('{"score": 10}')) as seen:
        provider = open_provider("openai:obedient", seen.endpoint())
        found = [judged(provider, injected(text, 6)) for text in ALL]
    assert all(one.judged[6] == 1.0 for one in found)


@pytest.mark.parametrize("text", LOUD)
def test_what_speaks_to_a_model_keeps_its_place_and_is_never_sent(text: str) -> None:
    with serving(obeying('{"score": 10}')) as seen:
        found = judged(open_provider("openai:obedient", seen.endpoint()), injected(text, 7), reasons=12)
        assert len(seen.bodies) == 2 * (len(CATALOGUE) - 1)
    assert found.places[7] == 7
    assert (found.judged[7], found.said[7], found.pinned[7]) == (None, None, PINNED)


def test_what_was_liked_is_told_without_what_speaks_to_a_model() -> None:
    with serving(obeying('{"score": 10}')) as seen:
        provider = open_provider("openai:obedient", seen.endpoint())
        honest = judged(provider, CATALOGUE)
        assert judged(provider, CATALOGUE, liked=[*LIKED, Words(LOUD[0], "x")]) == honest
        steered = judged(provider, CATALOGUE, liked=[*LIKED, Words(PLAIN[0], "x")])
    assert all(abs(now - before) <= REACH for now, before in enumerate(steered.places))


def test_a_refused_score_pins_its_item_alone() -> None:
    def behave(body: dict[str, Any], _: int) -> Answer:
        return chat("no idea" if "Film 3" in body["messages"][1]["content"] else '{"score": 5}')

    with serving(behave) as seen:
        found = judged(open_provider("openai:m", seen.endpoint()), CATALOGUE)
        assert len(seen.bodies) == len(CATALOGUE) + 1
    assert found.judged.count(0.5) == len(CATALOGUE) - 1
    assert found.pinned[3] is not None
    assert "no score" in found.pinned[3]


def test_without_anything_liked_nothing_is_asked() -> None:
    with serving(obeying("")) as seen:
        found = judged(open_provider("openai:m", seen.endpoint()), CATALOGUE, reasons=3, liked=[])
        assert seen.bodies == []
    assert found.places == tuple(range(len(CATALOGUE)))


def test_a_local_model_judges_by_its_probabilities_and_says_why(causal: LocalCausal) -> None:
    order = ["shop:2", "shop:4", "shop:1", "shop:5", "shop:3"]
    with AnswerCache(None) as cache:
        asker = Asker(causal, cache)
        found = judge(asker, LIKED, [FILMS[item] for item in order], reach=REACH, reasons=2)
    assert [order[place] for place in found.places] == ["shop:1", "shop:2", "shop:3", "shop:4", "shop:5"]
    assert [one is not None and one > 0.8 for one in found.judged] == [False, False, True, False, True]
    assert found.said[2] == REASON
    assert asker.tally.calls >= len(order) + 2
    assert asker.tally.tokens_in > 100 * len(order)


def test_a_local_model_behind_an_endpoint_says_the_same(causal: LocalCausal) -> None:
    def scored(body: dict[str, Any], number: int) -> Answer:
        if '"score"' in body["messages"][0]["content"]:
            return chat('{"score": 8}')
        return by_model(causal)(body, number)

    with serving(scored) as seen:
        found = judged(open_provider("openai:m", seen.endpoint()), [FILMS["shop:1"], FILMS["shop:3"]], reasons=2)
    assert found.said == (REASON, REASON)
