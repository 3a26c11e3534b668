"""What a re-ranker's scores are trained on: a probability of each pair, or the order of each list.

Inside the cross-encoder's fit. All take (lists, n) scores and labels 0/1 and which places `there` are filled, and give
one number, the mean over lists (or pairs of a list, then lists) that have something to say. Empty places count nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def bce(scores: Tensor, labels: Tensor, there: Tensor) -> Tensor:
    """Binary cross-entropy of every candidate: sigmoid(score) is the probability that it is chosen.

    monoBERT's loss (Nogueira and Cho 2019).
    """
    each = functional.binary_cross_entropy_with_logits(scores, labels.to(scores.dtype), reduction="none")
    return _mean(torch.where(there, each, 0.0).sum(1), there.sum(1))


def pairwise(scores: Tensor, labels: Tensor, there: Tensor) -> Tensor:
    """log(1 + exp(s_j - s_i)) over pairs, i relevant and j not: RankNet (Burges et al. 2005)."""
    ordered = _pairs(labels, there)
    return _mean(torch.where(ordered, _logistic(scores), 0.0).sum((1, 2)), ordered.sum((1, 2)))


def lambdarank(scores: Tensor, labels: Tensor, there: Tensor) -> Tensor:
    """RankNet's pairs, each weighed by what exchanging the two would change in ndcg at their present ranks.

    Burges, Ragno and Le 2006, NIPS; as a loss whose gradient that is: Wang et al. 2018, «The LambdaLoss Framework».
    """
    ordered = _pairs(labels, there)
    with torch.no_grad():
        place = torch.where(there, scores, -torch.inf).argsort(stable=True, dim=1, descending=True).argsort(1)
        discount = 1 / torch.log2(place.float() + 2)
        relevant = (labels.bool() & there).sum(1)
        steps = 1 / torch.log2(torch.arange(scores.shape[1], device=scores.device) + 2.0)
        ideal = functional.pad(steps.cumsum(0), (1, 0))[relevant].clamp_min(1e-9)
        delta = (discount[:, :, None] - discount[:, None, :]).abs() / ideal[:, None, None]
    each = torch.where(ordered, delta * _logistic(scores), 0.0).sum((1, 2))
    return _mean(each, ordered.any(2).any(1).long())


def listwise(scores: Tensor, labels: Tensor, there: Tensor) -> Tensor:
    """Cross-entropy between the labels, as shares of the list, and the softmax of its scores.

    ListNet's top-one form (Cao et al. 2007); a bound of mean reciprocal rank and ndcg (Bruch et al. 2019).
    """
    logs = torch.where(there, scores, -torch.inf).log_softmax(1)
    wanted = labels.bool() & there
    return _mean(-torch.where(wanted, logs, 0.0).sum(1), wanted.sum(1))


LOSSES: Mapping[str, Loss] = MappingProxyType(
    {"bce": bce, "pairwise": pairwise, "lambdarank": lambdarank, "listwise": listwise}
)
"""By name: the first of probabilities, the others of ranks."""


def _pairs(labels: Tensor, there: Tensor) -> Tensor:
    """(lists, n, n): is the first relevant and the second not."""
    return (labels.bool() & there)[:, :, None] & (~labels.bool() & there)[:, None, :]


def _logistic(scores: Tensor) -> Tensor:
    return functional.softplus(scores[:, None, :] - scores[:, :, None])


def _mean(totals: Tensor, counts: Tensor) -> Tensor:
    """Mean over lists of total / count; lists that count nothing are left out."""
    return (totals / counts.clamp_min(1)).sum() / (counts > 0).sum().clamp_min(1)
