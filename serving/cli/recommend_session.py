"""`interlace recommend --items`: what comes next in a session of nobody in particular, as the API answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.cli.session import Session

if TYPE_CHECKING:
    from serving.live import Live


@dataclass(frozen=True)
class InSession:
    """What is asked: the session's items, oldest first, and how to answer."""

    items: tuple[str, ...]
    n: int
    kind: str | None
    diversity: float
    scenario: str | None
    explain: bool
    lang: str


def of_session(session: Session, wish: InSession) -> None:
    """Prints it."""
    import orjson

    from serving.cli.recommend import show
    from serving.live_holder import open_live
    from serving.newcomers import Asked, Newcomer, for_newcomer
    from serving.render import NULL, ranked
    from serving.scenarios.columns import ColumnsHolder
    from serving.scenarios.find import Scenarios
    from serving.scenarios.session import House
    from serving.search import Wanted

    live = open_live(session.home, session.settings.consent_defaults)
    house = None
    if wish.scenario is not None:
        house = House.of(live, ColumnsHolder().get(live), Scenarios(session.home).get(wish.scenario), {})
    asked = Asked(wish.n, wanted=Wanted(wish.kind), diversity=wish.diversity, house=house)
    found = for_newcomer(live, Newcomer(wish.items), asked)
    reasons = _reasons(session, live, wish, found.items) if wish.explain else [NULL] * len(found.items)
    items = orjson.loads(ranked(live, found.items, found.scores, reasons))
    payload = {"sources": found.sources, "unknown": found.unknown, "items": items}
    session.answer(payload, lambda console: show(console, items))


def _reasons(session: Session, live: Live, wish: InSession, items: list[int]) -> list[bytes]:
    import orjson

    from serving.reasons import Reasoner

    with session.store() as graph:
        given = Reasoner(session.settings.k_anonymity).for_newcomer(graph, live, wish.items, items, wish.lang)
    return [b"null" if one is None else orjson.dumps(one.json()) for one in given]
