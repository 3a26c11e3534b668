"""What is older than `HOME/retention.yaml` allows goes: interactions, events, exposures, audit lines, logs.

A step of `interlace refresh` and a command. The graph forgets through the change log, so that the same refresh makes
the next snapshot, models and index without it. Killed anywhere and done again, it ends in the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from graph.expire import count_expired, expire
from graph.schema import KINDS
from graph.store import GraphStore
from serving.access.audit_age import expire_audit
from serving.events import EventLog
from serving.exposures import ExposureLog
from serving.retention_file import AUDIT, EXPOSURES, FILE, LOGS, Policy, cut, read_policy

EVENTS = "events"


def policy_of(home: Path) -> Policy | None:
    """The home's policy; None where nobody wrote one. Raises what `read_policy` does."""
    path = home / FILE
    return read_policy(path) if path.is_file() else None


def retain(
    store: GraphStore, home: Path, policy: Policy, *, clock: Callable[[], float] = time.time, dry_run: bool = False
) -> dict[str, int]:
    """Removes what is too old; returns how many of each kind there were. `dry_run`: counts alone."""
    now = clock()
    before = policy.before(now)
    found = _events(home, before, dry_run=dry_run)  # first, so that none of them reaches the graph any more
    found |= count_expired(store, before) if dry_run else expire(store, home, before)
    if policy.exposures is not None:
        found[EXPOSURES] = _exposures(home, cut(policy.exposures, now), dry_run=dry_run)
    if policy.audit is not None:
        found[AUDIT] = expire_audit(home, cut(policy.audit, now), dry_run=dry_run)
    if policy.logs is not None:
        found[LOGS] = _logs(home, cut(policy.logs, now), dry_run=dry_run)
    return found


def _events(home: Path, before: dict[str, int], *, dry_run: bool) -> dict[str, int]:
    if not before:
        return {}
    with closing(EventLog(home)) as log:
        cuts = {KINDS.index(kind): at for kind, at in before.items()}
        return {EVENTS: log.count_old(cuts) if dry_run else log.drop_old(cuts)}


def _exposures(home: Path, before: int, *, dry_run: bool) -> int:
    with closing(ExposureLog(home)) as log:
        return log.count_old(before) if dry_run else log.drop_old(before)


def _logs(home: Path, before: int, *, dry_run: bool) -> int:
    from serving.refresh_start import LOG

    old = [path for path in (home / LOG).glob("refresh-*") if path.stat().st_mtime < before]
    for path in () if dry_run else old:
        path.unlink(missing_ok=True)
    return len(old)
