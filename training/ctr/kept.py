"""A fitted click model as a folder, and its probabilities for impressions that nobody has labelled yet.

After `training.ctr.auto`. The folder holds each member as `training.ctr.models` writes it, and `blend.json`: weights,
calibration and the names of the features that were read. Written aside and renamed: it is whole or not there.

Features of new impressions are made from the same labelled rows as for the fit (`asked_features`): rates, scores and
the past of a user are counted from them, so the probabilities are those that `Fitted.probabilities` gives.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from graph.errors import Conflict, InvalidData, NotFound
from graph.snapshot import Interactions
from training.ctr.auto import Fitted
from training.ctr.blend import Blend
from training.ctr.calibrate import Calibration
from training.ctr.features import Features, make_features
from training.ctr.models import load_click_model
from training.ctr.rows import Clicks
from training.split import TEST

CARD = "blend.json"
FORMAT = 1


@dataclass(frozen=True)
class Reads:
    """Names of what a model reads, in order; `ids`: are people and items told apart. Equal for the fit and later."""

    fields: tuple[str, ...]
    bags: tuple[str, ...]
    dense: tuple[str, ...]
    ids: bool = True

    @classmethod
    def of(cls, features: Features, *, ids: bool = True) -> Reads:
        return cls(features.field_names, features.bag_names, features.dense_names, ids)

    @classmethod
    def of_card(cls, card: Mapping[str, Any]) -> Reads:
        fields, bags, dense = (tuple(card[name]) for name in ("fields", "bags", "dense"))
        return cls(fields, bags, dense, bool(card["ids"]))


def save(fitted: Fitted, reads: Reads, folder: Path) -> None:
    """Writes the folder. Raises `Conflict` where there is something already."""
    if folder.exists():
        raise Conflict(f"{folder} is there already", valid="a new folder", remedy="name another one, or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir()
        for place, model in enumerate(fitted.members.values()):
            model.save(aside / str(place))
        card = {
            "format": FORMAT,
            "members": list(fitted.members),
            "blend": fitted.blend.as_dict(),
            "calibration": fitted.calibration.as_dict(),
            "validation": dict(fitted.validation),
            "chosen": fitted.text,
            "reads": asdict(reads),
        }
        (aside / CARD).write_text(json.dumps(card, indent=2), encoding="utf-8")
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def load(folder: Path) -> tuple[Fitted, Reads]:
    """Reads what `save` wrote. Raises `NotFound` where there is none, `InvalidData` where it is damaged."""
    if not (folder / CARD).is_file():
        raise NotFound(f"no click model in {folder}", valid=f"a folder with {CARD}",
                       remedy="make one: interlace bench ctr FOLDER --keep NAME")  # fmt: skip
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        members = {name: load_click_model(folder / str(place)) for place, name in enumerate(card["members"])}
        calibration = Calibration(card["calibration"]["way"], tuple(card["calibration"]["numbers"]))
        blend = Blend(card["blend"]["weights"], card["blend"]["bias"])
        fitted = Fitted(members, blend, calibration, card["validation"], card["chosen"])
        return fitted, Reads.of_card(card["reads"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidData(f"the click model in {folder} cannot be read: {error!r}", valid=f"{CARD} as it was written",
                          remedy="copy the folder again, or fit again") from error  # fmt: skip


def asked_features(
    clicks: Clicks, pairs: pa.Table, *, ids: bool = True, seed: int = 42
) -> tuple[Features, NDArray[np.int64]]:
    """Features of `clicks` and, after them, of new impressions, with the rows of these.

    `pairs`: columns `user` and `item` (ids of the snapshot; with or without labelled rows) and, where known, `time`.
    Raises `NotFound` for an id that the snapshot does not have.
    """
    known = clicks.rows
    user, item = (
        np.array([ids.position(one) for one in pairs.column(name).to_pylist()], np.int32)
        for name, ids in (("user", clicks.snapshot.users), ("item", clicks.snapshot.items))
    )
    count = len(user)
    newest = int(known.time.max(initial=0)) + 1
    time = pairs.column("time").to_numpy().astype(np.int64) if "time" in pairs.column_names else np.full(count, newest)
    rows = Interactions(
        np.concatenate([known.user, user]),
        np.concatenate([known.item, item]),
        np.concatenate([known.kind, np.full(count, known.kind[0] if len(known) else 0, known.kind.dtype)]),
        np.concatenate([known.value, np.zeros(count, np.float32)]),
        np.concatenate([known.time, time]),
    )
    part = np.concatenate([clicks.part, np.full(count, TEST, clicks.part.dtype)])
    features = make_features(replace(clicks, rows=rows, part=part), ids=ids, seed=seed)
    return features, len(known) + np.arange(count)


def predict(fitted: Fitted, reads: Reads, clicks: Clicks, pairs: pa.Table, *, seed: int = 42) -> NDArray[np.float64]:
    """(len(pairs),) calibrated probabilities of a click. Raises `InvalidData` for data with other features."""
    features, rows = asked_features(clicks, pairs, ids=reads.ids, seed=seed)
    found = Reads.of(features, ids=reads.ids)
    if found != reads:
        raise InvalidData(f"features {found}", valid=f"{reads}", remedy="use the data that the model was fitted on")
    return fitted.probabilities(features, rows)
