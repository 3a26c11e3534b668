"""Losses of next-item models: each place's target against negatives that the whole batch shares.

The sampled softmax is computed in blocks of rows that stay in the processor's cache, gradient and all, while the logits
are there: places x negatives are never in memory, and three matrix products are nearly all that is left of its cost.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import torch
from torch.nn import functional

from training.scale.precision import full_precision, widened

Loss: TypeAlias = Literal["softmax", "gbce"]
BLOCK_CELLS = 1 << 19
"""Logits held at once on a CPU: 2 MB."""
GPU_BLOCK_CELLS = 1 << 26
CALIBRATION = 0.75
"""The t of gBCE, as its paper has it."""


def sampled_softmax(
    asking: torch.Tensor, own: torch.Tensor, vectors: torch.Tensor, hits: torch.Tensor, log_included: torch.Tensor
) -> torch.Tensor:
    """Mean over the places p of -log(exp(own_p) / (exp(own_p) + sum_n exp(asking_p . vectors_n - log_included_n))).

    `asking` (p, d), `own` (p,) the target's logit, `vectors` (n, d) of the negatives, `hits` (p,) the negative that is
    the target itself and so is left out of its sum, -1 for none. The correction is that of Bengio & Senecal 2008
    (logQ). Differentiable once, in the first three.
    """
    with full_precision(asking.device):
        loss: torch.Tensor = _SampledSoftmax.apply(*map(widened, (asking, own, vectors)), hits, log_included)
    return loss


class _SampledSoftmax(torch.autograd.Function):
    """The gradient is made in the forward pass, block by block."""

    @staticmethod
    def forward(ctx: Any, *args: torch.Tensor) -> torch.Tensor:
        asking, own, vectors, hits, log_included = (arg.detach() for arg in args)
        step = max(1, (BLOCK_CELLS if asking.device.type == "cpu" else GPU_BLOCK_CELLS) // max(1, len(vectors)))
        d_asking, d_own = torch.empty_like(asking), torch.empty_like(own)
        d_vectors = torch.zeros_like(vectors)
        total = torch.zeros((), device=asking.device, dtype=asking.dtype)
        for start in range(0, len(asking), step):
            rows = slice(start, start + step)
            logits = torch.addmm(-log_included, asking[rows], vectors.T)
            hit = torch.nonzero(hits[rows] >= 0).squeeze(1)
            logits[hit, hits[rows][hit]] = -torch.inf
            most = torch.maximum(logits.amax(1), own[rows])
            chances = logits.sub_(most[:, None]).exp_()
            itself = (own[rows] - most).exp()
            sums = chances.sum(1) + itself
            chances.div_(sums[:, None])
            d_own[rows] = itself / sums - 1
            torch.mm(chances, vectors, out=d_asking[rows])
            d_vectors.addmm_(chances.T, asking[rows])
            total += (sums.log() + most - own[rows]).sum()
        ctx.save_for_backward(d_asking, d_own, d_vectors)
        ctx.places = max(1, len(asking))
        mean: torch.Tensor = total / ctx.places
        return mean

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        scale = grads[0] / ctx.places
        d_asking, d_own, d_vectors = ctx.saved_tensors
        return d_asking * scale, d_own * scale, d_vectors * scale, None, None


def gbce(
    asking: torch.Tensor, own: torch.Tensor, vectors: torch.Tensor, hits: torch.Tensor, log_included: torch.Tensor
) -> torch.Tensor:
    """Generalised binary cross-entropy (Petrov & Macdonald 2023, gSASRec), for negatives drawn uniformly.

    -beta log sigmoid(own) - sum over the negatives of log(1 - sigmoid), a mean over places; with alpha the share of the
    catalogue that is drawn, beta = alpha (t (1 - 1/alpha) + 1/alpha) = 1 - t (1 - alpha), t = `CALIBRATION`. Arguments
    as in `sampled_softmax`.
    """
    beta = 1 - CALIBRATION * (1 - log_included.exp().mean())
    logits = asking @ vectors.T
    hit = torch.nonzero(hits >= 0).squeeze(1)
    logits = logits.index_put((hit, hits[hit]), logits.new_full((), -torch.inf))
    return (beta * functional.softplus(-own) + functional.softplus(logits).sum(1)).mean()
