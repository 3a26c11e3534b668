"""A snapshot as a graph of tensors: PyTorch Geometric's `HeteroData`, DGL's heterograph, and both as files.

Nodes: `user`, `item`, and one type a label of attributes (`Genre`). Edges: `(user, kind, item)` with `value` (NaN where
unknown) and `time` (`NO_TIME` where unknown), `(item, HAS_GENRE, Genre)` and every other relation, `(user, HAS_HOBBY,
Hobby)`, `(user, friend, user)` in both directions. Item vectors are `item.text`, `item.image`, … with a mask of those
that are there.

A saved graph is a folder: `graph.safetensors` for the tensors, `graph.json` for names and ids; nothing is pickled.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from graph.errors import Conflict, InvalidData, NotFound, Unsupported
from graph.schema import KINDS
from graph.snapshot import Snapshot
from graph.snapshot_hash import content_hash

TENSORS, ABOUT = "graph.safetensors", "graph.json"
FORMAT = "interlace tensors"
VERSION = 1
REMEDY: Mapping[str, str] = {
    "pyg": "pip install torch-geometric",
    "dgl": "pip install 'interlace[dgl]' under Python 3.11: its last working wheel is dgl 1.1.3",
}
MODULES: Mapping[str, str] = {"pyg": "torch_geometric", "dgl": "dgl"}

EdgeType = tuple[str, str, str]


@dataclass(frozen=True)
class TensorGraph:
    """What every library's graph is made of.

    `nodes`: type -> how many. `edges`: type -> (2, m) int64. `node_data`, `edge_data`: type -> name -> tensor.
    """

    nodes: Mapping[str, int]
    edges: Mapping[EdgeType, torch.Tensor]
    node_data: Mapping[str, Mapping[str, torch.Tensor]]
    edge_data: Mapping[EdgeType, Mapping[str, torch.Tensor]]
    ids: Mapping[str, tuple[str, ...]]


def tensor_graph(snapshot: Snapshot) -> TensorGraph:
    """The tensors of a snapshot."""
    labels, of_label, position = _entities(snapshot)
    nodes = {"user": len(snapshot.users), "item": len(snapshot.items)}
    nodes |= {label: int((of_label == code).sum()) for code, label in enumerate(labels)}
    ids = {"user": snapshot.users.ids, "item": snapshot.items.ids}
    ids |= {
        label: tuple(snapshot.entities.ids[place] for place in np.flatnonzero(of_label == code).tolist())
        for code, label in enumerate(labels)
    }
    edges, edge_data = _interactions(snapshot)
    edges |= _triples(snapshot, labels, of_label, position)
    edges |= _user_attributes(snapshot, ids)
    if len(snapshot.friendships):
        pairs = snapshot.friendships.T.astype(np.int64)
        edges["user", "friend", "user"] = torch.from_numpy(np.concatenate([pairs, pairs[::-1]], axis=1))
    return TensorGraph(nodes, dict(sorted(edges.items())), _node_data(snapshot), edge_data, ids)


def _entities(snapshot: Snapshot) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Labels, the label of each entity, and its place among those of its label."""
    names = [name.partition(":")[0] for name in snapshot.entities.ids]
    labels = sorted(set(names))
    codes = {label: code for code, label in enumerate(labels)}
    of_label = np.array([codes[name] for name in names], np.int64)
    position = np.zeros(len(names), np.int64)
    for code in range(len(labels)):
        position[of_label == code] = np.arange(int((of_label == code).sum()))
    return labels, of_label, position


def _interactions(
    snapshot: Snapshot,
) -> tuple[dict[EdgeType, torch.Tensor], dict[EdgeType, Mapping[str, torch.Tensor]]]:
    edges: dict[EdgeType, torch.Tensor] = {}
    data: dict[EdgeType, Mapping[str, torch.Tensor]] = {}
    acts = snapshot.interactions
    for code in np.unique(acts.kind).tolist():
        rows = acts.take(acts.kind == code)
        key = "user", KINDS[code], "item"
        edges[key] = torch.from_numpy(np.stack([rows.user, rows.item]).astype(np.int64))
        data[key] = {"value": torch.from_numpy(rows.value.copy()), "time": torch.from_numpy(rows.time.copy())}
    return edges, data


def _triples(
    snapshot: Snapshot, labels: list[str], of_label: NDArray[np.int64], position: NDArray[np.int64]
) -> dict[EdgeType, torch.Tensor]:
    """One edge type for each relation between two sorts of nodes."""
    items = len(snapshot.items)
    sorts = np.concatenate([np.zeros(items, np.int64), of_label + 1])
    places = np.concatenate([np.arange(items), position])
    names = ["item", *labels]
    triples = snapshot.triples
    keys = (triples.relation.astype(np.int64) * len(names) + sorts[triples.head]) * len(names) + sorts[triples.tail]
    found: dict[EdgeType, torch.Tensor] = {}
    for key in np.unique(keys).tolist():
        mask = keys == key
        ends = np.stack([places[triples.head[mask]], places[triples.tail[mask]]])
        relation, head, tail = key // len(names) ** 2, key // len(names) % len(names), key % len(names)
        found[names[head], snapshot.relations[relation], names[tail]] = torch.from_numpy(ends)
    return found


def _user_attributes(snapshot: Snapshot, ids: Mapping[str, tuple[str, ...]]) -> dict[EdgeType, torch.Tensor]:
    """What users are joined to, which a snapshot holds as lists in their properties, one a label."""
    found: dict[EdgeType, torch.Tensor] = {}
    for label in sorted(set(ids) & set(snapshot.user_properties.column_names)):
        places = {name.removeprefix(f"{label}:").removeprefix(f"{label}:"): n for n, name in enumerate(ids[label])}
        lists = snapshot.user_properties.column(label).to_pylist()
        pairs = [(user, places[name]) for user, names in enumerate(lists) for name in names or () if name in places]
        if pairs:
            found["user", f"HAS_{label.upper()}", label] = torch.tensor(pairs, dtype=torch.int64).T.contiguous()
    return found


def _node_data(snapshot: Snapshot) -> dict[str, dict[str, torch.Tensor]]:
    item: dict[str, torch.Tensor] = {}
    for modality, table in sorted(snapshot.embeddings.items()):
        item[modality] = torch.from_numpy(np.ascontiguousarray(table.vectors))
        item[f"{modality}_present"] = torch.from_numpy(table.present.copy())
    return {"item": item} if item else {}


def to_pyg(graph: TensorGraph) -> Any:
    """`torch_geometric.data.HeteroData`. Raises `Unsupported` where PyG is not installed."""
    check_library("pyg")
    from training.pyg import HeteroData

    data = HeteroData()
    for name, number in graph.nodes.items():
        data[name].num_nodes = number
        for key, tensor in graph.node_data.get(name, {}).items():
            data[name][key] = tensor
    for edge, index in graph.edges.items():
        data[edge].edge_index = index
        for key, tensor in graph.edge_data.get(edge, {}).items():
            data[edge][key] = tensor
    return data


def to_dgl(graph: TensorGraph) -> Any:
    """`dgl.DGLGraph` with node and edge types. Raises `Unsupported` where DGL is not installed."""
    check_library("dgl")
    import dgl

    ends = {edge: (index[0], index[1]) for edge, index in graph.edges.items()}
    made = dgl.heterograph(ends, num_nodes_dict=_used(graph))
    for name, tensors in graph.node_data.items():
        for key, tensor in tensors.items():
            made.nodes[name].data[key] = tensor
    for edge, tensors in graph.edge_data.items():
        for key, tensor in tensors.items():
            made.edges[edge].data[key] = tensor
    return made


def _used(graph: TensorGraph) -> dict[str, int]:
    """DGL knows the sorts of nodes that some edge has."""
    used = {name for head, _, tail in graph.edges for name in (head, tail)}
    return {name: number for name, number in graph.nodes.items() if name in used}


LIBRARIES: Mapping[str, Callable[[TensorGraph], Any]] = {"pyg": to_pyg, "dgl": to_dgl}


def check_library(name: str) -> None:
    """Raises `Unsupported`, with the remedy, where a library is not installed."""
    if find_spec(MODULES[name]) is None:
        raise Unsupported(f"{MODULES[name]} is not installed", valid="a Python that has it", remedy=REMEDY[name])


def save_graph(snapshot: Snapshot, folder: Path, *, library: str) -> dict[str, Any]:
    """Writes the new folder, whole or not at all; returns what it holds. Both libraries load the same files."""
    check_library(library)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is there already", valid="a new or empty folder", remedy="name another folder")
    graph = tensor_graph(snapshot)
    LIBRARIES[library](graph)  # what cannot be built should not be written
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        save_file(_named(graph), str(made / TENSORS))
        about = {"format": FORMAT, "version": VERSION, "snapshot": content_hash(snapshot), **_about(graph)}
        (made / ABOUT).write_text(json.dumps({**about, "ids": graph.ids}, ensure_ascii=False), encoding="utf-8")
        made.chmod(0o755)
        made.replace(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return {"format": library, "folder": str(folder), **about}


def _named(graph: TensorGraph) -> dict[str, torch.Tensor]:
    """Every tensor under one name: `edge|user|rated|item`, `edge|user|rated|item|time`, `node|item|text`."""
    named = {"|".join(("edge", *edge)): index.contiguous() for edge, index in graph.edges.items()}
    for edge, tensors in graph.edge_data.items():
        named |= {"|".join(("edge", *edge, key)): tensor for key, tensor in tensors.items()}
    for name, tensors in graph.node_data.items():
        named |= {"|".join(("node", name, key)): tensor for key, tensor in tensors.items()}
    return named


def _about(graph: TensorGraph) -> dict[str, Any]:
    edges = {"|".join(edge): int(index.shape[1]) for edge, index in graph.edges.items()}
    return {"nodes": dict(graph.nodes), "edges": edges}


def load_graph(folder: Path, *, library: str = "pyg") -> Any:
    """The saved graph as `HeteroData` (`pyg`) or as a DGL graph (`dgl`)."""
    return LIBRARIES[library](read_tensors(folder))


def read_tensors(folder: Path) -> TensorGraph:
    """The tensors and ids of a saved graph. Raises `NotFound` or `InvalidData` for a folder that holds none."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        tensors = load_file(str(folder / TENSORS))
    except FileNotFoundError as error:
        raise NotFound(f"{folder} holds no saved graph", valid=f"{TENSORS} and {ABOUT}", remedy="save it") from error
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise InvalidData(f"{folder} is of another version", valid=f"{FORMAT} {VERSION}", remedy="export it again")
    edges: dict[EdgeType, torch.Tensor] = {}
    node_data: dict[str, dict[str, torch.Tensor]] = {}
    edge_data: dict[EdgeType, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        what, *key = name.split("|")
        if what == "node":
            node_data.setdefault(key[0], {})[key[1]] = tensor
        elif len(key) == 3:
            edges[key[0], key[1], key[2]] = tensor
        else:
            edge_data.setdefault((key[0], key[1], key[2]), {})[key[3]] = tensor
    ids = {name: tuple(values) for name, values in about["ids"].items()}
    return TensorGraph(about["nodes"], dict(sorted(edges.items())), node_data, edge_data, ids)
