"""What accounts of one person bring to models of the zoo that a refresh trains on a graph of several platforms.

    python -m benchmarks.links DATA/amazon-cross [--models ials bpr item-knn] [--seed 42]

Every model is fitted once with the graph's links (`training.links`) and once without them, at its first settings, on
the train part of all platforms together. Printed for each platform, one JSON object a line: ndcg@10 on validation of
what its accounts do there, the whole catalogue of the platform ranked, and the paired difference. The test part is not
read.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.snapshot import IdMap
from graph.snapshot_read import read_folder
from training.cross.data import platforms
from training.data import HeldOut
from training.evaluate import evaluate
from training.metrics import TARGET
from training.prepare import prepare
from training.significance import paired_test
from training.split import make_split
from training.zoo import find

MODELS = ("ials", "bpr", "item-knn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--seed", type=int, default=42)
    asked = parser.parse_args()
    folder = read_folder(asked.folder)
    rows, fixed = folder.snapshot.interactions, folder.part is not None
    split = make_split(rows, how="fixed" if fixed else "random", seed=asked.seed, part=folder.part, order=folder.order)
    data = prepare(folder.snapshot, split, seed=asked.seed).data
    assert data.validation is not None  # every split has one
    users, items = (_platforms(ids) for ids in (folder.snapshot.users, folder.snapshot.items))
    parts = {name: _on(data.validation, users == name, items == name) for name in platforms(folder)}
    for name in asked.models:
        linked = find(name).build().fit(data)
        alone = find(name).build().fit(replace(data, side=data.side.without("links")))
        for platform, part in parts.items():
            with_links, without = (evaluate(model, part, ks=(10,)).per_user[TARGET] for model in (linked, alone))
            found = asdict(paired_test(with_links, without, seed=asked.seed))
            means = {"with": float(with_links.mean()), "without": float(without.mean())}
            json.dump({"model": name, "platform": platform, "users": len(part), **means, "brings": found}, sys.stdout)
            sys.stdout.write("\n")
            sys.stdout.flush()


def _platforms(ids: IdMap) -> NDArray[np.str_]:
    return np.array([name.partition(":")[0] for name in ids.ids])


def _on(held_out: HeldOut, users: NDArray[np.bool_], items: NDArray[np.bool_]) -> HeldOut:
    """What these users do with these items, no others ranked."""
    return replace(held_out.take(np.flatnonzero(users[held_out.users])), only=items)


if __name__ == "__main__":
    main()
