from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest

from encoders.minilm import MiniLM
from encoders.registry import open_encoder
from encoders.text import MAX_CHARACTERS, clean_text
from graph.errors import InvalidData, NotFound, Unsupported
from tests.encoders.tiny import make_sentence_model


def test_meaning_is_near_meaning(texts: MiniLM) -> None:
    film, movie, pizza = texts.encode(
        ["a film about war in space", "a science fiction battle movie", "pepperoni pizza"]
    )
    assert film @ movie > 0.4 > film @ pizza


def test_the_shipped_model_is_minilm(texts: MiniLM) -> None:
    assert (texts.dim, texts.modality, texts.name) == (384, "text", "minilm")


def test_nothing_is_asked_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert open_encoder("minilm", device="cpu").encode(["film"]).shape == (1, 384)


def test_a_huge_text_is_cut_before_the_tokenizer(texts: MiniLM) -> None:
    beginning = "space " * 300
    huge, cut = texts.encode([beginning + "love " * 2_000_000, beginning])
    np.testing.assert_allclose(huge, cut, atol=4e-3)
    assert len(clean_text("x" * 10_000_000)) == MAX_CHARACTERS


@pytest.mark.parametrize("text", ["", "  \n\t ", "\0", "\u00a0"])
def test_an_empty_text_is_refused(texts: MiniLM, text: str) -> None:
    with pytest.raises(InvalidData, match="empty"):
        texts.encode(["good", text])


@pytest.mark.parametrize("text", ["🎬🚀", "👩‍👩‍👧", "映画", "فيلم", "\ud800 lone", "e\u0301", "a\0b"])
def test_any_unicode_has_a_vector(texts: MiniLM, text: str) -> None:
    assert np.isfinite(texts.encode([text])).all()


def test_one_text_in_two_unicode_forms_is_one_text() -> None:
    assert clean_text("e\u0301  a\nb") == clean_text("é a b") == "é a b"


def test_a_decoder_with_last_token_pooling_and_prompts(tmp_path: Path) -> None:
    found = open_encoder(f"sentence-transformers:{make_sentence_model(tmp_path, decoder=True)}", device="cpu")
    short, long = found.encode(["love", "a b c love"])
    assert found.dim == 32
    assert short @ long < 0.9999  # a causal model's last token has read what is before it
    np.testing.assert_allclose(found.encode(["love"])[0], short, atol=4e-3)


def test_a_plain_decoder_is_read_by_its_last_token(tmp_path: Path) -> None:
    """Qwen3 as transformers saves it, which tells no pooling: the last hidden state of the last token."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    make_sentence_model(tmp_path, decoder=True)
    folder = tmp_path / "source"
    found = open_encoder(f"sentence-transformers:{folder}", device="cpu").encode(["a b c love", "space"])
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        for vector, text in zip(found, ["a b c love", "space"], strict=True):
            last = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0, -1].numpy()
            np.testing.assert_allclose(vector, last / np.linalg.norm(last), atol=1e-2)


@pytest.mark.parametrize("decoder", [True, False])
def test_the_first_numbers_of_a_vector(tmp_path: Path, decoder: bool) -> None:
    name = f"sentence-transformers:{make_sentence_model(tmp_path, decoder=decoder)}"
    whole, part = open_encoder(name, device="cpu"), open_encoder(f"{name}#8", device="cpu")
    texts = ["love", "a film in space"]
    first = whole.encode(texts)[:, :8]
    np.testing.assert_allclose(part.encode(texts), first / np.linalg.norm(first, axis=1, keepdims=True), atol=4e-3)
    assert (part.dim, part.name) == (8, f"{name}#8")
    assert part.version != whole.version


def test_a_width_that_cannot_be(tmp_path: Path) -> None:
    name = f"sentence-transformers:{make_sentence_model(tmp_path)}"
    with pytest.raises(InvalidData, match="of a vector of 32"):
        open_encoder(f"{name}#33", device="cpu").encode(["love"])
    with pytest.raises(InvalidData, match="no width"):
        open_encoder(f"{name}#wide")


def test_the_version_follows_the_weights(tmp_path: Path) -> None:
    folder = make_sentence_model(tmp_path)
    name = f"sentence-transformers:{folder}"
    before = open_encoder(name).version
    assert open_encoder(name).version == before
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert open_encoder(name).version != before


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="cannot be loaded"):
        open_encoder(f"sentence-transformers:{tmp_path}", device="cpu").encode(["film"])


def test_pickled_weights_are_not_opened(tmp_path: Path) -> None:
    import torch

    folder = make_sentence_model(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(Unsupported, match="safetensors"):
        open_encoder(f"sentence-transformers:{folder}", device="cpu").encode(["film"])


def test_a_model_that_is_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NotFound, match="nobody/nothing"):
        open_encoder("sentence-transformers:nobody/nothing")
    with pytest.raises(NotFound, match="no such folder"):
        open_encoder("sentence-transformers:/no such folder/ at all")


def test_questions_are_read_with_the_model_s_own_prompt(tmp_path: Path) -> None:
    from encoders.base import AsksOtherwise, encode_queries

    folder = make_sentence_model(tmp_path, decoder=True)
    config = folder / "config_sentence_transformers.json"
    told = json.loads(config.read_text()) if config.is_file() else {}
    config.write_text(json.dumps({**told, "prompts": {"query": "a film about ", "document": ""}}))
    found = open_encoder(f"sentence-transformers:{folder}", device="cpu")
    assert isinstance(found, AsksOtherwise)
    as_query = encode_queries(found, ["love"])[0]
    np.testing.assert_allclose(as_query, found.encode(["a film about love"])[0], atol=4e-3)
    assert as_query @ found.encode(["love"])[0] < 0.9999
    plain = open_encoder("minilm")
    np.testing.assert_array_equal(encode_queries(plain, ["love"]), plain.encode(["love"]))
