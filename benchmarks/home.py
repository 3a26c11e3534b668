"""What a home page costs: CPU milliseconds a page of every shipped scenario, in-process, on a published home.

`python -m benchmarks.home HOME`: the least of five rounds over 200 users, answer's JSON included.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from graph.consent import Defaults
from serving.foldin import viewer
from serving.live import Live
from serving.live_holder import open_live
from serving.scenarios.columns import Columns, ColumnsHolder
from serving.scenarios.find import Scenarios
from serving.scenarios.home import home, render
from serving.scenarios.preset import Preset
from serving.scenarios.visitor import Visitor

USERS, ROUNDS = 200, 5


def milliseconds(live: Live, columns: Columns, preset: Preset) -> tuple[float, float]:
    """CPU time of a page, and shelves on it, on average."""
    users = [live.index.user_ids[place].decode() for place in range(min(USERS, live.index.num_users))]
    took, shelves = [], 0
    for _ in range(ROUNDS):
        began, shelves = time.process_time(), 0
        for user in users:
            rows = home(Visitor(live, columns, viewer(live, user), time.time()), preset, "en")
            render(live, user, preset, "en", rows)
            shelves += len(rows)
        took.append(1000 * (time.process_time() - began) / len(users))
    return min(took), shelves / len(users)


def main(folder: Path) -> None:
    """Prints a table."""
    live, scenarios = open_live(folder, Defaults()), Scenarios(folder)
    began = time.process_time()
    columns = ColumnsHolder().get(live)
    print(f"{live.index.num_items} items; columns, once an index: {1000 * (time.process_time() - began):.0f} ms\n")
    print("| scenario | shelves | CPU ms a page |\n|---|---|---|")
    for name, preset in scenarios.all().items():
        took, shelves = milliseconds(live, columns, preset)
        print(f"| {name} | {shelves:.1f} | {took:.1f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
