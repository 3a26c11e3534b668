from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from encoders.compress.bert_files import bert_folder
from encoders.compress.int8 import text_to_int8
from encoders.onnx_files import ABOUT, MODEL
from encoders.registry import open_encoder
from graph.errors import InvalidData, NotFound, Unsupported
from tests.encoders.compress.conftest import sentences
from tests.encoders.tiny import make_sentence_model


@pytest.fixture(scope="module")
def small(tiny_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("int8")
    text_to_int8(open_encoder(f"sentence-transformers:{tiny_bert}", device="cpu"), tiny_bert, folder)
    return folder


def test_the_vectors_are_near_those_of_float32(tiny_bert: Path, small: Path) -> None:
    whole = open_encoder(f"sentence-transformers:{tiny_bert}", device="cpu").encode(sentences(20))
    found = open_encoder(f"onnx-text:{small}").encode(sentences(20))
    cosines = (whole * found).sum(1)
    assert cosines.min() > 0.97
    assert cosines.min() < 0.99999  # integers they are


def test_a_vector_does_not_depend_on_the_texts_beside_it(small: Path) -> None:
    encoder = open_encoder(f"onnx-text:{small}")
    together = encoder.encode(sentences(10))
    np.testing.assert_array_equal(together, np.concatenate([encoder.encode([one]) for one in sentences(10)]))


def test_the_version_is_that_of_the_files(tiny_bert: Path, small: Path) -> None:
    before = open_encoder(f"onnx-text:{small}").version
    assert before != open_encoder(f"sentence-transformers:{tiny_bert}").version
    about = json.loads((small / ABOUT).read_text())
    (small / ABOUT).write_text(json.dumps({**about, "most_tokens": 8}))
    assert open_encoder(f"onnx-text:{small}").version != before
    (small / ABOUT).write_text(json.dumps(about))


def test_a_folder_without_a_model_of_another_modality_or_damaged(small: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no model\.onnx and no encoder\.json and no tokenizer\.json"):
        open_encoder(f"onnx-text:{tmp_path}")
    with pytest.raises(InvalidData, match="encodes text, not image"):
        open_encoder(f"onnx-image:{small}")
    for file in small.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / MODEL).write_bytes(b"nothing")
    with pytest.raises(Unsupported, match="cannot load"):
        open_encoder(f"onnx-text:{tmp_path}").encode(["a"])


def test_only_a_bert_with_mean_pooling(tmp_path: Path, tiny_bert: Path) -> None:
    decoder = make_sentence_model(tmp_path, decoder=True)
    for name in (f"sentence-transformers:{decoder}", f"sentence-transformers:{tiny_bert}#8"):
        with pytest.raises(Unsupported, match="is no BERT whose tokens' mean is taken"):
            bert_folder(open_encoder(name))


@pytest.mark.parametrize("library", ["onnx", "onnxscript", "onnxruntime"])
def test_without_the_extra(library: str, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    encoder = open_encoder(f"sentence-transformers:{tiny_bert}", device="cpu")
    with pytest.raises(Unsupported, match=rf"{'ONNX Runtime' if library == 'onnxruntime' else library}, and it cannot"):
        text_to_int8(encoder, tiny_bert, tmp_path)
