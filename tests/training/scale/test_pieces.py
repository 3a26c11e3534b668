"""A batch is the sum of its pieces: no term lost or taken twice, and the loss the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from graph.errors import InvalidData
from tests.training.models.planted_graph import planted
from training.models.bert4rec import BERT4Rec, BERT4RecConfig
from training.models.sasrec import SASRec, SASRecConfig
from training.sampling import Candidates, Positives, list_batches, pair_batches
from training.scale.pieces import Divisible, span
from training.scale.runtime import Runtime, Scale
from training.sequence.batches import Steps
from training.sequence.negatives import NegativeSampler

DATA = planted().data
QUIET = {"dropout": 0.0, "id_dropout": 0.0, "embedding_size": 8, "batch_size": 300, "candidates": 20}


def batches(kind: str) -> Iterator[Any]:
    rng, positives = np.random.default_rng(1), Positives.of(DATA.matrix)
    if kind == "pairs":
        return pair_batches(positives, batch_size=100, rng=rng)
    if kind == "lists":
        return list_batches(positives, Candidates(positives.item_counts, 20), batch_size=100, rng=rng)
    steps = Steps(NegativeSampler(positives.item_counts, 20), rng, torch.device("cpu"))
    return sequence_model(kind).batches(DATA.histories, steps)


def sequence_model(kind: str) -> Any:
    return SASRec(SASRecConfig(**QUIET)) if kind == "sasrec" else BERT4Rec(BERT4RecConfig(**QUIET))


@pytest.mark.parametrize("kind", ["pairs", "lists", "sasrec", "bert4rec"])
@pytest.mark.parametrize("of", [2, 3, 1000])
def test_every_term_is_in_one_piece(kind: str, of: int) -> None:
    batch = next(batches(kind))
    assert isinstance(batch, Divisible)
    pieces = [batch.piece(number, of) for number in range(of)]
    assert sum(piece.terms for piece in pieces) == batch.terms
    if kind == "pairs":
        assert torch.equal(torch.cat([piece.negatives for piece in pieces]), batch.negatives)
    elif kind == "lists":
        users = torch.cat([piece.users[piece.rows] for piece in pieces])
        assert torch.equal(users, batch.users[batch.rows])
        assert torch.equal(torch.cat([piece.items for piece in pieces]), batch.items)
    else:
        whole = batch.inputs.flatten()[batch.places]
        assert torch.equal(torch.cat([piece.inputs.flatten()[piece.places] for piece in pieces]), whole)
        assert torch.equal(torch.cat([piece.targets for piece in pieces]), batch.targets)


@pytest.mark.parametrize("kind", ["sasrec", "bert4rec"])
def test_the_weighed_losses_of_the_pieces_are_the_loss(kind: str) -> None:
    network = sequence_model(kind)._network(DATA)
    for batch in batches(kind):
        pieces = [batch.piece(number, 3) for number in range(3)]
        total = sum(network.loss(piece).item() * piece.terms / batch.terms for piece in pieces if piece.terms)
        assert total == pytest.approx(network.loss(batch).item(), rel=1e-5)


def test_stretches_are_even_and_join() -> None:
    assert [span(7, number, 3) for number in range(3)] == [(0, 2), (2, 4), (4, 7)]
    assert [list(Runtime(pieces=4, rank=rank, processes=2).mine) for rank in range(2)] == [[0, 2], [1, 3]]


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(InvalidData, match="fp8"):
        Scale(precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(InvalidData, match="-1 pieces"):
        Scale(pieces=-1)
