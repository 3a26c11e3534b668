"""Links in the graph: what a run writes, as a difference to what is there, and how it is taken back.

`(User)-[:IS {probability, method, run}]->(Person)` and `(Item)-[:SAME_AS {probability, method, run}]->(Item)`. Links
without `run` are what somebody said (`identities`) and stay as they are. Each run keeps its difference in
`HOME/link/RUN/change.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa

from graph.changes import Mark, bump_parameters, prepare, publish, unexplained
from graph.errors import Conflict, NotFound
from graph.link.clusters import Clusters
from graph.link.records import PEOPLE
from graph.schema import IS, ITEM, PERSON, SAME_AS, USER
from graph.store import GraphStore
from graph.whole_files import write_json

FOLDER = "link"
CHANGE = "change.json"
PAGE = 5_000
ROWS = 2_000
METHOD = "splink"


@dataclass(frozen=True, order=True)
class Link:
    """One relationship: `head` is a user or an item, `tail` a person or an item."""

    head: str
    tail: str
    probability: float
    run: str


def read_rows(store: GraphStore, what: str) -> Iterator[dict[str, Any]]:
    """`id` and properties of every user or item, by id; an item's text embedding as `embedding`."""
    after = ""
    while True:
        rows = store.query("link_users" if what == PEOPLE else "link_items", {"after": after, "page": PAGE}).rows
        for name, properties in rows:
            found = {**(properties or {}), "id": name}
            found["embedding"] = found.get("text_embedding") if what != PEOPLE else None
            yield found
        if len(rows) < PAGE:
            return
        after = rows[-1][0]


def given_people(store: GraphStore) -> dict[str, str]:
    """User -> person, where somebody said so."""
    return dict(store.query("link_given").rows)


def wanted(clusters: Clusters, what: str, given: Mapping[str, str], run: str) -> list[Link]:
    """The links that the groups make. A person is named by their first user, or as somebody said."""
    links = []
    for members in clusters.members:
        if what == PEOPLE:
            said = next((given[name] for name in members if name in given), None)
            person = said or f"person:{blake2b(members[0].encode(), digest_size=8).hexdigest()}"
            links += [
                Link(name, person, clusters.probability.get(name, 1.0), run) for name in members if name not in given
            ]
        else:
            first, *rest = members
            links += [Link(first, name, clusters.probability.get(name, 1.0), run) for name in rest]
    return sorted(links)


@dataclass(frozen=True)
class Difference:
    """`write`: new links and those whose probability changed; `remove`: links that are no more; `kept` of both."""

    write: tuple[Link, ...]
    remove: tuple[Link, ...]
    kept: int


def difference(store: GraphStore, what: str, links: Sequence[Link]) -> Difference:
    """What must change; a link that is there with the same probability keeps the run that made it."""
    there = {(one.head, one.tail): one for one in _there(store, what)}
    new = {(one.head, one.tail): one for one in links}
    write = tuple(
        one for key, one in new.items()
        if key not in there or abs(there[key].probability - one.probability) > 1e-6
    )  # fmt: skip
    changed = {(one.head, one.tail) for one in write}
    remove = tuple(one for key, one in there.items() if key not in new or key in changed)
    return Difference(write, remove, len(new) - len(write))


def apply(store: GraphStore, home: Path, what: str, found: Difference, run: str) -> None:
    """Writes the difference and keeps it, so that the run can be undone. Nothing is written where nothing changed."""
    if not found.write and not found.remove:
        return
    folder = home / FOLDER / run
    folder.mkdir(parents=True, exist_ok=True)
    state = {"what": what, "write": [*map(asdict, found.write)], "remove": [*map(asdict, found.remove)]}
    write_json(folder / CHANGE, state)
    _remove(store, what, found.remove)
    _write(store, home, what, found.write)


def undo(store: GraphStore, home: Path, run: str) -> Difference:
    """Takes a run back: what it wrote goes, what it took away returns.

    Errors: `NotFound` for a run that wrote nothing, `Conflict` where a later run changed its links.
    """
    folder = home / FOLDER / run
    if not (folder / CHANGE).is_file():
        runs = sorted(one.parent.name for one in (home / FOLDER).glob(f"*/{CHANGE}"))
        raise NotFound(
            f"no linkage {run!r} that wrote anything",
            valid=", ".join(runs) or "none: no linkage has written",
            remedy="name one of these",
        )
    state = json.loads((folder / CHANGE).read_text(encoding="utf-8"))
    what = state["what"]
    written, removed = ([Link(**one) for one in state[name]] for name in ("write", "remove"))
    mine = {(one.head, one.tail) for one in _there(store, what) if one.run == run}
    if missing := [one for one in written if (one.head, one.tail) not in mine]:
        raise Conflict(
            f"{len(missing)} links of {run} were changed since, for example that of {missing[0].head}",
            valid="the latest linkage first",
            remedy="undo the later runs before this one",
        )
    _remove(store, what, written)
    _write(store, home, what, removed)
    (folder / CHANGE).rename(folder / "undone.json")
    return Difference(tuple(removed), tuple(written), 0)


def _there(store: GraphStore, what: str) -> list[Link]:
    rows = store.query("link_people_there" if what == PEOPLE else "link_items_there").rows
    return [Link(head, tail, float(probability), run) for head, tail, probability, run in rows]


def _write(store: GraphStore, home: Path, what: str, links: Sequence[Link]) -> None:
    prepare(store)
    if what == PEOPLE and links:
        store.ensure_schema([PERSON])
    ends = f"{IS}.{USER}.{PERSON}" if what == PEOPLE else f"{SAME_AS}.{ITEM}.{ITEM}"
    for start in range(0, len(links), ROWS):
        part = links[start : start + ROWS]
        bumped = bump_parameters()
        found = store.query(
            "link_people_write" if what == PEOPLE else "link_items_write",
            {"rows": [*map(asdict, part)], "method": METHOD, **bumped},
        )
        for version, before, _count in found.rows[:1]:
            columns = {name: pa.array([getattr(one, name) for one in part], pa.string()) for name in ("head", "tail")}
            mark = Mark(int(version), str(bumped["token"]))
            publish(store, home, mark, before, {f"000000.new.{ends}": pa.table(columns)})


def _remove(store: GraphStore, what: str, links: Sequence[Link]) -> None:
    """A deleted identity has no place in a delta: the next snapshot reads everything."""
    if not links:
        return
    prepare(store)
    for start in range(0, len(links), ROWS):
        rows = [asdict(one) for one in links[start : start + ROWS]]
        name = "link_people_remove" if what == PEOPLE else "link_items_remove"
        store.query(name, {"rows": rows, **bump_parameters()})
    if what == PEOPLE:
        store.query("link_lonely", {"ids": sorted({one.tail for one in links})})
    unexplained(store)
