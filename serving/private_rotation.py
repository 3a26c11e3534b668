"""Another key for private properties: what is kept with the old one is written anew, then the old one goes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from graph import changes
from graph.id_pages import id_pages
from graph.private import Cipher
from graph.queries_snapshot import nodes_between
from graph.queries_users import SET_USER_PROPERTIES
from graph.schema import USER
from graph.store import GraphStore
from serving.flush import flush
from serving.overlay import Overlay

USERS_A_WRITE = 500


def rotate(store: GraphStore, home: Path, cipher: Cipher) -> int:
    """Another key, and everything that is kept encrypted with it, also what was kept in the clear before the property
    was private; returns how many users' properties were written. Then the old key goes. Killed anywhere: both keys stay
    in the file, everything can be read, and doing it again ends it.
    """
    cipher.keys.begin()
    written = 0
    while True:  # servers go on taking users meanwhile, with the new key from the moment that the file was replaced
        flush(store, home)
        found = _renew_overlay(home, cipher) + _renew_graph(store, home, cipher)
        if not found:
            break
        written += found
    cipher.keys.end()
    return written


def _renew_graph(store: GraphStore, home: Path, cipher: Cipher) -> int:
    written, after = 0, ""
    changes.prepare(store)
    for ids in id_pages(store, USER, limit=USERS_A_WRITE):
        rows = store.query(nodes_between(USER), {"after": after, "upto": ids[-1]}).rows
        users = [pair for names, properties in rows for pair in zip(names, properties, strict=True)]
        new = [{"user": user, "properties": renewed}
               for user, properties in users if (renewed := cipher.renewed(user, properties))]  # fmt: skip
        if new:
            touched = {USER: [row["user"] for row in new]}
            changes.write_nodes(store, home, SET_USER_PROPERTIES, {"rows": new}, touched)
        written += len(new)
        after = ids[-1]
    return written


def _renew_overlay(home: Path, cipher: Cipher) -> int:
    """Bodies in place: what they say is the same, so they are no changes."""
    with closing(Overlay(home)) as overlay:
        return overlay.rewrite_users(cipher.renewed)
