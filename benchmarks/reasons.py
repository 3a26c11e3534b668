"""Are reasons true, and do they say what the model goes by: `python -m benchmarks.reasons HOME`.

Over the users at even positions (rules were made on the others). Fidelity: the interaction that a reason names is taken
from the history and the item scored anew by fold-in (`serving.rank.score`, not the shortcut that chose the reason); the
score has to fall by more than the mean of taking as many random other interactions. Stability: an item that the user
never met joins the history; is the reason the same. Coverage: recommended items with a reason. Proofs: queries are run
again and their rows compared with the words.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graph.consent import Defaults
from graph.explain import verify
from graph.explain_tell import FEWEST_PEOPLE, Explanation
from graph.store import GraphStore
from serving.candidates import all_scores
from serving.connect import connect
from serving.foldin import Viewer, viewer
from serving.index_files import MISSING
from serving.live import Live
from serving.live_holder import open_live
from serving.reasons import Reasoner
from serving.recommend import Wish, recommend
from serving.settings import Settings

RANDOM = 10
N = 10


@dataclass
class Tally:
    """What was counted, and the reasons whose queries will be run again."""

    items: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    faithful: list[bool] = field(default_factory=list)
    beaten: list[float] = field(default_factory=list)
    same: list[bool] = field(default_factory=list)
    same_liked: list[bool] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    given: list[Explanation] = field(default_factory=list)


def main() -> None:
    arguments = parsed()
    live = open_live(arguments.home, Defaults())
    places = [place for place in range(0, live.index.num_users, 2) if len(live.index.known[place]) >= 3]
    places = places[: arguments.users]
    rng = np.random.default_rng(arguments.seed)
    tally, reasoner = Tally(), Reasoner()
    with closing(connect(Settings(home=arguments.home))) as store:
        for place in places:
            one_user(store, live, reasoner, viewer(live, live.index.user_ids[place].decode()), rng, tally)
        wanted = rng.permutation(len(tally.given))[: arguments.proofs].tolist()
        proved = [verify(store, tally.given[place]) for place in wanted]
    report(len(places), tally, proved)


def one_user(
    store: GraphStore, live: Live, reasoner: Reasoner, who: Viewer, rng: np.random.Generator, tally: Tally
) -> None:
    items = recommend(live, Wish(who.name, N), who).items
    found, seconds, _ = timed(store, live, reasoner, who, items)
    tally.first.append(seconds)
    _, seconds, cpu = timed(store, live, reasoner, who, items)
    tally.again.append(seconds)
    tally.cpu.append(cpu)
    tally.items += len(items)
    tally.kinds.update(one.kind for one in found if one is not None)
    tally.given += [one for one in found if one is not None]
    fidelity(live, who, items, found, rng, tally)
    stability(store, live, reasoner, who, items, found, rng, tally)


def timed(
    store: GraphStore, live: Live, reasoner: Reasoner, who: Viewer, items: list[int]
) -> tuple[list[Explanation | None], float, float]:
    begun, cpu = time.perf_counter(), time.thread_time()
    found = reasoner.for_user(store, live, who, items)
    return found, time.perf_counter() - begun, time.thread_time() - cpu


def fidelity(
    live: Live,
    who: Viewer,
    items: list[int],
    found: list[Explanation | None],
    rng: np.random.Generator,
    tally: Tally,
) -> None:
    def scores(history: NDArray[np.int32]) -> NDArray[np.float32]:
        return all_scores(live, MISSING, history)

    whole = scores(who.history)
    drawn = rng.choice(np.unique(who.history), min(RANDOM + 1, len(np.unique(who.history))), replace=False).tolist()
    without = {item: whole - scores(who.history[who.history != item]) for item in drawn}
    for item, one in zip(items, found, strict=True):
        if one is None or "liked" not in one.parameters:
            continue
        liked = live.item(one.parameters["liked"])
        drops = without[liked] if liked in without else whole - scores(who.history[who.history != liked])
        others = [float(without[other][item]) for other in drawn if other != liked][:RANDOM]
        tally.faithful.append(float(drops[item]) > float(np.mean(others)))
        tally.beaten.append(float(np.mean([float(drops[item]) > other for other in others])))


def stability(
    store: GraphStore,
    live: Live,
    reasoner: Reasoner,
    who: Viewer,
    items: list[int],
    found: list[Explanation | None],
    rng: np.random.Generator,
    tally: Tally,
) -> None:
    met = {*who.history.tolist(), *items}
    stranger = next(item for item in rng.permutation(live.index.num_items).tolist() if item not in met)
    other = replace(who, history=np.append(who.history, np.int32(stranger)))
    for before, after in zip(found, reasoner.for_user(store, live, other, items), strict=True):
        if before is not None:
            tally.same.append(after is not None and after.text == before.text)
            liked = before.parameters.get("liked")
            tally.same_liked.append(after is not None and after.parameters.get("liked") == liked)


def report(users: int, tally: Tally, proved: list[bool]) -> None:
    given = len(tally.given)
    crowds = [one.parameters["people"] for one in tally.given if "people" in one.parameters]
    print(f"users {users}, items {tally.items}, reasons {given}")
    print(f"coverage {given / max(1, tally.items):.3f}")
    print(f"fidelity {np.mean(tally.faithful):.3f} of {len(tally.faithful)} reasons cost more than the mean of "
          f"{RANDOM} random others; {np.mean(tally.beaten):.3f} of single draws")  # fmt: skip
    print(f"stability {np.mean(tally.same):.3f} the same words, {np.mean(tally.same_liked):.3f} the same liking")
    print("kinds " + ", ".join(f"{kind} {count / given:.3f}" for kind, count in tally.kinds.most_common()))
    print(f"proofs {sum(proved)} of {len(proved)} run again hold")
    print(f"people: fewest told of {min(crowds, default=0)} (never below {FEWEST_PEOPLE})")
    for name, values in (("first", tally.first), ("again", tally.again), ("again, CPU", tally.cpu)):
        p50, p99 = np.percentile(values, (50, 99)) * 1e3
        print(f"{name}: p50 {p50:.1f} ms, p99 {p99:.1f} ms for {N} items")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.reasons", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--users", type=int, default=10_000, help="at most so many")
    parser.add_argument("--proofs", type=int, default=1_000_000, help="queries that are run again, at most")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


if __name__ == "__main__":
    main()
