"""A snapshot as PyG's and DGL's graphs: every node, edge and vector of it, also after a trip through files."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from graph.errors import Conflict, InvalidData, NotFound, Unsupported
from graph.snapshot import EmbeddingTable, Snapshot
from graph.snapshot_read import read_folder
from tests.graph.made import NOW, SHOP, write
from training.export_graphs import check_library, load_graph, read_tensors, save_graph, tensor_graph, to_dgl, to_pyg


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    """The small shop, with vectors for two of its three items."""
    found = read_folder(write(tmp_path / "data", SHOP), platform="shop", now=NOW).snapshot
    vectors = np.array([[1, 2], [3, 4], [0, 0]], np.float32)
    return replace(found, embeddings={"text": EmbeddingTable(vectors, np.array([True, True, False]), "made", "1")})


def triples_by_id(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    names = [*snapshot.items.ids, *snapshot.entities.ids]
    columns = (snapshot.triples.head, snapshot.triples.relation, snapshot.triples.tail)
    return {
        (names[head], snapshot.relations[relation], names[tail]) for head, relation, tail in zip(*columns, strict=True)
    }


def test_nodes_edges_and_vectors_are_those_of_the_snapshot(snapshot):
    data = to_pyg(tensor_graph(snapshot))
    ids = tensor_graph(snapshot).ids
    assert data["user"].num_nodes == 2
    assert {name: data[name].num_nodes for name in data.node_types} == {name: len(of) for name, of in ids.items()}
    rated = data["user", "rated", "item"]
    ends = rated.edge_index.tolist()
    assert [(ids["user"][a], ids["item"][b]) for a, b in zip(*ends, strict=True)] == [("shop:bob", "shop:pen")]
    assert rated.value.tolist() == [4.5]
    assert rated.time.tolist() == [915148800]
    found = {
        (ids[head][a], relation, ids[tail][b])
        for head, relation, tail in data.edge_types
        if head != "user"
        for a, b in zip(*data[head, relation, tail].edge_index.tolist(), strict=True)
    }
    assert found == triples_by_id(snapshot)
    hobbies = data["user", "HAS_HOBBY", "Hobby"].edge_index.tolist()
    assert {ids["Hobby"][place] for place in hobbies[1]} == {"Hobby:Hobby:art", "Hobby:Hobby:chess"}
    assert hobbies[0] == [0, 0]
    assert data["user", "friend", "user"].edge_index.tolist() == [[0, 1], [1, 0]]
    assert data["item"].text.tolist() == [[1, 2], [3, 4], [0, 0]]
    assert data["item"].text_present.tolist() == [True, True, False]
    assert data.validate()


def test_a_saved_graph_loads_as_it_was(snapshot, tmp_path):
    report = save_graph(snapshot, tmp_path / "out", library="pyg")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["graph.json", "graph.safetensors"]
    assert report["edges"]["user|rated|item"] == 1
    loaded, made = load_graph(tmp_path / "out"), to_pyg(tensor_graph(snapshot))
    assert loaded.metadata() == made.metadata()
    for edge in made.edge_types:
        assert torch.equal(loaded[edge].edge_index, made[edge].edge_index)
    assert torch.equal(loaded["item"].text, made["item"].text)
    assert read_tensors(tmp_path / "out").ids == tensor_graph(snapshot).ids
    with pytest.raises(Conflict):
        save_graph(snapshot, tmp_path / "out", library="pyg")


def test_what_is_no_saved_graph_is_named(tmp_path, snapshot):
    with pytest.raises(NotFound, match="no saved graph"):
        load_graph(tmp_path)
    save_graph(snapshot, tmp_path / "out", library="pyg")
    about = tmp_path / "out" / "graph.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "version": 99}))
    with pytest.raises(InvalidData, match="another version"):
        load_graph(tmp_path / "out")


def test_a_library_that_is_not_there_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr("training.export_graphs.find_spec", lambda _: None)
    with pytest.raises(Unsupported, match="dgl is not installed") as caught:
        check_library("dgl")
    assert "1.1.3" in caught.value.remedy


@pytest.mark.skipif(find_spec("dgl") is None, reason="DGL is not installed (its last working wheel is for Python 3.11)")
def test_dgl_holds_what_pyg_holds(snapshot, tmp_path):
    save_graph(snapshot, tmp_path / "out", library="dgl")
    pyg, dgl = to_pyg(tensor_graph(snapshot)), load_graph(tmp_path / "out", library="dgl")
    for edge in pyg.edge_types:
        assert [ends.tolist() for ends in dgl.edges(etype=edge)] == pyg[edge].edge_index.tolist()
    assert dgl.nodes["item"].data["text"].tolist() == pyg["item"].text.tolist()
    assert to_dgl(tensor_graph(snapshot)).num_nodes("user") == 2
