"""Losses beside sums over pairs and places written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from training.rerank.losses import LOSSES, bce, lambdarank, listwise, pairwise

SCORES = torch.tensor([[0.3, -1.0, 2.0, 0.5], [1.0, 0.2, -0.4, 9.0], [0.1, 0.2, 0.3, 0.4]])
LABELS = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=torch.bool)
THERE = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0]], dtype=torch.bool)


def lists():
    for row in range(3):
        kept = [place for place in range(4) if THERE[row, place]]
        yield [float(SCORES[row, place]) for place in kept], [int(LABELS[row, place]) for place in kept]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_bce_is_the_likelihood_of_each_candidate():
    wanted = [
        np.mean([-math.log(sigmoid(s) if y else 1 - sigmoid(s)) for s, y in zip(*one, strict=True)]) for one in lists()
    ]
    assert float(bce(SCORES, LABELS, THERE)) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_pairwise_counts_each_pair_of_a_list_once():
    wanted = []
    for scores, labels in lists():
        pairs = [(a, b) for a, y in zip(scores, labels, strict=True) if y
                 for b, z in zip(scores, labels, strict=True) if not z]  # fmt: skip
        if pairs:
            wanted.append(np.mean([math.log(1 + math.exp(b - a)) for a, b in pairs]))
    assert float(pairwise(SCORES, LABELS, THERE)) == pytest.approx(np.mean(wanted), rel=1e-5)


def ndcg(scores, labels):
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    gain = sum(labels[place] / math.log2(rank + 2) for rank, place in enumerate(order))
    return gain / sum(1 / math.log2(rank + 2) for rank in range(sum(labels)))


def test_lambdarank_weighs_a_pair_by_what_its_exchange_does_to_ndcg():
    wanted = []
    for scores, labels in lists():
        total = 0.0
        for i, y in enumerate(labels):
            for j, z in enumerate(labels):
                if y and not z:
                    swapped = list(scores)
                    swapped[i], swapped[j] = scores[j], scores[i]
                    change = abs(ndcg(scores, labels) - ndcg(swapped, labels))
                    total += change * math.log(1 + math.exp(scores[j] - scores[i]))
        if any(labels):
            wanted.append(total)
    assert float(lambdarank(SCORES, LABELS, THERE)) == pytest.approx(np.mean(wanted), rel=1e-5)


def test_listwise_is_the_softmax_of_the_relevant():
    wanted = []
    for scores, labels in lists():
        norm = math.log(sum(map(math.exp, scores)))
        if any(labels):
            wanted.append(np.mean([norm - s for s, y in zip(scores, labels, strict=True) if y]))
    assert float(listwise(SCORES, LABELS, THERE)) == pytest.approx(np.mean(wanted), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_down_the_gradient_lifts_the_relevant(name):
    scores = SCORES.clone().requires_grad_()
    LOSSES[name](scores, LABELS, THERE).backward()
    assert scores.grad is not None
    assert (scores.grad[:2][LABELS[:2] & THERE[:2]] < 0).all()
    assert (scores.grad[~THERE] == 0).all()


@pytest.mark.parametrize("name", ["pairwise", "lambdarank", "listwise"])
def test_only_the_order_counts_for_losses_of_rank(name):
    assert float(LOSSES[name](SCORES + 5, LABELS, THERE)) == pytest.approx(float(LOSSES[name](SCORES, LABELS, THERE)))
    assert float(bce(SCORES + 5, LABELS, THERE)) != pytest.approx(float(bce(SCORES, LABELS, THERE)))


@pytest.mark.parametrize("name", ["pairwise", "lambdarank", "listwise"])
def test_lists_that_say_nothing_are_zero_not_nan(name):
    nothing = torch.zeros_like(LABELS)
    assert float(LOSSES[name](SCORES, nothing, THERE)) == 0.0
