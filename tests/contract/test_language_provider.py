"""What every language model must do, here or behind an endpoint: same questions, same answers, everything counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from encoders.language.local import LocalCausal
from encoders.language.provider import Judge, Provider, open_provider
from tests.encoders.language.causal import make_causal
from tests.encoders.language.films import lessons
from tests.encoders.language.server import by_model, serving

LESSONS = [(prompt, answer) for prompt, answer in lessons() if prompt.max_tokens > 1][:4]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_causal(tmp_path_factory.mktemp("contract") / "tiny", LESSONS, steps=90)


@pytest.fixture(scope="module", params=["local", "openai"])
def provider(request: pytest.FixtureRequest, folder: Path) -> Iterator[Provider]:
    if request.param == "local":
        yield open_provider(f"local:{folder}", device="cpu")
        return
    with serving(by_model(LocalCausal("local:served", folder, device="cpu"))) as seen:
        opened = open_provider("openai:tiny", seen.endpoint())
        yield opened
        opened.close()


def test_answers_come_in_the_order_of_the_questions(provider: Provider) -> None:
    prompts = [prompt for prompt, _ in LESSONS]
    assert [one.text for one in provider.complete(prompts)] == [answer for _, answer in LESSONS]
    assert [one.text for one in provider.complete(prompts[::-1])] == [answer for _, answer in LESSONS[::-1]]
    assert provider.complete([]) == []


def test_tokens_are_counted_and_bounded(provider: Provider) -> None:
    prompt = LESSONS[0][0]
    found = provider.complete([prompt, replace(prompt, max_tokens=2)])
    assert found[0].tokens_in == found[1].tokens_in > 50
    assert 0 < found[0].tokens_out <= prompt.max_tokens
    assert found[1].tokens_out <= 2
    assert provider.count_tokens(prompt) == pytest.approx(found[0].tokens_in, rel=0.9)
    assert provider.count_tokens(replace(prompt, user=prompt.user * 2)) > provider.count_tokens(prompt)


def test_its_name_says_which_model_and_stays(provider: Provider) -> None:
    assert provider.name == provider.name
    assert provider.name.partition(":")[0] in {"local", "openai"}
    assert "@" in provider.name


def test_likelihoods_are_probabilities(provider: Provider) -> None:
    if isinstance(provider, Judge):
        found = provider.likelihoods([prompt for prompt, _ in LESSONS])
        assert all(0 <= one.yes <= 1 and one.tokens_in > 50 for one in found)
    else:
        assert provider.name.startswith("openai:")
