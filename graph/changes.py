"""The change log: which version of the graph a store holds, and what each version brought.

Every writer that changes what a snapshot holds gives the graph a new version and a random token first (or in the same
transaction), and publishes what it wrote (its delta) in `HOME/changes` when it has ended well. `graph.snapshot_fresh`
brings a kept snapshot up to date with these deltas. A writer that was killed leaves a version without a delta, so that
nobody takes the older snapshot for the present one.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from graph.errors import InvalidData
from graph.queries_changes import BUMP, erasing
from graph.schema import DERIVED_TYPES, GRAPH_CHANGE, OPERATIONAL_LABELS, Entity, Interaction, Triple, safe_name
from graph.store import GraphStore, Parameters, Table
from graph.whole_files import write_json

FOLDER = "changes"
NODES_A_DELETE = 500
OPEN = "open.json"
ABOUT = "change.json"
FORGET_SECONDS = 7 * 24 * 3600
"""A load that is said to be going on for longer has been lost with its home."""


@dataclass(frozen=True)
class Mark:
    """A version of the graph. `loading`: a load is half done, so what the store holds is no version of its own."""

    version: int
    token: str
    loading: bool = False


@dataclass(frozen=True)
class Delta:
    """What one version brought: a folder of Parquet files named as those of a plan (`graph.plan`)."""

    folder: Path
    version: int
    token: str
    before: str | None
    store: str


def mark_of(store: GraphStore) -> Mark | None:
    """The store's present version; None where no writer has left one yet."""
    rows = store.query("change_mark").rows
    if not rows:
        return None
    version, token, opened = rows[0]
    return Mark(int(version), str(token), any(_lasts(one) for one in opened or ()))


def concerns_snapshots(
    entities: Iterable[Entity] = (), interactions: Iterable[Interaction] = (), triples: Iterable[Triple] = ()
) -> bool:
    """Whether a write changes what a snapshot holds; what a refresh writes back does not."""
    return (
        any(True for _ in interactions)
        or any(one.label not in OPERATIONAL_LABELS for one in entities)
        or any(one.relation not in DERIVED_TYPES for one in triples)
    )


def bump_parameters(opened: Iterable[str] = (), closed: Iterable[str] = ()) -> dict[str, Any]:
    """Parameters of a statement that begins with `graph.queries_changes.BUMP`."""
    return {"token": secrets.token_hex(8), "open": list(opened), "close": list(closed)}


def bump(store: GraphStore, opened: Iterable[str] = (), closed: Iterable[str] = ()) -> tuple[Mark, str | None]:
    """Gives the graph a new version; returns it and the token before. `GraphChange` must have its schema."""
    parameters = bump_parameters(opened, closed)
    version, before = store.query("change_bump", parameters).rows[0]
    return Mark(int(version), str(parameters["token"])), before


def write_nodes(
    store: GraphStore, home: Path, query: str, parameters: Parameters, touched: Mapping[str, Any], *, what: str = "set"
) -> Table:
    """Runs a statement that begins with `BUMP` and ends with `version`, `before`; publishes which nodes it touched.

    `touched`: label -> ids; `what`: `set`, or `gone` where they were deleted. Call `prepare` once before.
    """
    bumped = bump_parameters()
    found = store.query(query, {**parameters, **bumped})
    if found.rows:
        row = dict(zip(found.columns, found.rows[0], strict=True))
        mark = Mark(int(row["version"]), str(bumped["token"]))
        files = {
            f"000000.{what}.{label}": pa.table({"id": pa.array(ids, pa.string())}) for label, ids in touched.items()
        }
        publish(store, home, mark, row["before"], files)
    return found


def erase_nodes(store: GraphStore, home: Path, label: str, ids: Iterable[str]) -> None:
    """Deletes nodes with all of their relationships, and says so in the log."""
    names = sorted(ids)
    prepare(store)
    text = BUMP + erasing(safe_name(label))
    for start in range(0, len(names), NODES_A_DELETE):
        part = names[start : start + NODES_A_DELETE]
        write_nodes(store, home, text, {"ids": part}, {label: part}, what="gone")


def prepare(store: GraphStore) -> None:
    """Makes the schema that `bump` needs."""
    store.ensure_schema([GRAPH_CHANGE])


def unexplained(store: GraphStore) -> None:
    """Gives the graph a new version without a delta: the next snapshot reads everything."""
    prepare(store)
    bump(store)


class Load:
    """A load that takes many transactions (an ingest): the graph is no version of its own until it has ended."""

    def __init__(self, store: GraphStore, home: Path, run: Path) -> None:
        """Begins, or begins again, the load of the run in this folder; nothing may be written before."""
        self._store, self._home = store, home
        state = run / OPEN
        earlier = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else None
        self._opened = earlier["opened"] if earlier else f"{secrets.token_hex(8)}@{int(time.time())}"
        write_json(state, {"opened": self._opened, "token": None})
        prepare(store)
        mark, before = bump(store, [self._opened], [self._opened])
        write_json(state, {"opened": self._opened, "token": mark.token})
        self._token = mark.token
        # Begun again after others wrote: whose value stands is not known, so no delta can say what changed.
        self._alone = earlier is None or earlier["token"] == before
        if earlier is None or self._alone:
            publish(store, home, mark, before, {})

    def end(self, plan: Path | None) -> None:
        """All is written, and `plan` (which is moved) says what; None: it was taken back."""
        mark, before = bump(self._store, closed=[self._opened])
        if plan is None or before != self._token or not self._alone:
            return
        for old in plan.glob("*.old.*.parquet"):
            old.unlink()
        temporary = _new_folder(self._home)
        plan.replace(temporary / "plan")
        _finish(self._store, self._home, temporary, mark, before)


def publish(store: GraphStore, home: Path, mark: Mark, before: str | None, files: Mapping[str, pa.Table]) -> None:
    """Publishes the delta of a version: `files` by name (`000000.new.User`, as in a plan), none for no change."""
    temporary = _new_folder(home)
    (temporary / "plan").mkdir()
    for name, rows in files.items():
        pq.write_table(rows, temporary / "plan" / f"{name}.parquet", compression="lz4")
    _finish(store, home, temporary, mark, before)


def deltas_since(home: Path, mark: Mark, known: Iterable[str]) -> tuple[str, list[Delta]] | None:
    """The newest of the `known` tokens from which deltas lead to `mark` without a gap, and these, oldest first."""
    known, found, token, seen = set(known), [], mark.token, set[str]()
    while token not in known:
        delta = None if token in seen else _delta(home, token)
        if delta is None or delta.before is None:
            return None
        seen.add(token)
        found.append(delta)
        token = delta.before
    return token, found[::-1]


def deltas(home: Path) -> Iterator[Delta]:
    """Every delta that is kept."""
    for folder in sorted((home / FOLDER).glob("[0-9]*-*")):
        if (folder / ABOUT).is_file():
            yield _read(folder)


def forget(home: Path, store: str, version: int) -> None:
    """Removes the deltas of a store up to a version, and what killed writers left."""
    for delta in list(deltas(home)):
        if delta.store == store and delta.version <= version:
            shutil.rmtree(delta.folder.parent, ignore_errors=True)
    for folder in (home / FOLDER).glob(".new-*"):
        if time.time() - folder.stat().st_mtime > FORGET_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


def _delta(home: Path, token: str) -> Delta | None:
    for folder in (home / FOLDER).glob(f"[0-9]*-{token}"):
        return _read(folder)
    return None


def _read(folder: Path) -> Delta:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        return Delta(folder / "plan", about["version"], about["token"], about["before"], about["store"])
    except (OSError, ValueError, KeyError) as error:
        raise InvalidData(
            f"the change in {folder} cannot be read ({error})",
            valid="what an ingest or an encoding wrote, unchanged",
            remedy="delete it: the next snapshot reads the whole graph",
        ) from error


def _new_folder(home: Path) -> Path:
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    return Path(mkdtemp(prefix=".new-", dir=home / FOLDER))


def _finish(store: GraphStore, home: Path, temporary: Path, mark: Mark, before: str | None) -> None:
    about = {"version": mark.version, "token": mark.token, "before": before, "store": store.url}
    write_json(temporary / ABOUT, about)
    temporary.replace(home / FOLDER / f"{mark.version:012d}-{mark.token}")


def _lasts(opened: str) -> bool:
    return time.time() - int(opened.partition("@")[2] or 0) < FORGET_SECONDS
