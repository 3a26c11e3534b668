"""KGE multiplies complex numbers, learns triples and who met what, and places items that nobody met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.models.small import everybody, small_data
from training.data import UNKNOWN, UserBatch
from training.models.kge import KGE, Facts, JointBatch, KGEConfig, KGEModule, times
from training.sampling import Candidates, Positives, list_batches

DATA = small_data(num_users=120, num_items=40)
SMALL = KGEConfig(embedding_size=16, epochs=40, batch_size=128)
COLD = 7


@pytest.fixture(scope="module")
def fitted() -> KGE:
    return KGE(SMALL).fit(DATA)


def module() -> KGEModule:
    candidates = Candidates(Positives.of(DATA.matrix).item_counts, 4096)
    return KGEModule(DATA, Facts.of(DATA), SMALL, candidates=candidates, device=torch.device("cpu"))


def test_times_is_the_product_of_complex_numbers() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 3, 6))
    product = (one[:, :3] + 1j * one[:, 3:]) * (other[:, :3] + 1j * other[:, 3:])
    found = times(torch.tensor(one), torch.tensor(other)).numpy()
    np.testing.assert_allclose(found, np.concatenate([product.real, product.imag], axis=1))


def test_facts_go_both_ways_under_relations_of_their_own() -> None:
    facts, triples = Facts.of(DATA), DATA.side.triples
    count = len(triples)
    assert len(facts.head) == 2 * count
    assert facts.head[count:].tolist() == triples.tail.tolist()
    assert set(facts.relation) == {1, 2, 3, 4}
    assert np.array_equal(facts.relation[count:], facts.relation[:count] + 2)
    seen = [0] * len(facts.head)
    batches = facts.batches(7, np.random.default_rng(0), torch.device("cpu"))
    while sum(seen) < len(facts.head):
        for head, relation, tail in zip(*(part.tolist() for part in next(batches)), strict=True):
            place = int(np.flatnonzero((facts.head == head) & (facts.relation == relation) & (facts.tail == tail))[0])
            seen[place] += 1
    assert max(seen) == 1, "each once, before any comes again"


def test_an_item_nobody_met_stands_with_its_like(fitted: KGE) -> None:
    """Items of one parity share a genre; item 7 was met by nobody."""
    scores = fitted.score(everybody(DATA))[:, COLD]
    active = np.diff(DATA.matrix.indptr) > 0
    odd = np.arange(DATA.num_users) % 2 == 1
    assert scores[active & odd].mean() > scores[active & ~odd].mean() + 0.1
    without = KGE(replace(SMALL, knowledge=0.0)).fit(DATA).score(everybody(DATA))[:, COLD]
    assert without[active & odd].mean() < without[active & ~odd].mean() + 0.1


def test_it_learns_the_triples() -> None:
    """After training, the tails of heads are told from others better than before."""
    network, facts, rng = module(), Facts.of(DATA), np.random.default_rng(0)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    positives = Positives.of(DATA.matrix)
    candidates = Candidates(positives.item_counts, 4096)
    triples, losses = facts.batches(64, rng, torch.device("cpu")), []
    for _ in range(30):
        for met in list_batches(positives, candidates, batch_size=128, rng=rng):
            batch = JointBatch(met, *next(triples))
            losses.append(network._facts_loss(batch).item())
            optimiser.zero_grad()
            network.loss(batch).backward()
            optimiser.step()
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:5])


def test_a_newcomer_with_a_known_users_history_gets_its_taste(fitted: KGE) -> None:
    active = np.flatnonzero(np.diff(DATA.matrix.indptr) > 2)
    known = UserBatch(active, DATA.histories.take(active))
    folded = fitted.score(UserBatch(np.full(len(known), UNKNOWN), known.histories))
    own = fitted.score(known)
    assert np.mean([np.corrcoef(own[row], folded[row])[0, 1] for row in range(len(known))]) > 0.7


def test_a_piece_holds_its_share_of_both_kinds() -> None:
    positives, rng = Positives.of(DATA.matrix), np.random.default_rng(0)
    met = next(iter(list_batches(positives, Candidates(positives.item_counts, 4096), batch_size=128, rng=rng)))
    batch = JointBatch(met, *next(Facts.of(DATA).batches(50, rng, torch.device("cpu"))))
    pieces = [batch.piece(number, 3) for number in range(3)]
    assert sum(piece.terms for piece in pieces) == batch.terms
    assert torch.equal(torch.cat([piece.tail for piece in pieces]), batch.tail)
    nothing = JointBatch(met, *(part[:0] for part in (batch.head, batch.relation, batch.tail)))
    assert torch.isfinite(module().loss(nothing))
