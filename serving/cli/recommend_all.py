"""`interlace recommend --all`: every user's list into a file or the graph."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.errors import InvalidData

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from serving.all_lists import Lists
    from serving.cli.session import Session
    from serving.live import Live
    from serving.settings import Settings


@dataclass(frozen=True)
class Wanted:
    """What `--all` was given: length of a list, kind of the items, platform of the users, where to, processes."""

    n: int
    kind: str | None
    platform: str | None
    out: Path | None
    to_graph: bool
    workers: int


def everybody(session: Session, wanted: Wanted) -> None:
    """Writes all lists. Raises `InvalidData` where no place or more than one is named for them."""
    if (wanted.out is None) != wanted.to_graph:
        raise InvalidData(
            "--all without one place for the lists",
            valid="--out lists.parquet, --out lists.csv or --to-graph",
            remedy="name one of them",
        )
    from serving.live_holder import open_live

    live = open_live(session.home, session.settings.consent_defaults)
    users = _there(live, _users(live, wanted.platform))
    begun = time.perf_counter()
    with session.reporter.step("recommending to everybody", len(users)) as step:
        payload = _written(session, live, wanted, users, step.advance)
    seconds = time.perf_counter() - begun
    rate = round(len(users) / max(seconds, 1e-9))
    payload |= {
        "users": len(users), "seconds": round(seconds, 3), "users_a_second": rate, "index": live.index.version,
    }  # fmt: skip
    where = wanted.out or "the graph"
    session.answer(payload, lambda console: console.print(f"lists of {len(users):,} users in {where}, {seconds:.1f} s"))


def _written(
    session: Session, live: Live, wanted: Wanted, users: NDArray[np.int64], advance: Callable[[int], None]
) -> dict[str, Any]:
    if wanted.out is not None:
        from serving.write_lists import check_name, write_file

        check_name(wanted.out)
        written = write_file(live, _blocks(session.settings, live, wanted, users), wanted.out, advance)
        return {"rows": written.rows, "out": str(wanted.out)}
    from dataclasses import asdict

    from serving.write_lists_graph import write_graph

    run = f"recommend-all-{uuid.uuid4().hex[:8]}"
    with session.store() as store:
        lists = _blocks(session.settings, live, wanted, users)
        found = write_graph(live, lists, store, run=run, advance=advance)
    return {"run": run, "recommended": asdict(found)}


def _users(live: Live, platform: str | None) -> NDArray[np.int64]:
    """Positions of all users, or of those of a platform: ids are sorted, so these lie side by side."""
    import numpy as np

    ids = live.index.user_ids
    if platform is None:
        return np.arange(len(ids))
    first, last = (ids.first(f"{platform}{end}".encode()) for end in (":", ";"))  # «;» comes after «:»
    if first == last:
        example = f", for example {ids[0].decode()!r}" if len(ids) else ""
        raise InvalidData(
            f"no user of the platform {platform!r}",
            valid=f"the part of user ids before the colon{example}",
            remedy="name another, or leave it out",
        )
    return np.arange(first, last)


def _there(live: Live, users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Without those who were deleted since the index was published."""
    import numpy as np

    gone = [live.index.user_ids.find(name.encode()) for name, change in live.people.items() if change.gone]
    return users[~np.isin(users, gone)]


def _blocks(settings: Settings, live: Live, wanted: Wanted, users: NDArray[np.int64]) -> Iterator[Lists]:
    from serving.all_lists import Everybody, blocks, in_processes
    from serving.corrections import removals
    from serving.recommend import choose

    chosen = choose(live, wanted.kind, ())
    if wanted.workers > 1:
        return in_processes(
            settings.home, live.index.version, wanted.n, wanted.kind, users,
            workers=wanted.workers, defaults=settings.consent_defaults,
        )  # fmt: skip
    return blocks(Everybody(live, wanted.n, chosen, removals(settings.home)), users)
