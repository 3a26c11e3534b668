"""What learned weights of kinds and values of interactions bring, on validation: `ease-feedback` against `ease`.

    python -m benchmarks.feedback FOLDER [--min-value 4] [--least 1] [--split random] [--seed 42]

Both choose their regularization by the same validation part, the test part is not read, and what a user is known to
have done is ranked for neither. `--least`: items that fewer people met are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from graph.snapshot import IdMap, Snapshot, Triples, no_same_items
from graph.snapshot_read import read_folder
from training.auto import choose
from training.blend import told_by
from training.evaluate import evaluate
from training.metrics import TARGET
from training.prepare import prepare
from training.significance import paired_test
from training.split import WAYS, split_of
from training.zoo import find


def common(snapshot: Snapshot, least: int) -> Snapshot:
    """Only the items that at least so many people met, and of them nothing but what was done with them."""
    rows = snapshot.interactions
    pairs = np.unique(np.stack([rows.item, rows.user]), axis=1)
    kept = np.flatnonzero(np.bincount(pairs[0], minlength=len(snapshot.items)) >= least)
    places = np.full(len(snapshot.items), -1, np.int32)
    places[kept] = np.arange(len(kept), dtype=np.int32)
    rows = rows.take(places[rows.item] >= 0)
    return replace(
        snapshot,
        items=IdMap(tuple(snapshot.items.ids[place] for place in kept.tolist()), "item"),
        entities=IdMap(()),
        relations=(),
        interactions=replace(rows, item=places[rows.item]),
        triples=Triples(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int32)),
        item_properties=snapshot.item_properties.take(kept),
        embeddings={},
        same_items=no_same_items(),
    )


def measure(snapshot: Snapshot, *, how: Any, min_value: float | None, seed: int) -> dict[str, Any]:
    """Both models' validation ndcg@10, their paired difference, and the weights."""
    data = prepare(snapshot, split_of(snapshot, how=how, min_value=min_value, seed=seed), seed=seed).data
    held_out = data.validation
    assert held_out is not None  # every split has one
    data = replace(data, validation=replace(held_out, excluded=held_out.histories.seen))
    assert data.validation is not None
    found: dict[str, Any] = {"users": len(data.validation), "interactions": len(snapshot.interactions)}
    per_user = {}
    for name in ("ease", "ease-feedback"):
        began = time.perf_counter()
        chosen = choose(find(name), data)
        per_user[name] = evaluate(chosen.recommender, data.validation, ks=(10,)).per_user[TARGET]
        found[name] = {TARGET: float(per_user[name].mean()), "settings": dict(chosen.best.settings),
                       "seconds": time.perf_counter() - began}  # fmt: skip
    found["difference"] = asdict(paired_test(per_user["ease-feedback"], per_user["ease"], seed=seed))
    return {**found, "feedback": told_by(chosen.recommender)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--min-value", type=float)
    parser.add_argument("--least", type=int, default=1)
    parser.add_argument("--split", choices=[way for way in WAYS if way != "fixed"], default="random")
    parser.add_argument("--seed", type=int, default=42)
    asked = parser.parse_args()
    snapshot = common(read_folder(asked.folder).snapshot, asked.least)
    found = measure(snapshot, how=asked.split, min_value=asked.min_value, seed=asked.seed)
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
