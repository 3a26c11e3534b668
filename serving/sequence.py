"""A transformer over the newest items of a history, in NumPy: one user's vector in a few hundred microseconds.

The request path's version of `training.recommender.SequenceForm`, read from the index; `serving.rank` scores with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NORM_EPS = np.float32(1e-5)
GELU = np.float32((2 / np.pi) ** 0.5)
CUBE = np.float32(0.044715)

Array = NDArray[np.float32]


@dataclass(frozen=True)
class SequenceWeights:
    """score(j) = h . items_j; see `training.recommender.SequenceForm`. `inputs` and `items` (num_items, d), `items` of
    unit length. `weights` by parameter; `query` (d,) where all places are read, None where the older ones alone.
    """

    inputs: Array
    items: Array
    weights: Mapping[str, Array]
    last: int
    num_layers: int
    query: Array | None


def user_vector(form: SequenceWeights, history: NDArray[np.integer]) -> Array:
    """(d,) of unit length. `history`: items, oldest first, repeats allowed; zeros for an empty one without a query."""
    newest = history[max(0, len(history) - form.last + (form.query is not None)) :]
    x: Array = np.asarray(form.inputs[newest], np.float32)
    if form.query is not None:
        x = np.concatenate([x, form.query[None]])
    if not len(x):
        return np.zeros(form.inputs.shape[1], np.float32)
    bias = _bias(form, len(x))
    for layer in range(form.num_layers):
        last = layer == form.num_layers - 1
        x = _block(form.weights, f"blocks.{layer}.", x, bias, len(x) - 1 if last else 0)
    vector = _norm(x[-1:], form.weights, "norm.")[0]
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)


def _bias(form: SequenceWeights, length: int) -> Array:
    """(heads, t, t): what attention adds; -inf where a place may not look."""
    distance = np.arange(length)[:, None] - np.arange(length)
    table = form.weights["bias.table"]
    if form.query is not None:
        return np.asarray(table[:, distance + form.last - 1])
    return np.where(distance < 0, np.float32(-np.inf), table[:, np.maximum(distance, 0)])


def _block(weights: Mapping[str, Array], name: str, x: Array, bias: Array, first: int) -> Array:
    """One block's output at places `first` and after: of the last block the newest place alone is read."""
    normed = _norm(x, weights, f"{name}norm_attention.")
    x = x[first:]
    x = x + _sigmoid(_linear(x, weights, f"{name}gate_attention.")) * _attention(weights, name, normed, bias, first)
    inner = _gelu(_linear(_norm(x, weights, f"{name}norm_forward."), weights, f"{name}up."))
    return x + _sigmoid(_linear(x, weights, f"{name}gate_forward.")) * _linear(inner, weights, f"{name}down.")


def _attention(weights: Mapping[str, Array], name: str, x: Array, bias: Array, first: int) -> Array:
    length, size = x.shape
    heads = len(bias)
    split = _linear(x, weights, f"{name}qkv.").reshape(length, 3, heads, size // heads).transpose(1, 2, 0, 3)
    query, key, value = split[0][:, first:], split[1], split[2]
    logits = query @ key.transpose(0, 2, 1) / np.float32((size // heads) ** 0.5) + bias[:, first:]
    chances = np.exp(logits - logits.max(axis=2, keepdims=True))
    mixed = chances / chances.sum(axis=2, keepdims=True) @ value
    return _linear(mixed.transpose(1, 0, 2).reshape(length - first, size), weights, f"{name}out.")


def _linear(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    return np.asarray(x @ weights[f"{name}weight"].T + weights[f"{name}bias"])


def _norm(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    scale = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + NORM_EPS)
    return np.asarray(centred / scale * weights[f"{name}weight"] + weights[f"{name}bias"])


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu(x: Array) -> Array:
    return np.asarray(np.float32(0.5) * x * (1 + np.tanh(GELU * (x + CUBE * x * x * x))))
