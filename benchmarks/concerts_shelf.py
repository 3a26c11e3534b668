"""How well the shelf `soon` ranks concerts, by the rule that it has when a page is asked for.

    python -m benchmarks.concerts_shelf OUT [--cut test]

OUT is a folder of `benchmarks.concerts make`. What is known at the cut is published as an index (a content ridge over
attributes, so that events which nobody met have scores), and the shelf's own source scores every event for everybody
who is asked: by the weights that the publish learned from what is known then, and by the fixed rule with and without
friends and taste. Lists and measures are those of `interlace bench events`; what the shelf leaves out (farther than
`km`) is not found. `cpu_ms`: of one person, the model's scores included. Prints one JSON object a line. The rule is not
tuned: it is one of each unit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.snapshot import NO_TIME
from graph.snapshot_read import read_folder
from serving.foldin import viewer
from serving.index import ModelInfo, open_index
from serving.live import Live
from serving.publish import publish
from serving.scenarios.columns import ColumnsHolder
from serving.scenarios.soon import soon_scores
from serving.scenarios.visitor import Visitor
from training.bench_events import means
from training.events.cut import DAY, HORIZON_DAYS, make_cuts
from training.events.log import read_events
from training.events.ranker import measure
from training.train import everything
from training.zoo import find

RULES: Mapping[str, Mapping[str, float]] = {
    "learned": {},
    "learned, whatever the distance": {"km": 1e9},
    "days and kilometres, a day as 50 km": {"days": 1, "km": 50, "taste": 0, "friends": 0},
    "days and kilometres": {"taste": 0, "friends": 0},
    "with friends": {"taste": 0},
    "with taste": {"friends": 0},
    "with both": {"taste": 1, "friends": 1},
    "taste alone": {"days": 1e9, "km": 1e9, "friends": 0},
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("out", type=Path)
    options.add_argument("--cut", choices=("validation", "test"), default="test")
    asked = options.parse_args()
    folder = read_folder(asked.out)
    cuts = make_cuts(read_events(folder), horizon_days=HORIZON_DAYS)
    cut, lists = getattr(cuts, asked.cut), getattr(cuts, f"{asked.cut}_lists")
    rows = folder.snapshot.interactions
    told = np.asarray(cut.known[rows.user, rows.item]).ravel() > 0
    known = replace(folder.snapshot, interactions=rows.take(told & ((rows.time == NO_TIME) | (rows.time < cut.at))))
    with tempfile.TemporaryDirectory() as home:
        data = everything(known, None)
        model = find("ridge-graph").build().fit(data)
        publish(known, model, home=Path(home), model=ModelInfo("ridge-graph", "1"), histories=data.histories)
        live = Live(open_index(Path(home)))
        columns = ColumnsHolder().get(live)
        names = [live.index.user_ids[place].decode() for place in lists.users.tolist()]
        for name, rule in RULES.items():
            visitors = [Visitor(live, columns, viewer(live, one), cut.at) for one in names]
            began = time.process_time()
            scores = np.stack([_scores(visitor, rule)[cut.candidates] for visitor in visitors])
            spent = 1000 * (time.process_time() - began) / len(visitors)
            found = measure(scores, lists)
            told = {one: round(value, 4) for one, value in means(found).items()}
            print(json.dumps({"rule": name, **told, "cpu_ms": round(spent, 3)}), flush=True)


def _scores(visitor: Visitor, rule: Mapping[str, float]) -> NDArray[np.float32]:
    found = soon_scores(visitor, {"within": HORIZON_DAYS * DAY, **rule})
    return np.full(visitor.live.num_items, -np.inf, np.float32) if found is None else found


if __name__ == "__main__":
    main()
