from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.registry import open_encoder
from graph.errors import Unsupported
from tests.encoders.tiny import make_timm, picture, saved


def test_vectors_are_the_features_of_timm(tmp_path: Path) -> None:
    import timm
    import torch
    from timm.data import create_transform, resolve_model_data_config

    folder = make_timm(tmp_path / "vit")
    model = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    image = picture(1)
    with torch.inference_mode():
        expected = model(transform(image)[None])[0].numpy()
    found = open_encoder(f"timm:{folder}", device="cpu")
    assert found.dim == 24
    vector = found.encode([saved(image, "PNG")])[0]
    np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    import torch

    folder = make_timm(tmp_path / "vit")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(Unsupported, match="safetensors"):
        open_encoder(f"timm:{folder}", device="cpu").encode([saved(picture(1))])


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    folder = make_timm(tmp_path / "vit")
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(Unsupported, match="cannot load"):
        open_encoder(f"timm:{folder}", device="cpu").encode([saved(picture(1))])
