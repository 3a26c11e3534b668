"""The search for traces: every file under the home, the store and MLflow's folder, and the graph itself.

It knows nothing of where an erasure looks (`serving.erasure.places`), so that a place that was forgotten there shows.
An id that an item has too (both are numbers in many data sets) counts only where nothing says that the item is meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from graph.errors import InterlaceError
from graph.portions import portions
from graph.queries_snapshot import all_ids
from graph.schema import ITEM, USER
from graph.store import GraphStore
from serving.erasure.formats import Bytes, Cell, Said, contents
from serving.erasure.record import FOLDER as ERASURES
from serving.erasure.record import OPEN
from serving.erasure.wanted import BEFORE, Wanted
from serving.index import FOLDER as INDEX
from serving.index import current_version, mapped, read_manifest

_ITEM = re.compile(r"item|catalogue|attribute|entit|triple", re.IGNORECASE)
_USER = re.compile(r"user|person|people", re.IGNORECASE)
SOURCES = "data"
"""Folder of downloaded data sets: what they were before Interlace read them."""


@dataclass(frozen=True)
class Trace:
    """A find. `place`: the file (or the graph) and what in it; `name`: the id, or what stands for it in a receipt."""

    place: str
    name: str


def traces(roots: Iterable[Path], wanted: Wanted, *, tell: Callable[[str], None] = lambda _: None) -> list[Trace]:
    """What is left in files below these folders."""
    found: dict[Trace, None] = {}
    for path in files_below(roots):
        tell(path.name)
        for one in in_file(path, wanted):
            found[one] = None
    return list(found)


def in_file(path: Path, wanted: Wanted) -> Iterator[Trace]:
    """What is left in one file, or in its name; one that vanished meanwhile says nothing."""
    for find in wanted.in_text(path.name):
        yield Trace(f"the name of {path}", find.name)
    try:
        for said in contents(path):
            for name in _finds(said, wanted, path):
                yield Trace(f"{path} ({said.where})" if said.where != path.name else str(path), name)
    except FileNotFoundError:
        return


def in_graph(store: GraphStore, wanted: Wanted) -> Iterator[Trace]:
    """What is left in the graph: their nodes, and others' lists that name them."""
    for user in _all(store, USER):
        if name := wanted.of(user):
            yield Trace(f"the graph at {store.url} (User)", name)
    for some in portions(sorted(wanted.names), 500):
        for user, _ in store.query("blockers_of", {"ids": some}):
            yield Trace(f"the graph at {store.url} (blocked, of {user})", "a list that names them")


def living(home: Path, store: GraphStore | None) -> tuple[set[str], set[str]]:
    """Ids of the users and of the items that are there: of the graph, and of the index in use."""
    users, items = set[str](), set[str]()
    if store is not None:
        users.update(_all(store, USER))
        items.update(_all(store, ITEM))
    try:
        folder = home / INDEX / current_version(home)
        index = mapped(folder, read_manifest(folder))
    except InterlaceError:
        return users, items
    users.update(index.user_ids[place].decode("utf-8", "surrogatepass") for place in range(index.num_users))
    items.update(index.item_ids[place].decode("utf-8", "surrogatepass") for place in range(index.num_items))
    return users, items


def summary(found: Iterable[Trace]) -> dict[str, int]:
    """Traces by place."""
    return dict(Counter(one.place for one in found))


def _finds(said: Said, wanted: Wanted, path: Path) -> Iterator[str]:
    if isinstance(said, Bytes):
        yield from _in_bytes(said, wanted, path)
        return
    where = f"{path.name} {said.where}"
    item = speaks_of_items(where, "")
    if isinstance(said, Cell) and (name := wanted.of(said.text)):
        if not (item and wanted.is_item(said.text)):
            yield name
        return
    for find in wanted.in_text(said.text):
        before = said.text[max(0, find.start - BEFORE) : find.start]
        if not (wanted.is_item(said.text[find.start : find.end]) and speaks_of_items(where, before)):
            yield find.name


def _in_bytes(said: Bytes, wanted: Wanted, path: Path) -> Iterator[str]:
    item = speaks_of_items(path.name, "") or said.where.startswith("free pages")
    for found in wanted.bytes_pattern.finditer(said.data):
        run = found.group().decode("latin-1").replace("%3A", ":").replace("%3a", ":")
        before = said.data[max(0, found.start() - BEFORE) : found.start()].decode("latin-1")
        name = wanted.in_run(run, before)
        if name and not (item and any(run.startswith(one) for one in wanted.items)):
            yield name


def speaks_of_items(where: str, before: str) -> bool:
    """Does what stands nearest say that an item is meant, not a user."""
    for text in (before, where):
        said = [(found.start(), kind) for kind, pattern in (("item", _ITEM), ("user", _USER))
                for found in pattern.finditer(text)]  # fmt: skip
        if said:
            return max(said)[1] == "item"
    return False


def files_below(roots: Iterable[Path]) -> Iterator[Path]:
    """Files that are searched, each once."""
    seen = set[Path]()
    for root in roots:
        for path in sorted(root.rglob("*")):
            whole = path.resolve()
            if path.is_file() and whole not in seen and not _left_out(path, root):
                seen.add(whole)
                yield path


def _left_out(path: Path, root: Path) -> bool:
    """Sources as they came, and the record of an erasure that goes on, which has to name whom."""
    parts = path.relative_to(root).parts
    return parts[0] == SOURCES or (parts[0] == ERASURES and path.name.endswith(OPEN))


def _all(store: GraphStore, label: str) -> Iterator[str]:
    if (label,) in map(tuple, store.query("labels_known").rows):
        yield from (row[0] for row in store.query(all_ids(label)))
