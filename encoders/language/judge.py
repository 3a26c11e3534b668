"""Each candidate of a short list judged by itself by a language model, then a bounded new order and one sentence each.

After the first stage, before what is shown. A prompt holds what the user liked and one candidate, so the words of one
candidate never stand beside another; `encoders.language.reorder` says what that and the reach hold for certain.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from encoders.language.ask import Asker
from encoders.language.prompts import TEMPLATES, item_fields, likely
from encoders.language.provider import Judge, Prompt
from encoders.language.reorder import reorder
from encoders.language.untrusted import Data, instructs

LIKED = 12
"""So many of what the user liked are told."""
PINNED = "its text reads as if it spoke to a model: it keeps its place"

UNKNOWN = "nothing is known of what the user likes"


@dataclass(frozen=True)
class Words:
    """What the graph says of an item in words."""

    title: str = ""
    text: str = ""
    kind: str = ""
    year: object = None
    attributes: tuple[str, ...] = ()

    @property
    def suspicious(self) -> bool:
        return instructs(self.title, self.text, self.kind, str(self.year or ""), *self.attributes)

    def fields(self) -> Data:
        return item_fields(self.title, self.text, self.kind, self.year, self.attributes)

    def named(self) -> str:
        """As a history tells it: title, and up to three attributes."""
        return f"{self.title} ({', '.join(self.attributes[:3])})" if self.attributes else self.title


@dataclass(frozen=True)
class Judged:
    """`places`: first-stage places in their new order. By first-stage place: `judged` in [0, 1], None where the item
    keeps its place, and why in `pinned`; `said`, one checked sentence, None where there is none.
    """

    places: tuple[int, ...]
    judged: tuple[float | None, ...]
    said: tuple[str | None, ...]
    pinned: tuple[str | None, ...]


def judge(asker: Asker, liked: Sequence[Words], candidates: Sequence[Words], *, reach: int, reasons: int = 0) -> Judged:
    """A new order of the candidates (first-stage order in), and sentences for the first `reasons` of it.

    What the user liked is told without items whose words are suspicious; without any, nothing is asked or moved.
    """
    judged, pinned = judgements(asker, liked, candidates)
    places = reorder(judged, reach=reach)
    taste = _taste(liked)
    told = [place for place in places[:reasons] if taste and not candidates[place].suspicious]
    prompts = [TEMPLATES["item-reason"].ask(_together(taste, candidates[place])) for place in told]
    said: list[str | None] = [None] * len(candidates)
    for place, answer in zip(told, asker.ask("reason", prompts), strict=True):
        said[place] = answer.text or None
    return Judged(tuple(places), tuple(judged), tuple(said), tuple(pinned))


def judgements(
    asker: Asker, liked: Sequence[Words], candidates: Sequence[Words]
) -> tuple[list[float | None], list[str | None]]:
    """Each candidate in [0, 1] by itself, None where it keeps its place; and why it does, None where it was judged."""
    taste = _taste(liked)
    pinned: list[str | None] = [PINNED if one.suspicious else None for one in candidates]
    if not taste:
        pinned = [UNKNOWN] * len(candidates)
    asked = [place for place, why in enumerate(pinned) if why is None]
    judged: list[float | None] = [None] * len(candidates)
    scores = _scores(asker, [_together(taste, candidates[place]) for place in asked])
    for place, (score, why) in zip(asked, scores, strict=True):
        judged[place], pinned[place] = score, why or None
    return judged, pinned


def _taste(liked: Sequence[Words]) -> list[str]:
    return [one.named() for one in liked if one.title and not one.suspicious][:LIKED]


def _together(taste: Sequence[str], candidate: Words) -> Data:
    item = candidate.fields()
    return {"liked": list(taste), **{f"item {name}": value for name, value in item.items()}}


def _scores(asker: Asker, fields: Sequence[Data]) -> list[tuple[float | None, str]]:
    """In [0, 1]: the probability of yes where the model shows it, else its score of ten; or None and why."""
    if not isinstance(asker.provider, Judge):
        answers = asker.ask("score", [TEMPLATES["item-score"].ask(one) for one in fields])
        return [(None, f"no score: {one.refused}") if one.refused else (one.score / 10, "") for one in answers]
    return [(one, "") for one in _likelihoods(asker, asker.provider, [likely(one) for one in fields])]


def _likelihoods(asker: Asker, provider: Judge, prompts: Sequence[Prompt]) -> list[float]:
    """Read anew each time: a local model's tokens cost time alone."""
    began, cpu = time.perf_counter(), time.process_time()
    found = provider.likelihoods(prompts) if prompts else []
    asker.tally.seconds += time.perf_counter() - began
    asker.tally.cpu_s += time.process_time() - cpu
    asker.tally.calls += len(found)
    asker.tally.tokens_in += sum(one.tokens_in for one in found)
    return [one.yes for one in found]
