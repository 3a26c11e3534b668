"""An endpoint over real HTTP: a model behind it, and everything that one can do wrong."""

from __future__ import annotations

import email.utils
import gzip
import logging
import time
from typing import Any

import pytest

from encoders.language.local import LocalCausal
from encoders.language.prompts import TEMPLATES
from encoders.language.provider import Completion, Endpoint, open_provider
from encoders.language.remote import ATTEMPTS, MAX_BYTES, OpenAICompatible
from graph.errors import Forbidden, InterlaceError, InvalidData, NotFound, ProviderUnavailable, Unsupported
from tests.encoders.language.films import FILMS, SUMMARIES
from tests.encoders.language.server import KEY, Answer, Seen, by_model, chat, serving

PROMPT = TEMPLATES["item-summary"].ask(FILMS["shop:1"].fields())
GOOD = chat('{"summary": "All is well here."}')


def client(seen: Seen, waits: list[float] | None = None, **options: Any) -> OpenAICompatible:
    return OpenAICompatible("m", seen.endpoint(**options), sleep=(waits if waits is not None else []).append)


def test_a_real_models_answers_come_over_the_wire(causal: LocalCausal) -> None:
    with serving(by_model(causal)) as seen:
        provider = open_provider("openai:tiny", seen.endpoint())
        prompts = [TEMPLATES["item-summary"].ask(film.fields()) for film in FILMS.values()]
        found = provider.complete(prompts)
    assert [one.text for one in found] == [f'{{"summary": "{text}"}}' for text in SUMMARIES.values()]
    assert all(one.tokens_in > 100 and one.tokens_out > 5 for one in found)
    assert provider.name == f"openai:tiny@{seen.url.split('/')[2]}"
    body = seen.bodies[0]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 0, 96)
    assert not {"tools", "functions", "tool_choice"} & body.keys()
    assert all(one["authorization"] == f"Bearer {KEY}" for one in seen.headers)


def test_it_asks_again_as_long_as_it_is_told_to() -> None:
    later = email.utils.formatdate(time.time() + 20, usegmt=True)
    troubles = [
        Answer(429, headers={"retry-after": "3"}), Answer(503, headers={"retry-after": later}), Answer(500), GOOD
    ]  # fmt: skip
    waits: list[float] = []
    with serving(lambda _, number: troubles[number]) as seen:
        assert client(seen, waits).complete([PROMPT]) == [Completion('{"summary": "All is well here."}', 7, 5)]
    assert waits[0] == 3
    assert 15 < waits[1] <= 20
    assert waits[2] == 4


def test_nobody_makes_it_wait_for_ever() -> None:
    waits: list[float] = []
    with serving(lambda *_: Answer(429, headers={"retry-after": "999999999999"})) as seen:
        with pytest.raises(ProviderUnavailable, match="429"):
            client(seen, waits).complete([PROMPT])
        assert len(seen.bodies) == ATTEMPTS
    assert max(waits) <= 30


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (Answer(chunks=[b"{" + b" " * (1 << 16)] * (MAX_BYTES >> 15)), "more than 1 MiB"),
        (Answer(chunks=[b" "] * 40, pause=0.05), "no whole answer within"),
        (Answer(chunks=[b""], pause=1.5), "no chat completion|nothing within|no whole answer"),
        (Answer(chunks=[b"not json"]), "no chat completion"),
        (Answer(chunks=[b"[" * 100_000]), "no chat completion"),
        (Answer(chunks=[b'{"choices": []}']), "no chat completion"),
        (Answer(chunks=[b'{"choices": [{"message": "x"}]}']), "no chat completion"),
        (Answer(chunks=[gzip.compress(b" " * (1 << 20))], headers={"content-encoding": "gzip"}), "compressed"),
        (Answer(headers={"content-length": "999"}, chunks=[b"{}"]), "connection failed"),
        (Answer(502, chunks=[b"x" * 100]), "502"),
    ],
)
def test_what_is_no_answer_is_named_after_some_attempts(answer: Answer, named: str) -> None:
    with serving(lambda *_: answer) as seen, pytest.raises(ProviderUnavailable, match=named):
        client(seen, timeout=0.5).complete([PROMPT])


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Forbidden), (403, Forbidden), (404, NotFound), (418, ProviderUnavailable)]
)
def test_a_refusal_is_not_asked_again(status: int, kind: type[InterlaceError]) -> None:
    with serving(lambda *_: Answer(status, chunks=[f"bad key {KEY}".encode()])) as seen:
        with pytest.raises(kind) as caught:
            client(seen).complete([PROMPT])
        assert len(seen.bodies) == 1
    assert KEY not in str(caught.value)
    assert caught.value.remedy


def test_an_endpoint_that_takes_fewer_options_is_asked_without_them_from_then_on() -> None:
    def behave(body: dict[str, Any], _: int) -> Answer:
        return Answer(400) if {"temperature", "max_tokens", "response_format"} & body.keys() else GOOD

    with serving(behave) as seen:
        found = client(seen, parallel=1).complete([PROMPT] * 3)
        assert [one.text for one in found] == ['{"summary": "All is well here."}'] * 3
        assert ["temperature" in body for body in seen.bodies] == [True, False, False, False]
        assert seen.bodies[-1]["max_completion_tokens"] > PROMPT.max_tokens
    with serving(lambda *_: Answer(400)) as seen, pytest.raises(Unsupported, match="400"):
        client(seen, parallel=1).complete([PROMPT])


def test_a_redirect_gets_neither_prompt_nor_key() -> None:
    with serving(lambda *_: GOOD) as elsewhere:
        moved = Answer(307, headers={"location": f"{elsewhere.url}/chat/completions"})
        with serving(lambda *_: moved) as seen, pytest.raises(ProviderUnavailable, match="307"):
            client(seen).complete([PROMPT])
        assert elsewhere.bodies == []


def test_tool_calls_and_odd_counts_are_not_looked_at() -> None:
    calls = [{"function": {"name": "delete_item", "arguments": "{}"}}]
    answers = [chat(None, tool_calls=calls), chat(["a"], -5, 1 << 40), chat('{"a": 1}', tool_calls=calls)]
    with serving(lambda _, number: answers[number]) as seen:
        provider = client(seen, parallel=1)
        assert provider.complete([PROMPT] * 3) == [
            Completion("", 7, 5, failed="it held no text"),
            Completion("", 0, 0, failed="it held no text"),
            Completion('{"a": 1}', 7, 5),
        ]


def test_one_that_does_not_answer_stops_the_others() -> None:
    with serving(lambda *_: Answer(500)) as seen:
        with pytest.raises(ProviderUnavailable):
            client(seen, parallel=1).complete([PROMPT] * 50)
        assert len(seen.bodies) <= 2 * ATTEMPTS


def test_nobody_there_is_named() -> None:
    with serving(lambda *_: GOOD) as seen:
        pass
    with pytest.raises(ProviderUnavailable, match="ConnectError"):
        client(seen).complete([PROMPT])


def test_the_key_is_in_no_log_and_no_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), serving(lambda *_: GOOD) as seen:
        provider = client(seen)
        provider.complete([PROMPT])
        assert KEY not in f"{provider!r} {provider.__dict__} {seen.endpoint()!r}"
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    "url", ["", "ftp://host/v1", "host:80/v1", "file:///etc/passwd", "http://", "http://me:pw@host/"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidData, match="no address") as caught:
        open_provider("openai:m", Endpoint(url))
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("name", ["openai:", "openai", "local:", "claude", "magic:x"])
def test_a_name_that_means_nothing_is_refused(name: str) -> None:
    with pytest.raises(InvalidData, match=name):
        open_provider(name)
