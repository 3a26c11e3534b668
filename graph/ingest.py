"""A data set into the graph: read and check all of it, plan what is new, load that; all or nothing.

First arrow of the flow: `graph.sources` -> `graph.gather` -> `graph.stage` -> `graph.plan` -> `graph.load` -> store.
Again is no change: what the graph holds already is left alone, and values that changed are updated.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from graph import load as loading
from graph.changes import Load
from graph.errors import Conflict, InterlaceError, InvalidData, NotFound, StoreUnavailable
from graph.file_lock import alone
from graph.gather import IMAGES, Gatherer
from graph.load import PLAN, read_journal, write_journal
from graph.media import IMAGES as IMAGE_ENDINGS
from graph.media import SOUNDS as SOUND_ENDINGS
from graph.media import VIDEOS as VIDEO_ENDINGS
from graph.plan import Plan, make_plan
from graph.private import Cipher
from graph.sources.chunks import Source
from graph.sources.detect import open_path
from graph.sources.graph_map import GraphMap
from graph.stage import Stage
from graph.store import GraphStore
from graph.sync import Asked, Deletions

RUNS = "ingest"
Watch = Callable[[str, int, int | None], None]
"""Is told the phase (`reading`, `comparing`, `loading`), how many rows are done, and of how many where it is known."""
WHOLE = "graph"
"""Stands for the platform of a graph whose ids name theirs."""
_PLATFORM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class FileReport:
    """Rows of one file. `written`: they said something new; `unchanged`: the graph held it already."""

    file: str
    part: str
    read: int
    written: int
    unchanged: int
    refused: int


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did. `nodes`, `relationships`: created; `changed`: those that got other values.

    `refused_files`: where refused rows are, with their reasons. `recovered`: an earlier run that had been cut short was
    finished (or taken back) first.
    """

    format: str
    platforms: tuple[str, ...]
    files: tuple[FileReport, ...]
    nodes: int
    relationships: int
    changed: int
    refused_files: tuple[str, ...]
    seconds: float
    recovered: bool = False
    deleted_nodes: int = 0
    deleted_relationships: int = 0


def ingest(  # noqa: PLR0913 - each is an option of the command
    store: GraphStore,
    path: Path | Source,
    *,
    platform: str | None = None,
    home: Path,
    format: str | None = None,  # noqa: A002 - the user's word for it
    mapping: GraphMap | None = None,
    posters: Path | None = None,
    max_refused: float = 0.01,
    same_users: bool = False,
    sync: bool = False,
    progress: Callable[[int], None] | None = None,
    watch: Watch | None = None,
    now: float | None = None,
    cipher: Cipher | None = None,
) -> IngestReport:
    """Loads the data set at `path` (or one that is open already) into the store; ids become `platform:native`.

    A graph that says that its ids are whole keeps them, and needs no platform. `mapping`: what a foreign graph's words
    mean. `sync`: the data set is all that there is of its platforms, and what the graph holds beyond it is deleted.
    `posters`: folder of images named by native item id. `progress` gets the number of rows loaded since its last
    call, `watch` how all phases go. `cipher`: of users' private properties, which are kept encrypted.
    Errors, all before anything is written: `NotFound` for a path that is not there, `InvalidData` for data that breaks
    a rule (a missing column, another encoding, more than `max_refused` of a file's rows refused), `Conflict` when
    another ingest uses this home. `StoreUnavailable`: the store or the disk gave up; what was written is taken back, at
    once or by the next ingest.
    """
    started = time.monotonic()
    now = time.time() if now is None else now
    source = path if isinstance(path, Source) else open_path(path, now=now, format=format, mapping=mapping)
    source = checked(source, platform, posters)
    platform = platform or WHOLE
    with _disk(home), _lock(home / RUNS) as runs:
        recovered = _recover(store, runs)
        run = Path(mkdtemp(prefix="run-", dir=runs))
        try:
            gatherer = Gatherer(store, source, platform, home, max_refused)
            stage = Stage(run / "stage", source.size or _size(source.path), cipher)
            gatherer.gather(stage, same_users=same_users, watch=_watching(watch, "reading"))
            _index(store, stage)
            plan = make_plan(store, stage, run / PLAN, _watching(watch, "comparing"))
            _plan_deletions(store, stage, plan, gatherer.asked, _prefixes(source, platform) if sync else ())
            _carry_out(store, run, home, _loaded(progress, watch, plan))
        finally:
            if read_journal(run) is None:
                shutil.rmtree(run, ignore_errors=True)
        report = _report(source, platform, gatherer, plan)
        return replace(report, seconds=time.monotonic() - started, recovered=recovered)


def recover(store: GraphStore, home: Path) -> bool:
    """Finishes or takes back what an ingest into this store left half done; says whether there was anything."""
    if not (home / RUNS).is_dir():
        return False
    with _disk(home), _lock(home / RUNS) as runs:
        return _recover(store, runs)


def checked(source: Source, platform: str | None, posters: Path | None) -> Source:
    """The source, when it and the platform's name go together."""
    if platform is None and not source.whole_ids:
        raise InvalidData(
            f"{source.path} needs a platform: its ids are its own",
            valid="letters, digits, _, . and -, at most 64",
            remedy="name where the ids come from: --platform shop",
        )
    if platform is not None and not _PLATFORM.fullmatch(platform):
        raise InvalidData(
            f"{platform!r} cannot be a platform's name",
            valid="letters, digits, _, . and -, at most 64",
            remedy="choose another --platform",
        )
    for one in source.platforms:
        _open_platform(one)
    if posters is None:
        return source
    if not posters.is_dir():
        raise NotFound(f"there is no folder {posters}", valid="a folder of images", remedy="correct --posters")
    return replace(source, posters=posters)


def _open_platform(name: str) -> None:
    if not _PLATFORM.fullmatch(name):
        raise InvalidData(
            f"platforms/{name} cannot be a platform's name",
            valid="letters, digits, _, . and -, at most 64",
            remedy="rename the folder",
        )


def _prefixes(source: Source, platform: str) -> tuple[str, ...]:
    """What the ids of the source's platforms begin with; a graph with whole ids and no platform is all there is."""
    if source.whole_ids and platform == WHOLE:
        return ("",)
    return tuple(f"{name}:" for name in source.platforms or (platform,))


def _plan_deletions(store: GraphStore, stage: Stage, plan: Plan, asked: Asked, prefixes: tuple[str, ...]) -> None:
    if not (prefixes or asked.nodes or asked.edges):
        return
    deletions = Deletions(store, stage, plan)
    if prefixes:
        deletions.whole(prefixes)
    deletions.asked(asked)
    deletions.finish()


def _index(store: GraphStore, stage: Stage) -> None:
    """Constraints on labels that are there already: comparing looks nodes up by id, and an import may have none."""
    there = {row[0] for row in store.query("labels_known")}
    store.ensure_schema(sorted(there & {key.label for key in stage.nodes()}))


def _watching(watch: Watch | None, phase: str) -> Callable[[int], None] | None:
    """Adds up the rows of a phase."""
    if watch is None:
        return None
    rows = count_up()

    def more(number: int) -> None:
        watch(phase, rows(number), None)

    return more


def _loaded(progress: Callable[[int], None] | None, watch: Watch | None, plan: Plan) -> Callable[[int], None] | None:
    if watch is None:
        return progress
    rows = count_up()

    def more(number: int) -> None:
        watch("loading", rows(number), plan.nodes + plan.relationships)
        if progress is not None:
            progress(number)

    return more


def count_up() -> Callable[[int], int]:
    """A sum that grows with each call."""
    total = 0

    def add(number: int) -> int:
        nonlocal total
        total += number
        return total

    return add


def _size(path: Path) -> int:
    """Bytes of rows in a folder; packed ones count for what they unpack to, more or less."""
    media = {*IMAGE_ENDINGS.values(), *SOUND_ENDINGS, *VIDEO_ENDINGS, ".jpeg"}
    files = (one for one in path.rglob("*") if one.is_file() and one.suffix.lower() not in media)
    return sum(one.stat().st_size * (5 if one.name.endswith((".gz", ".parquet")) else 1) for one in files)


def _carry_out(store: GraphStore, run: Path, home: Path, progress: Callable[[int], None] | None) -> None:
    """Loads the plan; when that fails, takes back what was written, now or at the next start."""
    if not (run / PLAN).is_dir():
        return
    write_journal(run, store, "loading")
    try:
        change = Load(store, home, run)
        loading.load(store, run, progress)
    except BaseException:
        write_journal(run, store, "undoing")
        _settle(store, run, "undoing")
        raise
    change.end(run / PLAN)
    (run / loading.JOURNAL).unlink()


def _recover(store: GraphStore, runs: Path) -> bool:
    recovered = False
    for run in sorted(runs.glob("run-*")):
        journal = read_journal(run)
        if journal is None:
            shutil.rmtree(run)
            continue
        state, url = journal
        if url == store.url:
            _settle(store, run, state)
            recovered = True
    return recovered


def _settle(store: GraphStore, run: Path, state: str) -> None:
    """Finishes a load that was cut short; one that the store refuses, or that had begun to be undone, is taken back."""
    change = Load(store, run.parents[1], run)
    if state == "loading":
        try:
            loading.finish(store, run)
        except (InvalidData, Conflict):
            write_journal(run, store, "undoing")
            state = "undoing"
    if state == "undoing":
        loading.undo(store, run)
    change.end(run / PLAN if state == "loading" else None)
    shutil.rmtree(run)


@contextmanager
def _lock(runs: Path) -> Iterator[Path]:
    """One ingest at a time in a home."""
    busy = Conflict(
        f"another ingest uses the home {runs.parent}",
        valid="one ingest at a time",
        remedy="wait until it is done, or choose another --home",
    )
    with alone(runs / "lock", busy):
        yield runs


@contextmanager
def _disk(home: Path) -> Iterator[None]:
    """What the disk refuses, as an error of ours."""
    try:
        yield
    except InterlaceError:
        raise
    except OSError as error:
        where = error.filename or home
        raise StoreUnavailable(
            f"the disk gave up at {where} ({error.strerror or error})",
            valid="a home that can be written to, with free space",
            remedy="free some space or mend the permissions, then ingest again; nothing was lost",
        ) from error


def _report(source: Source, platform: str, gatherer: Gatherer, plan: Plan) -> IngestReport:
    found = gatherer.found
    files = []
    for number, file in enumerate(found.files):
        tally, written = found.tallies[file], plan.written.count(number)
        unchanged = tally.read - tally.refused - written
        files.append(FileReport(file, found.parts[file], tally.read, written, unchanged, tally.refused))
    if found.images.read:
        kept = found.images.read - found.images.refused
        copied = gatherer.copied
        files.append(FileReport(IMAGES, "media", found.images.read, copied, kept - copied, found.images.refused))
    return IngestReport(
        format=source.format,
        platforms=source.platforms or (() if source.whole_ids else (platform,)),
        files=tuple(files),
        nodes=plan.nodes,
        relationships=plan.relationships,
        changed=plan.changed,
        deleted_nodes=plan.deleted_nodes,
        deleted_relationships=plan.deleted_relationships,
        refused_files=tuple(map(str, found.refused_files)),
        seconds=0.0,
    )
