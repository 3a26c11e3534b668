"""BERT4Rec learns order from hidden items, and hides at least one of every window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.models.planted_order import ring, stranger
from training.evaluate import evaluate
from training.models.bert4rec import BERT4Rec, BERT4RecConfig
from training.sequence.batches import Steps
from training.sequence.negatives import NegativeSampler

QUICK = BERT4RecConfig(
    embedding_size=32, epochs=30, batch_size=512, learning_rate=0.01, dropout=0.1, patience=40, evaluate_every=10
)
WORLD = ring()


@pytest.fixture(scope="module")
def fitted() -> BERT4Rec:
    return BERT4Rec(QUICK).fit(WORLD)


def test_learns_what_follows(fitted: BERT4Rec) -> None:
    assert evaluate(fitted, WORLD.validation, ks=(1, 10)).metrics["hr@1"] > 0.9


def test_without_a_history_the_query_alone_is_read(fitted: BERT4Rec) -> None:
    scores = fitted.score(stranger([], WORLD.num_items))
    assert np.isfinite(scores).all()
    assert scores.std() > 0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_something_is_hidden_in_every_window_and_padding_never(share: float) -> None:
    model = BERT4Rec(replace(QUICK, mask_share=share))
    counts = np.bincount(WORLD.histories.items, minlength=WORLD.num_items)
    steps = Steps(NegativeSampler(counts, 100), np.random.default_rng(0), torch.device("cpu"))
    for batch in model.batches(WORLD.histories, steps):
        assert batch.masked is not None
        assert batch.real is not None
        assert batch.masked.any(1).all()
        assert not (batch.masked & ~batch.real).any()
        assert torch.equal(batch.inputs.flatten()[batch.places], batch.targets)
        assert torch.equal(torch.nonzero(batch.masked.flatten()).squeeze(1), batch.places)
