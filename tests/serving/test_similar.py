import numpy as np
import pytest

from graph.errors import NotFound, Unsupported
from graph.snapshot import Snapshot
from serving.index import Index
from serving.live import Live
from serving.similar import modalities, similar


def test_every_modality_is_offered(index: Index) -> None:
    assert modalities(index) == ("image", "text", "graph", "crowd")


@pytest.mark.parametrize("modality", ["text", "image"])
def test_embeddings_rank_by_cosine_and_absent_ones_never_come(index: Index, snapshot: Snapshot, modality: str) -> None:
    table = snapshot.embeddings[modality]
    rows = table.vectors / np.maximum(np.linalg.norm(table.vectors, axis=1, keepdims=True), 1e-12)
    expected = rows @ rows[0]
    expected[~table.present] = -np.inf
    expected[0] = -np.inf
    items, scores = similar(Live(index), 0, modality, 500)
    assert len(items) == index.num_items - 2
    np.testing.assert_allclose(scores, np.sort(expected)[::-1][: len(items)], rtol=1e-5, atol=1e-6)


def test_an_item_without_an_embedding_says_so(index: Index) -> None:
    with pytest.raises(NotFound, match="no text embedding"):
        similar(Live(index), 2, "text", 5)


def test_the_graph_prefers_a_shared_rare_attribute(index: Index) -> None:
    items, scores = similar(Live(index), 0, "graph", 500)
    assert items[0] == 3  # the same genre, and the same director
    assert {int(item) % 3 for item in items} == {0}
    assert 0 < scores[-1] < scores[0] <= 1.0 + 1e-6


def test_the_crowd_is_the_cosine_of_who_liked_both(index: Index, training) -> None:
    matrix = training.matrix.toarray()
    norms = np.sqrt(matrix.sum(axis=0))
    cosine = (matrix.T @ matrix) / np.maximum(np.outer(norms, norms), 1e-12)
    cosine[4, 4] = 0
    items, scores = similar(Live(index), 4, "crowd", 500)
    assert 4 not in items
    np.testing.assert_allclose(scores, cosine[4, items], rtol=1e-5)
    np.testing.assert_allclose(scores, np.sort(cosine[4])[::-1][: len(items)], rtol=1e-5)
    assert len(items) == np.count_nonzero(cosine[4])


def test_an_unknown_modality_names_those_there_are(index: Index) -> None:
    with pytest.raises(Unsupported, match="image, text, graph, crowd"):
        similar(Live(index), 0, "smell", 5)
