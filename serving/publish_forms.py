"""A fitted model as arrays in an index folder: each member of a blend, each of its forms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from serving.index_files import write_array, write_rows
from training.blend import Blend
from training.recommender import Form, ItemForm, MLPForm, Recommender, SequenceForm, StaticForm


def write_members(folder: Path, recommender: Recommender) -> list[dict[str, Any]]:
    """Writes every member's forms; returns what the manifest says of them. A model alone is its own only member."""
    members: Sequence[tuple[Recommender, float | None]] = [(recommender, None)]
    if isinstance(recommender, Blend):
        members = list(zip(recommender.members, recommender.weights, strict=True))
    return [
        {
            "name": member.name,
            "weight": weight,
            "forms": [
                _write_form(folder, f"form{place}_{part}", form) for part, form in enumerate(member.forms())
            ],
        }
        for place, (member, weight) in enumerate(members)
    ]  # fmt: skip


def _write_form(folder: Path, name: str, form: Form) -> dict[str, Any]:
    if isinstance(form, StaticForm):
        write_array(folder, f"{name}.scores", form.scores.astype(np.float32))
        return {"kind": "static", "file": name}
    if isinstance(form, ItemForm):
        return _write_item_form(folder, name, form)
    if isinstance(form, SequenceForm):
        return _write_sequence_form(folder, name, form)
    if isinstance(form, MLPForm):
        return _write_mlp_form(folder, name, form)
    parts: dict[str, NDArray[np.float32] | None] = {"users": form.users, "fold_in": form.fold_in, "gram": form.gram}
    for part, array in {"items": form.items, **parts}.items():
        if array is not None:
            write_array(folder, f"{name}.{part}", array.astype(np.float32))
    present = {part: array is not None for part, array in parts.items()}
    ridge = [form.ridge, form.ridge_offset, form.ridge_power]
    return {"kind": "factor", "file": name, **present, "fold_in_power": form.fold_in_power, "ridge": ridge,
            "moves": form.moves}  # fmt: skip


def _write_item_form(folder: Path, name: str, form: ItemForm) -> dict[str, Any]:
    sparse = not isinstance(form.weights, np.ndarray)
    if isinstance(form.weights, np.ndarray):
        write_array(folder, f"{name}.weights", form.weights.astype(np.float32))
    else:
        matrix = csr_matrix(form.weights)
        write_rows(folder, name, matrix.indptr, matrix.indices)
        write_array(folder, f"{name}.weights", matrix.data.astype(np.float32))
    return {"kind": "item", "file": name, "sparse": sparse, "normalise": bool(form.normalise),
            "decay": form.decay, "last": form.last,
            "said": None if form.said is None else form.said.json()}  # fmt: skip


def _write_sequence_form(folder: Path, name: str, form: SequenceForm) -> dict[str, Any]:
    """The items' vectors twice: as inputs, and of unit length as what is ranked."""
    lengths = np.maximum(np.linalg.norm(form.items, axis=1, keepdims=True), 1e-12)
    arrays = {"inputs": form.items, "items": form.items / lengths, **form.weights}
    if form.query is not None:
        arrays["query"] = form.query
    for part, array in arrays.items():
        write_array(folder, f"{name}.{part}", array.astype(np.float32))
    return {"kind": "sequence", "file": name, "weights": sorted(form.weights), "query": form.query is not None,
            "last": form.last, "num_layers": form.num_layers}  # fmt: skip


def _write_mlp_form(folder: Path, name: str, form: MLPForm) -> dict[str, Any]:
    layers = {f"weights{place}": one for place, one in enumerate(form.weights)}
    biases = {f"biases{place}": one for place, one in enumerate(form.biases)}
    for part, array in {"inputs": form.inputs, "items": form.items, "users": form.users, **layers, **biases}.items():
        write_array(folder, f"{name}.{part}", array.astype(np.float32))
    return {"kind": "mlp", "file": name, "layers": len(form.weights), "power": form.power}
