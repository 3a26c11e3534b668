"""Who a page or a list is made for, as commands open them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from serving.cli.session import Session

if TYPE_CHECKING:
    from serving.scenarios.visitor import Visitor


def visitor(session: Session, user: str | None) -> Visitor:
    """A user as they are now on the catalogue as it is now; somebody without a past where none is named."""
    from serving.corrections import Corrections
    from serving.live_holder import open_live
    from serving.scenarios.columns import ColumnsHolder
    from serving.scenarios.visitor import Visitor

    live = open_live(session.home, session.settings.consent_defaults)
    with closing(Corrections(session.home)) as corrections:
        removed = () if user is None else corrections.of(user)
    return Visitor.of(live, ColumnsHolder().get(live), user, removed)
