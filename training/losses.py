"""Losses over embeddings of users and items, shared by the models that train by gradient."""

from __future__ import annotations

import torch
from torch.nn import functional

from training.sampling import ListBatch, PairBatch


def bpr(users: torch.Tensor, items: torch.Tensor, batch: PairBatch) -> torch.Tensor:
    """Mean of -log sigmoid(score of the positive - score of its negative) (Rendle et al. 2009)."""
    difference = items[batch.negatives] - items[batch.items]
    return functional.softplus((difference * users[batch.users]).sum(1)).mean()


def softmax(
    users: torch.Tensor,
    items: torch.Tensor,
    batch: ListBatch,
    *,
    temperature: float,
    log_expected: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over the positives of -log softmax(score / temperature) among the batch's candidates.

    `log_expected` (num_items,), the log of how often the sampler is expected to draw each item, is taken off their
    logits. Without candidates the denominator is the whole catalogue. With them each positive joins its own
    denominator, so that the loss stays above zero.
    """
    asking = users[batch.users] / temperature
    if batch.candidates is None:
        logits = asking @ items.T
        total = (logits if log_expected is None else logits - log_expected).logsumexp(1)
        return (total[batch.rows] - logits[batch.rows, batch.items]).mean()
    logits = asking @ items[batch.candidates].T
    if log_expected is not None:
        logits = logits - log_expected[batch.candidates]
    own = (asking[batch.rows] * items[batch.items]).sum(1)
    return (torch.logaddexp(logits.logsumexp(1)[batch.rows], own) - own).mean()
