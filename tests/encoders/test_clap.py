from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from encoders.clap import MOST_WINDOWS, ClapEncoder, clap
from encoders.zeroshot_labels import sound_space
from graph.errors import NotFound, Unsupported
from tests.encoders.tiny import make_clap, saved_sound, sound


@pytest.fixture(scope="module")
def hears(tmp_path_factory: pytest.TempPathFactory) -> ClapEncoder:
    return clap(str(make_clap(tmp_path_factory.mktemp("clap"))), "cpu")


def test_vectors_are_those_of_transformers(hears: ClapEncoder) -> None:
    import torch
    from transformers import ClapFeatureExtractor, ClapModel

    samples = np.clip(sound(1, seconds=3, rate=48_000), -1, 1)
    folder = hears.name.partition(":")[2]
    extractor, model = ClapFeatureExtractor.from_pretrained(folder), ClapModel.from_pretrained(folder).eval()
    features = extractor([samples], sampling_rate=48_000, return_tensors="pt")["input_features"]
    with torch.inference_mode():
        expected = model.get_audio_features(input_features=features, is_longer=torch.zeros(1, 1, dtype=torch.bool))
    expected = getattr(expected, "pooler_output", expected).numpy()[0]
    found = hears.encode([saved_sound(samples, "WAV", rate=48_000)])[0]
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=2e-3)


def test_a_long_sound_is_heard_in_windows(hears: ClapEncoder) -> None:
    long = saved_sound(sound(1, seconds=35, rate=8000), "FLAC", rate=8000)
    assert len(hears.prepare(long)) == 3
    longer = saved_sound(sound(1, seconds=100, rate=8000), "FLAC", rate=8000)
    assert len(hears.prepare(longer)) == MOST_WINDOWS
    assert hears.encode([long, longer]).shape == (2, 24)


def test_words_are_those_of_transformers_and_meet_the_sounds(hears: ClapEncoder) -> None:
    import torch
    from transformers import AutoTokenizer, ClapModel

    folder = hears.name.partition(":")[2]
    tokenizer, model = AutoTokenizer.from_pretrained(folder), ClapModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        expected = model.get_text_features(**tokenizer(["a slow waltz"], return_tensors="pt"))
    expected = getattr(expected, "pooler_output", expected).numpy()[0]
    found = hears.encode_words(["a slow waltz", "march"])
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected), atol=1e-4)  # padded, alone it is not
    space = sound_space(hears.name, ["waltz", "march"], "track", device="cpu")
    assert space.scores(hears.encode([saved_sound(sound(1)), saved_sound(sound(2))])).shape == (2, 2)


def test_without_a_tokenizer_it_hears_but_knows_no_words(tmp_path: Path) -> None:
    folder = make_clap(tmp_path / "clap")
    for file in folder.glob("*token*"):
        file.unlink()
    deaf = clap(str(folder), "cpu")
    assert deaf.encode([saved_sound(sound(1))]).shape == (1, 24)
    with pytest.raises(Unsupported, match="knows no words"):
        deaf.encode_words(["waltz"])


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="cannot be loaded"):
        clap(str(tmp_path), "cpu").encode([saved_sound(sound(1))])


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    import torch

    folder = make_clap(tmp_path / "clap")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(Unsupported, match="safetensors"):
        clap(str(folder), "cpu").encode([saved_sound(sound(1))])


def test_a_model_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NotFound, match="nobody/nothing"):
        clap("nobody/nothing", "cpu")
