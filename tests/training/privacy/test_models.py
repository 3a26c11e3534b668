"""Private models: what one user can move is bounded, the noise is as large as promised, and it is no seed's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.sparse import csr_matrix, vstack
from torch.func import grad, vmap

from graph.errors import InvalidData
from tests.training.models.small import everybody, small_data
from training.models import dp_autoencoder, dp_ease
from training.models.dp_autoencoder import clipped_sum
from training.models.dp_ease import pair_weights, private_co_occurrence
from training.privacy import counts
from training.privacy.accountant import Budget
from training.privacy.counts import private_counts
from training.privacy.guarantee import guarantee_of
from training.privacy.noise import Noise
from training.zoo import find

DATA = small_data(60, 30)
NAMES = ("dp-popularity", "dp-ease", "dp-autoencoder")


def with_user(items: list[int]) -> csr_matrix:
    """The data and one more user, who did something with these items."""
    row = csr_matrix((np.ones(len(items), np.float32), (np.zeros(len(items), int), items)), (1, DATA.num_items))
    return csr_matrix(vstack([DATA.matrix, row]))


@pytest.mark.parametrize("items", [[], [4], [4, 9], list(range(6)), list(range(7)), list(range(30))])
def test_one_user_moves_counts_and_pairs_by_the_clip_at_most(items):
    silent, more = Noise(), with_user(items)
    before, after = (private_counts(one, math.inf, silent).people for one in (DATA.matrix, more))
    assert np.linalg.norm(after - before) <= counts.CLIP + 1e-6
    pairs = [private_co_occurrence(one, math.inf, silent)[0] for one in (DATA.matrix, more)]
    assert np.linalg.norm(np.triu(pairs[1] - pairs[0])) <= dp_ease.CLIP + 1e-5


def test_short_histories_count_in_full():
    rows = csr_matrix(np.tril(np.ones((30, 30), np.float32)))
    weights = pair_weights(rows)
    assert np.flatnonzero(weights < 1)[0] == 6, "histories of up to six items are within the clip"


def test_a_users_gradient_is_what_autograd_says_and_clipped():
    """`torch.func` lays out each user's own gradient; the sum of them, each clipped, is what the model adds up."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(0, 0.3, (30, 5)).astype(np.float32)
    base = rng.normal(size=30).astype(np.float32)
    parts = list(dp_autoencoder._parted(DATA.matrix, Noise(11)))
    known, wanted = (torch.from_numpy(np.concatenate(one)) for one in zip(*parts, strict=True))
    asked = wanted.any(1)

    def loss(v, x, y):
        hidden = x @ v / torch.sqrt(x.sum().clamp(min=1))
        scores = (v @ hidden + torch.from_numpy(base)).masked_fill(x > 0, -torch.inf)
        return -(torch.log_softmax(scores, 0).masked_fill(x > 0, 0) * y).sum() / y.sum()

    each = vmap(grad(loss), (None, 0, 0))(torch.from_numpy(vectors), known[asked], wanted[asked])
    norms = each.flatten(1).norm(dim=1)
    assert norms.max() > dp_autoencoder.CLIP, "some are clipped"
    expected = (each * (dp_autoencoder.CLIP / norms).clamp(max=1)[:, None, None]).sum(0)
    assert np.allclose(clipped_sum(DATA.matrix, vectors, base, Noise(11)), expected, atol=1e-5)


def test_one_user_moves_a_step_by_the_clip_at_most():
    rng = np.random.default_rng(5)
    vectors, base = rng.normal(0, 2, (30, 4)).astype(np.float32), np.zeros(30, np.float32)
    for rows in range(1, 61):
        alone = clipped_sum(DATA.matrix[rows - 1 : rows], vectors, base, Noise(rows))
        assert np.linalg.norm(alone) <= dp_autoencoder.CLIP * (1 + 1e-5)


def test_the_noise_is_as_large_as_the_budget_asks():
    mu, silent = Budget(1.0, 1e-5).mu, private_counts(DATA.matrix, math.inf, Noise()).people
    drawn = np.concatenate([private_counts(DATA.matrix, mu, Noise()).people - silent for _ in range(300)])
    assert stats.kstest(drawn * mu / counts.CLIP, "norm").pvalue > 1e-4
    pairs, scale = private_co_occurrence(DATA.matrix, mu, Noise())
    plain, _ = private_co_occurrence(DATA.matrix, math.inf, Noise())
    assert scale == pytest.approx(dp_ease.CLIP / mu)
    assert np.array_equal(pairs, pairs.T)
    assert stats.kstest((pairs - plain)[np.triu_indices(30)] / scale, "norm").pvalue > 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_no_seed_gives_the_noise_away(name):
    """With the same data and settings, another fit is another draw; with `noise_seed` it is not, and says so."""
    model = find(name)
    first, second = (model.build(model.config({"epsilon": 1.0})).fit(DATA).score(everybody(DATA)) for _ in range(2))
    assert not np.allclose(first, second)
    seeded = model.config({"epsilon": 1.0, "noise_seed": 5})
    again = [model.build(seeded).fit(DATA).score(everybody(DATA)) for _ in range(2)]
    assert np.array_equal(*again)
    assert guarantee_of(model.build(seeded)) == {}


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_promises(name):
    model = find(name)
    promise = guarantee_of(model.build(model.config({"epsilon": 2.0, "delta": 1e-6})))
    assert (promise["epsilon"], promise["delta"], promise["unit"]) == (2.0, 1e-6, "user")
    assert guarantee_of(model.build(model.config({"epsilon": math.inf}))) == {}
    assert guarantee_of(find("ease").build()) == {}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_it_keeps_has_a_row_for_a_user(name):
    """120 users, 30 items: no array of the model is as long as there are users."""
    data = small_data(120, 30)
    model = find(name)
    fitted = model.build(model.config({"epsilon": 8.0})).fit(data)
    assert all(120 not in array.shape for array in fitted.state().values())


def test_ease_without_noise_and_without_long_histories_is_ease():
    short = csr_matrix((DATA.matrix.toarray() * (np.arange(30) < 5)).astype(np.float32))
    gram, _ = private_co_occurrence(short, math.inf, Noise())
    X = short.toarray().astype(np.float64)
    assert np.allclose(gram, X.T @ X, atol=1e-4)
    ours = dp_ease._weights(gram, 0.0, 20.0)
    P = np.linalg.inv(X.T @ X + 20 * np.eye(30))
    expected = -P / np.diag(P)
    np.fill_diagonal(expected, 0)
    assert np.allclose(ours, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("dp-ease", {"count_share": 1.0}), ("dp-ease", {"regularization": 0.0}), ("dp-autoencoder", {"sample_rate": 0.0}),
     ("dp-autoencoder", {"epochs": 0}), ("dp-popularity", {"epsilon": 0.0})],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_refused(name, setting):
    with pytest.raises(InvalidData, match="cannot have"):
        find(name).config(setting)


def test_sampled_users_learn_too():
    model = find("dp-autoencoder")
    config = model.config({"epsilon": math.inf, "sample_rate": 0.25, "epochs": 10, "noise_seed": 1})
    data = small_data(200, 30)
    scores = model.build(config).fit(data).score(everybody(data))
    same = np.equal.outer(np.arange(200) % 2, np.arange(30) % 2)
    active = np.diff(data.matrix.indptr) > 0
    assert scores[active][same[active]].mean() > scores[active][~same[active]].mean()
