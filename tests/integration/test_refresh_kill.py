"""A refresh that is SIGKILLed at a write and run again ends in what an undisturbed one ends in; on both stores.

`killer` forks refreshes of a small planted shop that kill themselves just before their n-th write of a step; all writes
are counted first. Each kill is followed by one undisturbed run, and what is left behind is compared byte by byte
(`refreshed`). How many points of each step are tried: INTERLACE_KILL_POINTS, a number or `all`.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graph.local_store import LocalStore
from graph.neo4j_store import Neo4jStore
from graph.store import GraphStore
from serving.refresh_sources import Source, remember
from tests.forks import Forks
from tests.integration.refreshed import readable
from training.tracking import open_tracker

pytestmark = [pytest.mark.integration, pytest.mark.slow]

USERS, ITEMS = 30, 20
IN_GRAPH = ("run", "ingest", "encode", "tags", "write-back")
"""Steps, and the run around them, that write into the graph: killed on their way through a fresh database."""
KEPT = ("snapshot", "train", "publish")
"""The other steps begin from a kept home, beside the graph of the refresh that it was kept from: these come first."""
FEW = {"local": "2", "neo4j": "1"}


@dataclass
class Yard:
    """Where refreshes are killed: one home that is put back between kills, and the process that forks them."""

    kind: str
    place: Path
    shop: Path
    target: dict[str, Any]
    killer: Forks
    databases: Iterator[str]
    points: dict[str, list[str]] = field(default_factory=dict)
    wanted: dict[str, Any] = field(default_factory=dict)
    together: bool = False
    """Do the graph and the kept homes come from one refresh?"""

    @property
    def home(self) -> Path:
        return self.place / "home"

    def order(self, **more: Any) -> int:
        """One refresh; its exit code."""
        order = {**self.target, "home": str(self.home), "out": str(self.place / "points.json"), "step": "", "at": 0}
        return self.killer.order(**order | more)

    def counted(self) -> dict[str, list[str]]:
        """The writes that the last undisturbed refresh counted, by step."""
        found: dict[str, list[str]] = json.loads((self.place / "points.json").read_text())
        return found

    def put_back(self, name: str) -> None:
        """The home as it was before a step, or `new`."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.place / "base" / name, self.home)

    def fresh_graph(self) -> None:
        """An empty database."""
        self.together = False
        if self.kind == "local":
            self.target["database"] = next(self.databases)
            return
        store = self.open()
        store.query("MATCH (n) DETACH DELETE n")
        for (name,) in store.query("SHOW VECTOR INDEXES YIELD name"):
            store.query(f"DROP INDEX `{name}`")
        store.close()

    def to_the_end(self) -> None:
        """A graph and kept homes that belong together."""
        if not self.together:
            self.put_back("new")
            self.fresh_graph()
            assert self.order(base=str(self.place / "base")) == 0, self.killer.said()
            self.together = True

    def open(self) -> GraphStore:
        if self.kind == "local":
            return LocalStore.open(Path(self.target["local"]), database=self.target["database"])
        return Neo4jStore.open(self.target["url"], password=self.target["password"])

    def look(self) -> dict[str, Any]:
        """What is left behind, and the runs, newest first."""
        assert self.order(look=True, out=str(self.place / "look.json")) == 0, self.killer.said()
        found: dict[str, Any] = json.loads((self.place / "look.json").read_text())
        return found

    def left(self) -> dict[str, Any]:
        left: dict[str, Any] = self.look()["left"]
        return left


def write(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def plant(folder: Path, *, later: bool) -> None:
    """A dataset folder of two tastes. `later`: a fifth of it is gone, and others have come."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    drawn = rng.random((USERS + 3, ITEMS + 2))
    users, items = (range(3, USERS + 3), range(2, ITEMS + 2)) if later else (range(USERS), range(ITEMS))
    rows = [
        (f"u{user}", f"i{item}", 5, 1_600_000_000 + user * 100 + item)
        for user in users
        for item in items
        if drawn[user, item] < (0.6 if user % 2 == item % 2 else 0.08)
    ]
    write(folder / "interactions.csv", ("user", "item", "value", "time"), rows)
    write(folder / "users.csv", ("user", "name"), [(f"u{user}", f"Name {user}") for user in users])
    genres = ("Comedy", "Drama")
    cards = [(f"i{item}", f"Film {item}{' anew' * later}", genres[item % 2]) for item in items]
    write(folder / "items.csv", ("item", "title", "Genre[]"), cards)


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """The process that forks refreshes, on either store."""
    with Forks("tests.integration.killer", tmp_path_factory.mktemp("killer") / "killer.log") as killer:
        yield killer


@pytest.fixture(scope="module", params=["local", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def yard(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    database_names: Iterator[str],
    killer: Forks,
) -> Yard:
    """A store, a home with one source, and what an undisturbed refresh makes of it."""
    place = tmp_path_factory.mktemp(f"kill-{request.param}")
    if request.param == "local":
        local = request.getfixturevalue("local_home")
        target = {"url": f"local:{local}", "local": str(local)}
    else:
        url, password = request.getfixturevalue("neo4j_server")
        target = {"url": url, "password": password}
    yard = Yard(request.param, place, place / "shop", target, killer, database_names)
    _prepare(yard)
    return yard


def _prepare(yard: Yard) -> None:
    plant(yard.shop, later=False)
    new = yard.place / "base" / "new"
    remember(new, Source(yard.shop, "shop", sync=True, store=yard.target["url"]))
    open_tracker(f"sqlite:///{new}/mlflow.db")  # its tables are made once: they are MLflow's own affair
    yard.to_the_end()
    yard.points, yard.wanted = yard.counted(), yard.left()


def chosen(kind: str, count: int) -> list[int]:
    """Which of a step's points to try, counted from 1: one by a seed, a sample with the first and the last, or all."""
    wanted = os.environ.get("INTERLACE_KILL_POINTS", FEW[kind])
    if wanted == "all" or int(wanted) >= count:
        return list(range(1, count + 1))
    random = np.random.default_rng(count)
    if int(wanted) == 1:
        return [int(random.integers(1, count + 1))]
    between = random.choice(np.arange(2, count), int(wanted) - 2, replace=False)
    return sorted({1, count, *between.tolist()})


@pytest.mark.parametrize("step", KEPT + IN_GRAPH)
def test_killed_at_a_write_and_run_again_it_ends_in_the_same(yard: Yard, step: str) -> None:
    kept = step in KEPT
    if kept:
        yard.to_the_end()
    for at in chosen(yard.kind, len(yard.points[step])):
        where = f"{step}, write {at} of {len(yard.points[step])}: {yard.points[step][at - 1]}"
        yard.put_back(step if kept else "new")
        if not kept:
            yard.fresh_graph()
        assert yard.order(step=step, at=at) in (-9, 0), where
        readable(yard.home)
        assert yard.order() == 0, f"{where}\n{yard.killer.said()}"
        found = yard.look()
        _same(found["left"], yard.wanted, where)
        if not kept:  # a kept home is a copy out of the middle of a run
            assert all(run["tracked"] in ("", "FINISHED", "KILLED") for run in found["runs"]), where


def _same(found: dict[str, Any], wanted: dict[str, Any], where: str) -> None:
    for part, value in wanted.items():
        assert found[part] == value, f"{part} differs after a kill at {where}"


def test_killed_while_much_changes_and_much_goes_away(yard: Yard) -> None:
    """The second refresh: users and items gone, others new, titles changed; the recipe is carried over."""
    shop = yard.shop
    yard.put_back("new")
    yard.fresh_graph()
    assert yard.order() == 0
    try:
        plant(shop, later=True)
        assert yard.order() == 0
        wanted, points = yard.left(), yard.counted()
        assert not any("u0" in node for node in wanted["graph"]["nodes"])
        assert len(wanted["registry"]["versions"]) == 2
        steps = [(step, len(points[step]) // 2) for step in ("ingest", "train", "publish", "write-back")]
        for step, at in steps if yard.kind == "local" else steps[:1]:
            plant(shop, later=False)
            yard.put_back("new")
            yard.fresh_graph()
            assert yard.order() == 0
            plant(shop, later=True)
            assert yard.order(step=step, at=at) == -9
            readable(yard.home)
            assert yard.order() == 0
            _same(yard.left(), wanted, f"{step}, write {at}: {points[step][at - 1]}")
    finally:
        plant(shop, later=False)


def test_a_killed_run_is_marked_as_interrupted_by_the_next(yard: Yard) -> None:
    yard.put_back("new")
    yard.fresh_graph()
    assert yard.order(step="encode", at=3) == -9
    assert yard.order() == 0
    last, killed = yard.look()["runs"]
    assert (last["state"], killed["state"]) == ("done", "interrupted")
    assert [(step["name"], step["state"]) for step in killed["steps"]] == [
        ("ingest", "done"),
        ("retain", "done"),
        ("encode", "interrupted"),
    ]
    assert (last["tracked"], killed["tracked"]) == ("FINISHED", "KILLED")
