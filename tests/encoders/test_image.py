from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from encoders.clip import build_clip, image_weights, timm_weights
from encoders.folding import fold_batch_norms
from encoders.image import ImageEncoder, efficientnet_lite0
from encoders.pixels import pixels_of
from encoders.registry import open_encoder
from graph.errors import NotFound, Unsupported
from tests.encoders.tiny import TINY_CLIP, make_open_clip, make_projections, picture, saved

DAISY = 985
"""Class of flowers like scikit-learn's sample photograph among ImageNet's thousand."""


def noisy(image: Image.Image, seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).normal(0, 8, size=(image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def test_the_tower_still_knows_imagenet() -> None:
    """Weights, their names and the pixels' scaling are right: the photograph of a flower is one."""
    import timm
    from sklearn.datasets import load_sample_image

    weights = torch.load(image_weights(), weights_only=True)
    model = timm.create_model("tf_efficientnet_lite0").eval()
    classifier = {"classifier.weight": weights["_fc.weight"], "classifier.bias": weights["_fc.bias"]}
    model.load_state_dict({**timm_weights(weights, model.blocks), **classifier}, strict=True)
    photograph = Image.fromarray(load_sample_image("flower.jpg"))
    encoder = efficientnet_lite0("", "cpu")
    pixels = encoder.pixels([encoder.prepare(saved(photograph, "PNG"))])
    with torch.inference_mode():
        assert int(model(pixels).argmax()) == DAISY


def test_a_noisy_copy_is_nearer_than_another_picture(pictures: ImageEncoder) -> None:
    from sklearn.datasets import load_sample_images

    images = [Image.fromarray(image).resize((224, 224)) for image in load_sample_images().images]
    clean = pictures.encode([saved(image, "PNG") for image in images])
    copies = pictures.encode([saved(noisy(image, 1), "JPEG", quality=60) for image in images])
    assert np.diag(clean @ copies.T).min() > 0.8
    assert clean[0] @ clean[1] < 0.5


def test_posters_are_told_apart(pictures: ImageEncoder, data_root: Path) -> None:
    files = sorted((data_root / "ml-100k" / "posters").glob("*.jpg"))[:12]
    posters = [Image.open(file).convert("RGB") for file in files]
    clean = pictures.encode([file.read_bytes() for file in files])
    copies = pictures.encode([saved(noisy(poster, 2), "JPEG", quality=70) for poster in posters])
    similar = clean @ copies.T
    others = similar[~np.eye(len(files), dtype=bool)]
    assert np.diag(similar).min() > 0.75
    assert np.diag(similar).min() > others.max()


def test_both_towers_are_whole_in_the_clip(pictures: ImageEncoder) -> None:
    model = build_clip()
    assert pictures.dim == model.visual.trunk.num_features == 1280
    tokens = torch.tensor([[101, 2143, 102, 0], [101, 2143, 2143, 102]])
    with torch.inference_mode():
        assert model.encode_text(tokens, normalize=True).shape == (2, 256)


def test_folding_leaves_no_normalisation_and_the_same_function() -> None:
    trunk, folded = build_clip().visual.trunk, build_clip().visual.trunk
    fold_batch_norms(folded)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(folded(pixels), trunk(pixels), atol=1e-4, rtol=1e-4)


def test_the_projected_encoder_is_the_open_clip_model(tmp_path: Path) -> None:
    file = make_projections(tmp_path / "clip.safetensors")
    data = [saved(picture(seed)) for seed in range(3)]
    encoder = open_encoder(f"catalogue-image:{file}", device="cpu")
    with torch.inference_mode():
        pixels = encoder.base.pixels([encoder.prepare(one) for one in data])
        expected = build_clip(file).encode_image(pixels, normalize=True)
    np.testing.assert_allclose(encoder.encode(data), expected.numpy(), atol=1e-4)


def test_projected_texts_are_those_of_the_open_clip_model(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from encoders.clip import text_folder

    file = make_projections(tmp_path / "clip.safetensors")
    texts = ["a film about love", "space"]
    tokens = AutoTokenizer.from_pretrained(text_folder())(texts, padding=True, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = build_clip(file).encode_text(tokens, normalize=True).numpy()
    found = open_encoder(f"catalogue-text:{file}", device="cpu").encode(texts)
    assert (found * expected).sum(axis=1).min() > 0.999


def test_a_checkpoint_by_model_and_file_equals_open_clips_own_loading(tmp_path: Path) -> None:
    import open_clip

    name = "ViT-S-32"
    model = open_clip.create_model(name).eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    data = saved(picture(1))
    encoder = open_encoder(f"open-clip:{name}/{tmp_path / 'weights.pt'}", device="cpu")
    with torch.inference_mode():
        expected = model.encode_image(encoder.pixels([encoder.prepare(data)]), normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode([data]), expected, atol=1e-4)
    assert encoder.dim == expected.shape[1]


def test_a_folder_uses_its_own_size_and_dimension(tmp_path: Path) -> None:
    encoder = open_encoder(f"open-clip:{make_open_clip(tmp_path / 'clip')}", device="cpu")
    assert encoder.pixels([encoder.prepare(saved(picture(1)))]).shape == (1, 3, 32, 32)
    assert encoder.dim == TINY_CLIP["embed_dim"]


@pytest.mark.parametrize(
    "name", ["open-clip:No-Such-Model/laion", "open-clip:ViT-B-32/no-such-tag", "open-clip:ViT-B-32"]
)
def test_an_unknown_model_or_tag(name: str) -> None:
    with pytest.raises(NotFound) as caught:
        open_encoder(name)
    assert "ViT-B-32" in caught.value.valid or "laion2b" in caught.value.valid


def test_a_checkpoint_of_another_model(tmp_path: Path) -> None:
    torch.save({"visual.proj": torch.zeros(3, 3)}, tmp_path / "weights.pt")
    with pytest.raises(Unsupported, match="cannot load"):
        open_encoder(f"open-clip:ViT-B-32/{tmp_path / 'weights.pt'}", device="cpu").encode([saved(picture(1))])


def test_projections_of_another_model(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"something": torch.zeros(2)}, tmp_path / "clip.safetensors")
    with pytest.raises(Unsupported, match="projections"):
        build_clip(tmp_path / "clip.safetensors")


def test_bytes_scaled_in_a_batch_are_the_floats_of_the_transform(pictures: ImageEncoder) -> None:
    tower = pictures._tower.get()
    images = [picture(seed, size=(50 + seed, 70)) for seed in range(3)]
    prepared = [tower.pixels.prepare(image) for image in images]
    assert all(one.dtype == torch.uint8 for one in prepared)
    expected = torch.stack([tower.transform(image) for image in images])
    found = pictures.pixels(prepared)
    assert torch.equal(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_transform_that_ends_otherwise_is_done_picture_by_picture() -> None:
    def transform(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1)

    pixels = pixels_of(transform)
    image = picture(1)
    assert torch.equal(pixels.stack([pixels.prepare(image)], torch.device("cpu"))[0], transform(image))
