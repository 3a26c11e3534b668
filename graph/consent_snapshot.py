"""What a snapshot leaves out for want of consent: between the graph frozen as arrays and whatever learns from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from graph.consent import NO, RECOMMENDATION, TRANSFER, YES, Defaults, Said, property_of
from graph.schema import CONSENTS, USER_BLOCKED, USER_DISCOVERABLE, USER_HIDES_FRIENDS
from graph.snapshot import Snapshot

KEPT = frozenset({"id", "platform", USER_BLOCKED, USER_DISCOVERABLE, USER_HIDES_FRIENDS, *CONSENTS})
"""Properties that a snapshot keeps of somebody it learns nothing from: what they do not want."""


def said_by(properties: pa.Table, purpose: str) -> NDArray[np.int8]:
    """(users,) 1 where the property says yes, -1 where it says no, else 0. Texts (from a CSV) count too."""
    name = property_of(purpose)
    if name not in properties.column_names:
        return np.zeros(properties.num_rows, np.int8)
    words = pc.utf8_lower(properties.column(name).cast(pa.string()))
    yes, no = (pc.fill_null(pc.is_in(words, pa.array(some)), False) for some in (YES, NO))
    found: NDArray[np.int8] = yes.to_numpy().astype(np.int8) - no.to_numpy().astype(np.int8)
    return found


def withheld(snapshot: Snapshot, purpose: str, defaults: Defaults, said: Iterable[Said] = ()) -> NDArray[np.bool_]:
    """(users,) who do not agree. `said`: what counts before the graph's properties, which may not have followed."""
    found = said_by(snapshot.user_properties, purpose)
    for user, about, granted in said:
        place = snapshot.users.positions.get(user) if about == purpose else None
        if place is not None:
            found[place] = 0 if granted is None else 1 if granted else -1
    silent = _silent(snapshot.users.ids, defaults.silent(purpose))
    return np.asarray((found < 0) | ((found == 0) & silent), np.bool_)


def _silent(users: tuple[str, ...], platforms: frozenset[str]) -> NDArray[np.bool_]:
    if not platforms or "" in platforms:
        return np.full(len(users), bool(platforms))
    return np.array([user.partition(":")[0] in platforms for user in users], np.bool_)


def obeyed(snapshot: Snapshot, defaults: Defaults, said: Iterable[Said] = ()) -> Snapshot:
    """The snapshot without what people did not agree to; the same object where all agree to everything.

    Without `recommendation`, an account's interactions, friendships, identity and profile are gone; its id stays, so
    that positions and pages stay. Without `transfer` its identity is gone. (`explanation` is for answers to obey.)
    """
    said = list(said)
    silent = withheld(snapshot, RECOMMENDATION, defaults, said)
    apart = silent | withheld(snapshot, TRANSFER, defaults, said)
    kept = {place: person for place, person in snapshot.identities.items() if not apart[place]}
    if not silent.any() and len(kept) == len(snapshot.identities):
        return snapshot
    return replace(
        snapshot,
        interactions=snapshot.interactions.take(~silent[snapshot.interactions.user]),
        friendships=snapshot.friendships[~silent[snapshot.friendships].any(axis=1)],
        identities=kept,
        doubts={place: sure for place, sure in snapshot.doubts.items() if place in kept},
        user_properties=_blanked(snapshot.user_properties, silent),
    )


def _blanked(table: pa.Table, silent: NDArray[np.bool_]) -> pa.Table:
    """Nothing but what they do not want is told of these users; columns that are null everywhere are none."""
    mask = pa.array(silent)
    found = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        whole = column.combine_chunks()
        told = whole if name in KEPT else pc.if_else(mask, pa.scalar(None, column.type), whole)
        if name in KEPT or told.null_count < len(told):
            found[name] = told
    return pa.table(found)
