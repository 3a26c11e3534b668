"""Content KNN: cosine of centred vectors, masks of what is absent, rare attributes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graph.errors import InvalidData
from tests.training.models.small import small_data
from training.models.content_knn import ContentKNN, ContentKNNConfig


def weights(data, modality, neighbours=1000):
    return ContentKNN(ContentKNNConfig(modality, neighbours)).fit(data).weights.toarray()


def unit(vectors):
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def text_cosines(data, name="text"):
    table = data.side.embeddings[name]
    vectors = np.where(table.present[:, None], table.vectors - table.vectors[table.present].mean(0), 0)
    return unit(vectors) @ unit(vectors).T


def graph_cosines(data):
    n, triples = data.num_items, data.side.triples
    A = np.zeros((n, data.side.num_nodes))
    A[triples.head, triples.tail] = 1
    A *= np.log(n / np.maximum(1, A.sum(0)))
    return unit(A) @ unit(A).T


def positive(cosines):
    np.fill_diagonal(cosines, 0)
    return np.maximum(cosines, 0)


def test_one_modality_is_the_cosine_of_centred_vectors():
    data = small_data()
    assert np.allclose(weights(data, "text"), positive(text_cosines(data)), atol=1e-5)


def test_the_graph_compares_rare_attributes():
    data = small_data()
    assert np.allclose(weights(data, "graph"), positive(graph_cosines(data)), atol=1e-5)


def test_fused_is_the_mean_over_what_both_items_have():
    data = small_data()
    n = data.num_items
    cosines = {"text": text_cosines(data), "image": text_cosines(data, "image"), "graph": graph_cosines(data)}
    absent = {"text": 2, "image": 9, "graph": 5}
    total, count = np.zeros((n, n)), np.zeros((n, n))
    for name, cosine in cosines.items():
        has = np.arange(n) != absent[name]
        total += cosine
        count += np.outer(has, has)
    assert np.allclose(weights(data, "fused"), positive(total / np.maximum(count, 1)), atol=1e-5)


@pytest.mark.parametrize(("modality", "absent"), [("text", 2), ("image", 9), ("graph", 5)])
def test_an_absent_vector_is_nobodys_neighbour(modality, absent):
    found = weights(small_data(), modality)
    assert not found[absent].any()
    assert not found[:, absent].any()
    assert (np.delete(found, absent, 0).sum(1) > 0).all()


def test_at_most_k_neighbours_a_candidate():
    found = weights(small_data(), "text", neighbours=3)
    assert ((found > 0).sum(0) <= 3).all()
    full = weights(small_data(), "text")
    assert np.allclose(np.sort(found, 0)[-3:], np.sort(full, 0)[-3:])


def test_data_without_the_modality_is_refused():
    data = small_data()
    bare = replace(data, side=data.side.without("text"))
    with pytest.raises(InvalidData, match="text"):
        weights(bare, "text")
