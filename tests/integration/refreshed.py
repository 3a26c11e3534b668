"""What a refresh leaves behind, in a form that compares: the index's files, the graph, the registry.

Left out because no two runs can share them: times (`created` of the index and of versions) and so the signature over
them, which is checked; ids of MLflow runs; and the key of a training, which hashes the home's address.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from graph.errors import NotFound
from graph.schema import OPERATIONAL_LABELS
from graph.store import GraphStore
from serving.index import CURRENT, FOLDER, MANIFEST, open_index
from serving.index_trust import SIGNATURE
from training.registry import Registry
from training.tracking import open_tracker

BOOKS = OPERATIONAL_LABELS - {"ZeroShotTag"}


def left_behind(home: Path, store: GraphStore) -> dict[str, Any]:
    """Everything that must not depend on where a refresh was killed."""
    return {"index": index_of(home), "graph": graph_of(store), "registry": registry_of(home)}


def index_of(home: Path) -> dict[str, str]:
    """Every file's hash, the manifest without its time and run; and which versions there are."""
    open_index(home, verify=True)
    root = home / FOLDER
    current = root / (root / CURRENT).read_text().strip()
    files = {
        path.name: _hash(path.read_bytes()) for path in current.iterdir() if path.name not in (MANIFEST, SIGNATURE)
    }
    manifest = json.loads((current / MANIFEST).read_text())
    manifest["created"] = manifest["model"]["run_id"] = None
    versions = sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    return {**files, MANIFEST: json.dumps(manifest, sort_keys=True), "versions": json.dumps(versions)}


def graph_of(store: GraphStore) -> dict[str, list[str]]:
    """Nodes and relationships but for the books that a refresh keeps, without the run that wrote them."""
    nodes = store.query("MATCH (n) RETURN labels(n) AS labels, properties(n) AS values", {})
    edges = store.query(
        "MATCH (a)-[r]->(b) RETURN a.id AS head, type(r) AS type, b.id AS tail, properties(r) AS values", {}
    )
    return {
        "nodes": sorted(_text(row) for row in nodes if not BOOKS & set(row[0])),
        "relationships": sorted(_text([*row[:3], _without(row[3], "run")]) for row in edges),
    }


def registry_of(home: Path) -> dict[str, Any]:
    """Versions with their files; no training that says it is running."""
    registry = Registry(open_tracker(f"sqlite:///{home}/mlflow.db"))
    client = registry.tracker.client
    experiments = [one.experiment_id for one in client.search_experiments() if one.name != "refresh"]
    running = client.search_runs(experiments, "status = 'RUNNING'")
    versions = [
        {
            "version": one.version,
            "model": one.model,
            "snapshot": one.snapshot,
            "split": one.split,
            "aliases": one.aliases,
            "metrics": one.metrics,
            "tags": _without(one.tags, "refresh_step"),
            "run": client.get_run(one.run_id).info.status,
            "files": {
                path.name: _hash(path.read_bytes())
                for path in sorted(registry.folder(one).iterdir())
                if path.name != "MLmodel"  # names the run and the time
            },
        }
        for one in registry.list_models()
    ]
    former = client.get_registered_model(registry.name).tags
    return {"versions": versions, "tags": dict(former), "running": len(running)}


def readable(home: Path) -> None:
    """After a kill, before the next run: what serves is whole, or nothing is published yet."""
    try:
        index = open_index(home, verify=True)
    except NotFound:
        return
    assert index.num_items


def _without(values: Any, *names: str) -> dict[str, Any]:
    return {name: value for name, value in dict(values).items() if name not in names}


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
