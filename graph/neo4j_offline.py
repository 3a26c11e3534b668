"""A data set into an empty, stopped Neo4j by its own importer: the fastest way in, and one that wants the server down.

Source -> checked and staged as in every ingest -> the importer's CSV files -> `neo4j-admin database import full`.
The constraints are made after the start, by the first ingest into the running server: the same data set again changes
nothing and makes them.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from graph.errors import Conflict, InterlaceError, NotFound, StoreUnavailable
from graph.existing import NoStore
from graph.export.neo4j_csv import ARGUMENTS, write_neo4j_csv
from graph.export.spool import Spool
from graph.gather import Gatherer
from graph.load import PLAN, batches_of
from graph.neo4j_store import DATABASE
from graph.plan import make_plan
from graph.sources.chunks import Source
from graph.stage import Stage

SHOWN = 1500
_TAKEN = re.compile(r"already contains|already exist|not empty", re.IGNORECASE)
_RUNNING = re.compile(r"currently in use|is in use|lock", re.IGNORECASE)


@dataclass(frozen=True)
class OfflineReport:
    """What the importer was given, and the seconds of reading, of writing its files, and of the importer itself."""

    format: str
    nodes: int
    relationships: int
    refused: int
    refused_files: tuple[str, ...]
    lost: tuple[str, ...]
    seconds: Mapping[str, float]


def admin_command(neo4j_home: Path, given: str | None = None) -> list[str]:
    """The words that start `neo4j-admin`. Raises `NotFound` where there is none below the home."""
    if given:
        return shlex.split(given)
    script = neo4j_home / "bin" / "neo4j-admin"
    if not script.is_file():
        raise NotFound(
            f"there is no {script}",
            valid="the home of an installed Neo4j 5.26 or later",
            remedy="correct --offline, or say how neo4j-admin is started: --neo4j-admin 'java -cp …'",
        )
    return [str(script)]


def import_offline(
    source: Source,
    *,
    platform: str,
    neo4j_home: Path,
    home: Path,
    admin: Sequence[str],
    same_users: bool = False,
    max_refused: float = 0.01,
    watch: Callable[[str, int, int | None], None] | None = None,
) -> OfflineReport:
    """Imports all of a source into the database `neo4j` below `neo4j_home`, which must not exist yet.

    Errors: `InvalidData` as an ingest; `Conflict` when the database is there already or its server runs;
    `StoreUnavailable` when the importer fails otherwise. Each leaves the database as it was.
    """
    work = Path(mkdtemp(prefix="interlace-import-", dir=_made(home)))
    try:
        started = time.monotonic()
        gatherer = Gatherer(NoStore(), source, platform, home, max_refused)
        stage = Stage(work / "stage", source.size or _bytes(source.path))
        gatherer.gather(stage, same_users=same_users, watch=_counting(watch, "reading"))
        plan = make_plan(NoStore(), stage, work / PLAN)
        read = time.monotonic()
        spool = Spool(work / "spool")
        spool.add(batches_of(work))
        files = work / "files"
        files.mkdir()
        lost = write_neo4j_csv(spool, files)
        written = time.monotonic()
        run_importer(files, neo4j_home, admin)
        done = time.monotonic()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found = gatherer.found
    return OfflineReport(
        format=source.format,
        nodes=plan.nodes,
        relationships=plan.relationships,
        refused=sum(tally.refused for tally in found.tallies.values()),
        refused_files=tuple(map(str, found.refused_files)),
        lost=lost,
        seconds={
            "reading": round(read - started, 2),
            "writing": round(written - read, 2),
            "importing": round(done - written, 2),
        },
    )


def run_importer(files: Path, neo4j_home: Path, admin: Sequence[str]) -> None:
    """Runs Neo4j's importer on the files that `graph.export.neo4j_csv` wrote."""
    arguments = (files / ARGUMENTS).read_text(encoding="utf-8").split("\n")[:-1]
    environment = {"NEO4J_HOME": str(neo4j_home), "NEO4J_CONF": str(neo4j_home / "conf")}
    command = [*admin, "database", "import", "full", DATABASE, *arguments, "--report-file=import.report"]
    try:
        done = subprocess.run(
            command, cwd=files, env={**_environment(), **environment}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise NotFound(f"{admin[0]} cannot be started ({error})", remedy="correct --neo4j-admin") from error
    if done.returncode:
        raise _failed(done.stdout + done.stderr)


def _failed(said: str) -> InterlaceError:
    shown = said.strip()[-SHOWN:]
    if _TAKEN.search(said):
        return Conflict(
            f"the database {DATABASE!r} is there already: {shown}",
            valid="a new Neo4j, whose server has not been started yet",
            remedy="ingest into the running server instead: --store bolt://HOST",
        )
    if _RUNNING.search(said):
        return Conflict(f"the Neo4j runs: {shown}", valid="a stopped server", remedy="stop it, then import")
    return StoreUnavailable(f"Neo4j's importer failed: {shown}", remedy="read its report; nothing was imported")


def _environment() -> dict[str, str]:
    """What a Java program needs of this one's environment."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "LANG", "LC_ALL") if name in os.environ}


def _made(home: Path) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    return home


def _bytes(path: Path) -> int:
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else 0


def _counting(watch: Callable[[str, int, int | None], None] | None, phase: str) -> Callable[[int], None] | None:
    if watch is None:
        return None
    done = 0

    def more(number: int) -> None:
        nonlocal done
        done += number
        watch(phase, done, None)

    return more
