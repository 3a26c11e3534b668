"""What an index holds of events to come: everybody's scores by learned weights, where these are worth it.

Not part of the request path: this file imports `training`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from graph.errors import InvalidData
from graph.snapshot import Snapshot
from serving.index_files import write_array, write_rows
from training.events.coming import learn_coming
from training.events.log import events_of


def write_events(
    folder: Path, snapshot: Snapshot, min_value: float | None, tell: Callable[[str], None]
) -> dict[str, Any] | None:
    """Writes `coming.*`; returns what the manifest says of them. None, and nothing is written, where there are no
    events or the shelf's fixed rule ranks them as well.
    """
    if "starts" not in snapshot.item_properties.column_names:
        return None
    tell("events to come")
    try:
        found = learn_coming(events_of(snapshot, min_value=min_value))
    except InvalidData as error:  # too few events, or a time or a place that is none: the rule needs neither
        tell(f"events to come by the fixed rule: {error.what}")
        return None
    if found is None:
        return None
    write_array(folder, "coming.events", found.events)
    write_rows(folder, "coming", found.indptr, found.places)
    write_array(folder, "coming.scores", found.scores)
    return {"soon": found.soon, "friends": found.friends, "weights": found.weights, "lists": found.lists,
            "over_the_rule": asdict(found.brings)}  # fmt: skip
