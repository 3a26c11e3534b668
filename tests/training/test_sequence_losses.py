"""The blocked softmax and its gradient against the definition in plain operations."""

from __future__ import annotations

import pytest
import torch

from training.sequence import losses
from training.sequence.losses import CALIBRATION, gbce, sampled_softmax

PLACES, NEGATIVES, SIZE = 23, 17, 6


def made(seed: int = 0) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    asking, own, vectors = (
        torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((PLACES, SIZE), (PLACES,), (NEGATIVES, SIZE))
    )
    hits = torch.randint(-1, NEGATIVES, (PLACES,), generator=generator)
    return asking, own, vectors, hits, torch.rand(NEGATIVES, generator=generator, dtype=torch.float64).log()


def plain(asking, own, vectors, hits, log_included) -> torch.Tensor:
    logits = asking @ vectors.T - log_included
    logits = logits.masked_fill(hits[:, None] == torch.arange(NEGATIVES), -torch.inf)
    return (torch.logaddexp(logits.logsumexp(1), own) - own).mean()


@pytest.mark.parametrize("cells", [NEGATIVES, 5 * NEGATIVES, 1 << 19])
def test_the_loss_and_its_gradients_are_those_of_the_definition(monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(losses, "BLOCK_CELLS", cells)
    ours, theirs = made(), made()
    found, expected = 3 * sampled_softmax(*ours), 3 * plain(*theirs)
    assert found.item() == pytest.approx(expected.item(), abs=1e-12)
    found.backward()
    expected.backward()
    for one, other in zip(ours[:3], theirs[:3], strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-12)


def test_large_logits_do_not_overflow() -> None:
    asking, own, vectors, hits, log_included = made()
    found = sampled_softmax(1000 * asking, 1000 * own, vectors, hits, log_included)
    assert torch.isfinite(found)


def test_gbce_is_binary_cross_entropy_when_all_are_drawn_and_lowers_the_positive_s_weight_else() -> None:
    asking, own, vectors, hits, _ = made()
    probability = torch.sigmoid(asking @ vectors.T)
    kept = hits[:, None] != torch.arange(NEGATIVES)
    wrong = -(torch.log(1 - probability) * kept).sum(1)
    for share, beta in ((1.0, 1.0), (0.2, 1 - CALIBRATION * 0.8)):
        log_included = torch.full((NEGATIVES,), share, dtype=torch.float64).log()
        expected = (-beta * torch.log(torch.sigmoid(own)) + wrong).mean()
        assert gbce(asking, own, vectors, hits, log_included).item() == pytest.approx(expected.item())
