"""Which feed-forward neurons of a BERT go, and what those that stay send on: the optimal brain surgeon, in closed form.

Hassibi & Stork 1993; layer by layer Frantar & Alistarh 2022, whole neurons Kurtic et al. 2023, «ZipLM». With h
(tokens, neurons) a layer's activations on some texts and y (tokens, hidden) what its feed-forward part shall give,

    W = H^-1 h'y,  H = h'h + ridge;    without neuron j the squared error grows by |W_j|^2 / (H^-1)_jj.

The cheapest neurons leave, in `ROUNDS` rounds, and W is solved anew for the rest, so that they do the work of those
that went. Layers come one after another: h is what the smaller network computes, y what the whole one gives after this
layer, so a layer makes up for what was lost before it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

    from encoders.bert import Bert

ROUNDS = 8
RIDGE = 1e-3
"""Of the activations' mean square."""
AT_ONCE = 16


@dataclass
class _Batch:
    """Vectors (texts, tokens, hidden) before a layer in the smaller network and in the whole one."""

    ours: torch.Tensor
    theirs: torch.Tensor
    real: torch.Tensor


def keep_neurons(student: Bert, teacher: Bert, ids: Sequence[Sequence[int]], width: int) -> None:
    """Leaves `width` neurons in each layer of `student`, which has the layers of `teacher`; in place."""
    import torch

    with torch.no_grad():
        batches = _batches(teacher, ids)
        for ours, theirs in zip(student.layers.layers, teacher.layers.layers, strict=True):
            for batch in batches:
                batch.ours = _attended(ours, batch.ours, batch.real)
                batch.theirs = _attended(theirs, batch.theirs, batch.real)
            gram, product = _moments(ours, theirs, batches)
            neurons, weights = cheapest_out(gram, product, width)
            _cut(ours, neurons, weights)
            for batch in batches:
                batch.ours = ours.norm2(batch.ours + _fed(ours, batch.ours))
                batch.theirs = theirs.norm2(batch.theirs + _fed(theirs, batch.theirs))


def cheapest_out(gram: torch.Tensor, product: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Places (width,) of the neurons that stay and their weights (width, hidden); `gram`: H, `product`: h'y."""
    import torch

    kept = torch.arange(len(gram), device=gram.device)
    for size in np.linspace(len(gram), width, ROUNDS + 1)[1:].round().astype(int).tolist():
        inverse = torch.linalg.inv(gram[kept][:, kept])
        error = (inverse @ product[kept]).square().sum(1) / inverse.diagonal()
        kept = kept[error.topk(size).indices.sort().values]
    return kept, torch.linalg.solve(gram[kept][:, kept], product[kept])


def _batches(network: Bert, ids: Sequence[Sequence[int]]) -> list[_Batch]:
    """Texts of like length together."""
    order = sorted(ids, key=len)
    found = []
    for begin in range(0, len(order), AT_ONCE):
        padded, real = network.padded(order[begin : begin + AT_ONCE])
        first = network.embedded(padded)
        found.append(_Batch(first, first, real))
    return found


def _attended(layer: Any, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = layer.norm1(x + layer.self_attn(x, x, x, key_padding_mask=~real, need_weights=False)[0])
    return found


def _activations(layer: Any, x: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = layer.activation(layer.linear1(x))
    return found


def _fed(layer: Any, x: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = layer.linear2(_activations(layer, x))
    return found


def _moments(ours: Any, theirs: Any, batches: Sequence[_Batch]) -> tuple[torch.Tensor, torch.Tensor]:
    """H (neurons, neurons) and h'y (neurons, hidden), float64: inverses of what is nearly singular are taken."""
    import torch

    neurons, hidden = ours.linear1.out_features, ours.linear2.out_features
    like = {"dtype": torch.float64, "device": ours.linear1.weight.device}
    gram, product = torch.zeros(neurons, neurons, **like), torch.zeros(neurons, hidden, **like)
    for batch in batches:
        h = _activations(ours, batch.ours)[batch.real]
        y = (batch.theirs + _fed(theirs, batch.theirs) - batch.ours - ours.linear2.bias)[batch.real]
        gram += (h.T @ h).double()
        product += (h.T @ y).double()
    return gram + torch.eye(neurons, **like) * gram.diagonal().mean() * RIDGE, product


def _cut(layer: Any, neurons: torch.Tensor, weights: torch.Tensor) -> None:
    from torch import nn

    for name in ("weight", "bias"):
        setattr(layer.linear1, name, nn.Parameter(getattr(layer.linear1, name).index_select(0, neurons).clone()))
    layer.linear2.weight = nn.Parameter(weights.T.to(layer.linear2.weight.dtype).contiguous())
    layer.linear1.out_features = layer.linear2.in_features = len(neurons)
