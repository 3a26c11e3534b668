"""Questions through the cache to the model, answers through the check: one retry, then a counted refusal.

Between prompts and what uses their answers. Every token is counted, and what comes from the cache costs none.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from encoders.language.answers import Checked, check
from encoders.language.cache import AnswerCache, answer_key
from encoders.language.prompts import Field, again
from encoders.language.provider import Completion, Prompt, Provider

MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, in whatever currency the settings mean; 0: not known, or free."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def of(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / MILLION


@dataclass
class Tally:
    """What asking cost. `calls` to the model, of which `retries`; `cached` answers cost nothing.

    `tokens_in` and `tokens_out` as the model counts them; `cpu_s` of this process, `seconds` of the clock.
    """

    calls: int = 0
    retries: int = 0
    cached: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cpu_s: float = 0.0
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)

    def as_dict(self, prices: Prices) -> dict[str, Any]:
        """Plain values, for `--json`."""
        return {
            "calls": self.calls,
            "retries": self.retries,
            "cached": self.cached,
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "price": round(prices.of(self.tokens_in, self.tokens_out), 6),
            "cpu_s": round(self.cpu_s, 3),
            "seconds": round(self.seconds, 3),
            "refused": dict(self.refused),
        }


@dataclass(frozen=True)
class Asker:
    """One provider with its cache and tally. `anew`: ask again where a cached answer was refused."""

    provider: Provider
    cache: AnswerCache
    tally: Tally = field(default_factory=Tally)
    anew: bool = False

    def ask(self, name: Field, prompts: Sequence[Prompt]) -> list[Checked]:
        """One checked answer a prompt, in order. Raises what `Provider.complete` does; what was answered is kept."""
        found = self._checked(name, prompts)
        wrong = [place for place, one in enumerate(found) if one.refused]
        if wrong:
            second = self._checked(name, [again(prompts[place], found[place].refused) for place in wrong], retry=True)
            for place, one in zip(wrong, second, strict=True):
                found[place] = one
        self.tally.refused.update(one.refused for one in found if one.refused)
        return found

    def _checked(self, name: Field, prompts: Sequence[Prompt], *, retry: bool = False) -> list[Checked]:
        keys = [answer_key(self.provider.name, prompt) for prompt in prompts]
        known = self.cache.get(keys)
        if self.anew:
            known = {key: one for key, one in known.items() if not check(name, one.text).refused}
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in known}
        fresh = self._complete(list(new.values()))
        self.tally.retries += len(new) if retry else 0
        self.tally.cached += len(set(keys)) - len(new)
        answers = known | dict(zip(new, fresh, strict=True))
        self.cache.put({key: one for key, one in zip(new, fresh, strict=True) if not one.failed})
        return [_result(name, answers[key]) for key in keys]

    def _complete(self, prompts: Sequence[Prompt]) -> list[Completion]:
        began, cpu = time.perf_counter(), time.process_time()
        found = self.provider.complete(prompts) if prompts else []
        self.tally.seconds += time.perf_counter() - began
        self.tally.cpu_s += time.process_time() - cpu
        self.tally.calls += len(found)
        self.tally.tokens_in += sum(one.tokens_in for one in found)
        self.tally.tokens_out += sum(one.tokens_out for one in found)
        return found


def _result(name: Field, answer: Completion) -> Checked:
    return Checked(refused=answer.failed) if answer.failed else check(name, answer.text)
