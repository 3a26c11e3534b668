"""People in the graph: on which platforms they are, their nodes, others' lists that name them, the store's files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graph import changes
from graph.portions import portions
from graph.schema import PERSON, USER, USER_BLOCKED
from graph.store import GraphStore
from serving.erasure.work import Counts, Work
from serving.flush import flush

USERS_AT_ONCE = 50
"""Nodes a transaction: with everything that they did it has to stay small enough for others to write between."""


def resolve(store: GraphStore, users: Iterable[str]) -> tuple[list[str], list[str]]:
    """Ids of these people on every platform, and of the nodes that join them."""
    store.ensure_schema([USER, PERSON])
    found, persons = set(users), set[str]()
    for some in portions(sorted(found), 500):
        for user, person in store.query("people_of", {"ids": some}):
            found.add(user)
            persons.add(person)
    return sorted(found), sorted(persons)


def nodes(work: Work) -> Counts:
    """Their nodes with every relationship, written lists among them; others' lists; what joined only them."""
    store = work.open_graph()
    store.ensure_schema([USER, PERSON])
    there = relationships = 0
    for some in portions(work.users, USERS_AT_ONCE):
        relationships += store.query("relationships_of", {"ids": some}).rows[0][0]
        there += len(store.query("ids_of_user", {"ids": some}))
    flush(store, work.home)  # what waits is written now, so that nothing of them is written later
    changes.prepare(store)
    for some in portions(work.users, USERS_AT_ONCE):
        changes.erase_nodes(store, work.home, USER, some)
    lists = _unblock(store, work)
    store.query("link_lonely", {"ids": list(work.persons)})
    return {"users": there, "relationships": relationships, "lists": lists}


def _unblock(store: GraphStore, work: Work) -> int:
    """Takes them out of others' lists of whom these want nothing to do with."""
    rows: list[dict[str, Any]] = []
    for some in portions(work.users, 500):
        found = {row["id"]: row for row in rows}
        for user, blocked in store.query("blockers_of", {"ids": some}):
            before = found.get(user, {"properties": {USER_BLOCKED: blocked}})["properties"][USER_BLOCKED]
            kept = [one for one in before if one not in work.names]
            found[user] = {"id": user, "properties": {USER_BLOCKED: kept}}
        rows = list(found.values())
    if rows:
        touched = {USER: [row["id"] for row in rows]}
        changes.write_nodes(store, work.home, "set_user_properties", {"rows": rows}, touched)
    return len(rows)


def files(work: Work) -> Counts:
    """What deleted nodes left in the store's own files."""
    work.open_graph().scrub([USER, PERSON])
    return {}
