"""Settings and index to `encoders.language`: who is asked, and a user's short list judged by it.

For commands alone: no request of the server asks a language model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

from encoders.language.ask import Asker, Prices
from encoders.language.cache import FILE, AnswerCache
from encoders.language.facts import liked_by, words_of
from encoders.language.judge import LIKED, Judged, Words, judge
from encoders.language.provider import Endpoint, open_provider
from graph.consent import RECOMMENDATION
from graph.store import GraphStore
from serving.live import Live
from serving.recommend import Recommendations, Wish, recommend
from serving.settings import Settings


def prices(settings: Settings) -> Prices:
    """Of the settings."""
    return Prices(settings.language_price_in, settings.language_price_out)


@contextmanager
def open_asker(settings: Settings, provider: str | None = None, *, anew: bool = False) -> Iterator[Asker]:
    """The language model of the settings, or another named `provider`, with HOME's cache.

    Raises `Unsupported` when none is set, `InvalidData` for a name or address that is none.
    """
    endpoint = Endpoint(
        settings.language_url, settings.language_key, settings.language_timeout, settings.language_parallel
    )
    opened = open_provider(provider or settings.language_provider, endpoint)
    with closing(opened), AnswerCache(settings.home / FILE) as cache:
        yield Asker(opened, cache, anew=anew)


@dataclass(frozen=True)
class ShortList:
    """The first `n` of the new order. By place in it: first-stage rank (from 1), sentence, and why an item was pinned.

    `judged`: how many candidates the model judged.
    """

    found: Recommendations
    before: tuple[int, ...]
    said: tuple[str | None, ...]
    pinned: tuple[str | None, ...]
    judged: int


def short_list(
    live: Live, store: GraphStore, asker: Asker, wish: Wish, *, candidates: int, reach: int, reasons: bool
) -> ShortList:
    """The user's best items in the order that the language model's judgements allow; see `encoders.language.judge`."""
    found = recommend(live, replace(wish, n=max(wish.n, candidates)))
    ids = [live.id(item) for item in found.items]
    words = words_of(store, ids[:candidates])
    judged = judge(
        asker,
        liked_by(store, wish.user, LIKED) if live.agrees(wish.user, RECOMMENDATION) else [],
        [words.get(item, Words()) for item in ids[:candidates]],
        reach=reach,
        reasons=wish.n if reasons else 0,
    )
    return _cut(found, judged, wish.n)


def _cut(found: Recommendations, judged: Judged, n: int) -> ShortList:
    rest = range(len(judged.places), len(found.items))  # Beyond the candidates nobody was judged.
    places = [*judged.places, *rest][:n]
    kept = Recommendations(
        found.user, _at(found.items, places), [found.scores[place] for place in places], found.source
    )
    known = len(judged.places)
    return ShortList(
        kept,
        tuple(place + 1 for place in places),
        tuple(judged.said[place] if place < known else None for place in places),
        tuple(judged.pinned[place] if place < known else None for place in places),
        sum(one is not None for one in judged.judged),
    )


def _at(items: Sequence[int], places: Sequence[int]) -> list[int]:
    return [items[place] for place in places]
