"""16 bits where they do, 32 where they must: the loss falls as it does in 32, and the ranking is about as good."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.scale.fits import NETWORKS, Curve, apart, data, fitted, learned
from training.scale.precision import precision_on
from training.scale.runtime import Scale

DATA = data()


@pytest.mark.parametrize("name", NETWORKS)
def test_learns_in_bf16_about_what_it_does_in_fp32(name: str) -> None:
    settings = {"epochs": 12, "patience": 99}
    curve, whole = Curve(), fitted(name, DATA, Scale("fp32"), settings=settings)
    half = fitted(name, DATA, Scale("bf16"), monitor=curve, settings=settings)
    losses = [metrics["loss"] for _, metrics in curve.epochs]
    assert losses[-1] < 0.97 * losses[0]
    assert apart(whole, half) > 0, "nothing was computed in 16 bits"
    assert half.training.best == pytest.approx(whole.training.best, abs=0.05)
    assert all(one.dtype == np.float32 for one in learned(half).values() if one.dtype.kind == "f")


def test_fp16_scales_its_gradients() -> None:
    curve = Curve()
    found = fitted("sasrec", DATA, Scale("fp16"), monitor=curve)
    assert curve.epochs[-1][1]["loss"] < curve.epochs[0][1]["loss"]
    assert all(np.isfinite(one).all() for one in found.weights.values())


def test_a_cpu_has_all_bits_unless_asked() -> None:
    assert precision_on(torch.device("cpu"), None) == "fp32"
    assert precision_on(torch.device("cpu"), "bf16") == "bf16"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_that_has_bf16_uses_it() -> None:
    assert precision_on(torch.device("cuda"), None) == ("bf16" if torch.cuda.is_bf16_supported(False) else "fp32")
