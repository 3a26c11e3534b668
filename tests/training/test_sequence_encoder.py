"""The encoder looks only where it may, padding is read by nobody, and NumPy gives what torch gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import random as random_sparse

from serving.sequence import SequenceWeights, user_vector
from tests.training.models.small import histories_of, small_data
from training.components import main_directions
from training.sequence.blocks import Dropout
from training.sequence.encoder import Encoder, ItemVectors, Shape
from training.sequence.features import item_features, spectral_start

ITEMS, SIZE, LAST = 30, 16, 8
ROWS = [[4], [], [1, 2, 3], list(range(20)), [7, 7, 7, 2], [29, 0], list(range(8)), list(range(7))]


def encoder(*, causal: bool, layers: int = 2) -> Encoder:
    torch.manual_seed(0)
    made = Encoder(Shape(SIZE, layers, 2, LAST, 0.3, causal)).eval()
    for parameter in made.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return made


@pytest.fixture(scope="module")
def vectors() -> torch.Tensor:
    return torch.randn(ITEMS, SIZE, generator=torch.Generator().manual_seed(1))


def test_a_later_item_changes_no_earlier_output(vectors: torch.Tensor) -> None:
    made, items = encoder(causal=True), torch.arange(6)
    changed = items.clone()
    changed[4:] = torch.tensor([20, 21])
    with torch.no_grad():
        one, other = made(vectors[items][None])[0], made(vectors[changed][None])[0]
    assert torch.equal(one[:4], other[:4])
    assert not torch.allclose(one[4:], other[4:])


def test_both_directions_read_what_is_later(vectors: torch.Tensor) -> None:
    made, items = encoder(causal=False), torch.arange(6)
    changed = items.clone()
    changed[5] = 20
    with torch.no_grad():
        assert not torch.allclose(made(vectors[items][None])[0, 0], made(vectors[changed][None])[0, 0])


@pytest.mark.parametrize("causal", [True, False])
def test_a_batch_of_all_lengths_equals_one_by_one(vectors: torch.Tensor, causal: bool) -> None:
    made = encoder(causal=causal)
    with torch.no_grad():
        together = made.users(vectors, histories_of(ROWS, ITEMS))
        alone = torch.cat([made.users(vectors, histories_of([row], ITEMS)) for row in ROWS])
    assert torch.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_one_place_alone_is_as_among_all(vectors: torch.Tensor, causal: bool, layers: int) -> None:
    made, at = encoder(causal=causal, layers=layers), torch.tensor([2, 0, 4])
    x, real = vectors[torch.arange(15).view(3, 5)], torch.arange(5) <= at[:, None]
    with torch.no_grad():
        assert torch.allclose(made(x, real, at)[:, 0], made(x, real)[torch.arange(3), at], atol=1e-5)


def test_padding_is_read_by_nobody(vectors: torch.Tensor) -> None:
    made, real = encoder(causal=False), torch.tensor([[True, True, True, False, False]])
    with torch.no_grad():
        one = made(vectors[[1, 2, 3, 0, 0]][None], real)[0, :3]
        other = made(vectors[[1, 2, 3, 9, 12]][None], real)[0, :3]
        short = made(vectors[[1, 2, 3]][None])[0]
    assert torch.allclose(one, other, atol=1e-6)
    assert torch.allclose(one, short, atol=1e-6)


def test_order_matters_and_what_is_too_old_does_not(vectors: torch.Tensor) -> None:
    made = encoder(causal=True)
    with torch.no_grad():
        rows = [[1, 2, 3], [2, 1, 3], [*range(20, 25), *range(LAST)], list(range(LAST))]
        found = made.users(vectors, histories_of(rows, ITEMS))
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    assert torch.allclose(found[2], found[3], atol=1e-6)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
def test_numpy_gives_what_torch_gives(vectors: torch.Tensor, causal: bool, layers: int) -> None:
    made = encoder(causal=causal, layers=layers)
    weights = {name: one.numpy() for name, one in made.state_dict().items()}
    query, items = weights.pop("query", None), vectors.numpy()
    form = SequenceWeights(items, items, weights, LAST, layers, query)
    with torch.no_grad():
        expected = made.users(vectors, histories_of(ROWS, ITEMS)).numpy()
    found = np.stack([user_vector(form, np.array(row, np.int32)) for row in ROWS])
    assert np.allclose(found, expected, atol=1e-5)


def test_dropout_drops_its_share_keeps_the_mean_and_passes_the_gradient_of_what_it_kept() -> None:
    drop, x = Dropout(0.3, np.random.default_rng(0)), torch.ones(300, 337, requires_grad=True)
    out = drop(x)
    out.sum().backward()
    assert (out == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert out.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(x.grad, out.detach())
    assert drop.eval()(x) is x


def test_in_training_some_items_have_no_id_and_unmet_ones_never_have() -> None:
    data = small_data()
    items = ItemVectors(data, SIZE, id_dropout=0.5, seed=0)
    content = sum(
        torch.from_numpy(one.vectors) @ items.projections[name] for name, one in item_features(data.side, 25).items()
    )
    torch.manual_seed(0)
    with torch.no_grad():
        dropped = torch.isclose(items(), content, atol=1e-6).all(1)
        served = torch.isclose(items.eval()(), content, atol=1e-6).all(1)
    assert 5 < dropped.sum() < 20
    assert served.tolist() == [item == 7 for item in range(25)], "nobody met item 7"


def test_items_of_the_same_people_begin_near_each_other_and_unmet_ones_anywhere() -> None:
    data = small_data()
    found = spectral_start(data.histories, 64)
    units = found / np.linalg.norm(found, axis=1, keepdims=True)
    same = np.equal.outer(np.arange(25) % 2, np.arange(25) % 2) & ~np.eye(25, dtype=bool)
    met = np.arange(25) != 7
    alike = (units @ units.T)[met][:, met]
    same, other = same[met][:, met], np.not_equal.outer(np.arange(25) % 2, np.arange(25) % 2)[met][:, met]
    assert alike[same].mean() > alike[other].mean() + 0.03
    assert np.abs(units[7] @ units[met].T).mean() < 0.2, "noise alone"


def test_main_directions_are_the_singular_vectors_of_the_largest_values() -> None:
    rows = random_sparse(60, 40, density=0.2, random_state=0, format="csr")
    found = main_directions(rows, 5)
    _, sizes, right = np.linalg.svd(rows.toarray())
    assert np.linalg.norm(rows @ found, axis=0) == pytest.approx(sizes[:5], rel=1e-3)
    assert np.array_equal(found, main_directions(rows, 5))
    assert np.allclose(np.abs((right[:1] @ found[:, :1]).item()), 1, atol=1e-3)
