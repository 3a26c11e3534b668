"""A fitted model as a folder: safetensors for what the fit made, JSON for what it is. Never a pickle.

After the fit, before the registry and the index. The folder is also an MLflow model (`MLmodel`, written by
`training.registry`), which `training.pyfunc` opens for `mlflow.pyfunc.load_model`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graph.errors import Conflict, NotFound
from training.blend import NAME as BLEND
from training.blend import Blend, BlendConfig, MemberConfig
from training.recommender import Recommender
from training.zoo import find

STATE = "model.safetensors"
CARD = "model.json"
ITEMS = "items.json"
TESTED = "tested.safetensors"
FORMAT = 1


@dataclass(frozen=True)
class ModelCard:
    """What a saved model is: zoo name (or `auto`), settings, the data it learned from and what it measured.

    `settings` of a blend hold its members. `snapshot` is the content hash; `split` says how test was made.
    `models`: test metrics of all that was fitted, `comparisons`: the model against each of them (Holm-corrected).
    `guards`: what a promotion may not make worse. `origin`: where the recipe is from: chosen here, or carried over.
    `feedback`: by model, what each kind and value of interaction was learned to count (`training.feedback`).
    `privacy`: what a private model promises (`training.privacy.guarantee`); empty where nothing is.
    `sessions`: the weights that sessions are scored with (`training.sessions`); empty where none were learned.
    """

    model: str
    settings: Mapping[str, Any]
    snapshot: str = ""
    split: str = ""
    min_value: float | None = None
    chosen: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    validation: float | None = None
    popularity: Mapping[str, float] = field(default_factory=dict)
    beats_popularity: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    brings: Mapping[str, Any] = field(default_factory=dict)
    refitted: bool = False
    origin: Mapping[str, Any] = field(default_factory=dict)
    comparisons: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    guards: Mapping[str, float] = field(default_factory=dict)
    leaks: Sequence[Mapping[str, Any]] = ()
    feedback: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    privacy: Mapping[str, Any] = field(default_factory=dict)
    sessions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tested:
    """Per-user measures on the test part (positions `users`), kept so that a rival can be compared user by user."""

    users: NDArray[np.int64]
    measures: Mapping[str, NDArray[np.float64]]


def settings_of(recommender: Recommender, config: Any) -> dict[str, Any]:
    """What `load` needs to build the model again: its config, or a blend's members."""
    if isinstance(recommender, Blend):
        return {"members": [asdict(member) for member in recommender.config.members]}
    return asdict(config)


def save(
    recommender: Recommender,
    folder: Path,
    card: ModelCard,
    *,
    items: Sequence[str] = (),
    tested: Tested | None = None,
) -> None:
    """Writes the model into `folder` (made; an older model there is replaced). `items`: ids by position."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: np.ascontiguousarray(array) for name, array in recommender.state().items()}
    save_file(state, folder / STATE)
    document = {"format": FORMAT, **asdict(card)}
    (folder / CARD).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / ITEMS).write_text(json.dumps(list(items), ensure_ascii=False), encoding="utf-8")
    if tested is not None:
        save_file({"users": tested.users, **tested.measures}, folder / TESTED)


def load(folder: Path) -> Recommender:
    """The fitted model. Raises `NotFound` for no model, `Conflict` for a damaged one or one of another version."""
    recommender = build(read_card(folder))
    try:
        return recommender.load_state(load_file(folder / STATE))
    except (SafetensorError, KeyError, ValueError, FileNotFoundError) as error:
        raise _damaged(folder, f"{STATE} cannot be read ({error})") from error


def build(card: ModelCard) -> Recommender:
    """The model that a card describes, not fitted."""
    if card.model == BLEND:
        members = tuple(
            MemberConfig(member["name"], member["weight"], typed_settings(member["settings"]))
            for member in card.settings["members"]
        )
        return Blend(BlendConfig(members))
    model = find(card.model)
    return model.build(model.config(typed_settings(card.settings)))


def typed_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a config takes them: JSON has no tuples, and a frozen config no lists."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def read_card(folder: Path) -> ModelCard:
    """What the model in `folder` is; raises `NotFound` or `Conflict`."""
    try:
        document = json.loads((folder / CARD).read_text(encoding="utf-8"))
        version = document.pop("format")
    except FileNotFoundError as error:
        raise NotFound(f"no model in {str(folder)!r}", valid=f"a folder with {CARD} and {STATE}",
                       remedy="train one: interlace train") from error  # fmt: skip
    except (ValueError, KeyError, AttributeError) as error:
        raise _damaged(folder, f"{CARD} cannot be read ({error})") from error
    if version != FORMAT:
        raise _damaged(folder, f"it is of format {version}, not {FORMAT}")
    try:
        return ModelCard(**document)
    except TypeError as error:
        raise _damaged(folder, f"{CARD} has the wrong members ({error})") from error


def read_tested(folder: Path) -> Tested | None:
    """The per-user measures saved with the model, None when it was not measured."""
    if not (folder / TESTED).is_file():
        return None
    try:
        arrays = load_file(folder / TESTED)
        return Tested(arrays.pop("users"), arrays)
    except (SafetensorError, KeyError) as error:
        raise _damaged(folder, f"{TESTED} cannot be read ({error})") from error


def read_items(folder: Path) -> tuple[str, ...]:
    """Item ids by position."""
    try:
        return tuple(json.loads((folder / ITEMS).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError) as error:
        raise _damaged(folder, f"{ITEMS} cannot be read ({error})") from error


def _damaged(folder: Path, why: str) -> Conflict:
    return Conflict(
        f"the model in {str(folder)!r} is damaged or of another version: {why}",
        valid="a model as this version saved it",
        remedy="train it again: interlace train",
    )


def check_snapshot(card: ModelCard, snapshot: str) -> None:
    """Raises `Conflict` when the model learned from another snapshot than `snapshot`: its positions mean others."""
    if card.snapshot != snapshot:
        raise Conflict(
            f"model {card.model!r} was trained on snapshot {card.snapshot[:12] or 'unknown'}, not on {snapshot[:12]}",
            valid="a model of the snapshot that is served",
            remedy="train again on the present graph: interlace train",
        )
