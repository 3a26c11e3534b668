"""New items and new people against the served product: how soon, how well, and what it is worth to ask.

    python -m benchmarks.newcomers arrival FOLDER [--seed 11] [--model ease] [--workers 2]
    python -m benchmarks.newcomers people FOLDER [--seed 1]

FOLDER is a data set as `interlace bench cold-item` reads it, with texts and pictures. `arrival` publishes an index of a
catalogue without a fifth of its items, serves it, puts these items over HTTP, and measures: milliseconds until a put is
answered; until every worker shows the item, finds it and ranks it; and the recall of the lists, only new items ranked
and likes from 4 up, beside the same after a full retraining that has the new items in its catalogue, and beside the
content model of `bench cold-item`. `people` holds out a fifth of the users: half of each one's likes say what they
choose, the other half is what is to be found (and, where they are asked about it, not chosen yet); by which items they
were asked about, by a sentence or a picture, and by their profile. Prints one JSON object a line.
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from encoders.encode import embed_folder
from graph.consent import Defaults
from graph.snapshot import Snapshot
from graph.snapshot_read import read_folder
from serving.candidates import all_scores
from serving.index import Index, ModelInfo, open_index
from serving.live import Live
from serving.live_holder import open_live
from serving.newcomers import Asked, Newcomer, for_newcomer
from serving.publish import publish
from training.covariance import covariance
from training.data import UserBatch
from training.evaluate import evaluate
from training.onboarding import onboarding
from training.split import positives
from training.tasks import find_task, task_data
from training.train import everything
from training.zoo import find

LIKES = 4.0
WATCHED = 12
"""New items whose way to every worker is watched."""
ASKED = (5, 10, 20, 40)


@dataclass(frozen=True)
class Fixed:
    """Scores that are known, as a model that the evaluation can ask."""

    scores: NDArray[np.float32]
    name: str = "fixed"

    def score(self, users: UserBatch) -> NDArray[np.float32]:
        return self.scores[users.index]


def arrival(folder: Path, home: Path, seed: int, model: str, workers: int) -> None:
    """See above."""
    read = read_folder(folder)
    prepared = task_data(find_task("cold-item"), read, min_value=LIKES, seed=seed).prepared
    only = prepared.test.only
    assert only is not None
    cold = [read.snapshot.items.ids[place] for place in np.flatnonzero(only).tolist()]
    natives = {name.partition(":")[2] for name in cold}
    before, after = (_reduced(folder, home / part, natives, items=part == "after") for part in ("before", "after"))
    cache = home / "vectors"
    _publish(before, home / "served", cache, model)
    with _server(home / "served", workers) as address:
        told = put_all(address, folder, read.snapshot, cold)
        print(json.dumps({"arrival": len(cold), "workers": workers, **told}), flush=True)
    _publish(after, home / "retrained", cache, model)
    content = find("ridge-fused")
    whole = read.snapshot.with_embeddings(embed_folder(read.snapshot, folder, home=cache))
    fair = task_data(find_task("cold-item"), replace(read, snapshot=whole), min_value=LIKES, seed=seed).prepared
    ridge = content.build(content.config()).fit(fair.everything)
    users = np.arange(len(read.snapshot.users))
    found = {
        "at once": _scores(read.snapshot, open_live(home / "served", Defaults())),
        "after retraining": _scores(read.snapshot, Live(open_index(home / "retrained"))),
        "ridge-fused": np.asarray(ridge.score(UserBatch(users, fair.everything.histories)), np.float32),
    }
    metrics = {name: evaluate(Fixed(one), fair.test, ks=(10, 20)).metrics for name, one in found.items()}
    for name, one in metrics.items():
        print(json.dumps({"lists": name, "seed": seed, "recall@20": one["recall@20"], "ndcg@10": one["ndcg@10"]}))
    share = metrics["at once"]["recall@20"] / metrics["after retraining"]["recall@20"]
    print(json.dumps({"seed": seed, "recall at once over recall after retraining": share}))


def _reduced(folder: Path, target: Path, cold: set[str], *, items: bool) -> Path:
    """A copy of the data set without interactions of the cold items; without `items`, without these themselves."""
    target.mkdir(parents=True)
    (target / "posters").symlink_to((folder / "posters").resolve())
    entities = {row["entity"] for row in _rows(folder / "links.csv") if row["item"] in cold}
    drop = {
        "interactions.csv": lambda row: row["item"] in cold,
        "items.csv": lambda row: not items and row["item"] in cold,
        "links.csv": lambda row: not items and row["item"] in cold,
        "triples.csv": lambda row: not items and bool(entities & {row["head"], row["tail"]}),
        "users.csv": lambda row: False,  # noqa: ARG005  one signature for all
    }
    for name, gone in drop.items():
        if (folder / name).is_file():
            rows = _rows(folder / name)
            with (target / name).open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(row for row in rows if not gone(row))
    return target


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _publish(folder: Path, home: Path, cache: Path, name: str) -> None:
    snapshot = read_folder(folder).snapshot
    snapshot = snapshot.with_embeddings(embed_folder(snapshot, folder, home=cache))
    data = everything(snapshot, LIKES)
    fitted = find(name).build().fit(data)
    publish(snapshot, fitted, home=home, model=ModelInfo(name, "1"), histories=data.histories)


@contextmanager
def _server(home: Path, workers: int) -> Iterator[str]:
    environment = {**os.environ, "INTERLACE_HOME": str(home), "INTERLACE_PORT": "0",
                   "INTERLACE_WORKERS": str(workers)}  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "serving.run"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().rpartition(" ")[2].strip()
        try:
            _until(lambda: httpx.get(f"{address}/v1/ready").status_code == 200, 60)
            both = {"text": "a", "image": _dot(), "n": 1}
            _until(lambda: httpx.post(f"{address}/v1/search", json=both, timeout=60).status_code == 200, 120)
            yield address
        finally:
            process.terminate()


def _dot() -> str:
    """A picture, so that both encoders are loaded before the clock runs."""
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def _until(true: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server did not come up")


def put_all(address: str, folder: Path, snapshot: Snapshot, cold: Sequence[str]) -> dict[str, Any]:
    """Puts every new item; returns milliseconds: of the puts, and until every worker shows, finds and ranks an item."""
    rows = {f"data:{row['item']}": row for row in _rows(folder / "items.csv")}
    joined = _joined(snapshot)
    user = snapshot.users.ids[0]
    puts, seen = [], []
    for place, item in enumerate(cold):
        body = _body(rows[item], folder, joined[item])
        begun = time.perf_counter()
        answer = httpx.put(f"{address}/v1/items/{quote(item, safe='')}", json=body, timeout=60)
        puts.append(1000 * (time.perf_counter() - begun))
        if answer.status_code != 200:
            raise SystemExit(f"{item}: {answer.status_code} {answer.text}")
        if place < WATCHED:
            seen.append(1000 * (_everywhere(address, item, rows[item]["title"], user) - begun))
    return {"put_ms_median": statistics.median(puts), "put_ms_p95": float(np.percentile(puts, 95)),
            "everywhere_ms_median": statistics.median(seen), "everywhere_ms_worst": max(seen)}  # fmt: skip


def _everywhere(address: str, item: str, title: str, user: str) -> float:
    """When the item was known: answers to eight fresh connections in a row, spread over the workers by the kernel, know
    it from then on.
    """
    agreed, since = 0, 0.0
    while agreed < 8:
        with httpx.Client(base_url=address, timeout=30) as client:  # a connection of its own
            shown = client.get(f"/v1/items/{quote(item, safe='')}").status_code == 200
            named = client.get("/v1/items", params={"query": title, "limit": 50}).json()["items"]
            ranked = client.get(f"/v1/users/{quote(user, safe='')}/recommendations?n=10").status_code == 200
        known = shown and ranked and any(one["id"] == item for one in named)
        since = time.perf_counter() if known and not agreed else since
        agreed = agreed + 1 if known else 0
    return since


def _joined(snapshot: Snapshot) -> Mapping[str, list[tuple[str, str, bool]]]:
    """Item -> (relation, entity, whether the entity points at it), of entities that have a code alone."""
    items, found = len(snapshot.items), defaultdict(list)
    triples = snapshot.triples
    for head, relation, tail in zip(
        triples.head.tolist(), triples.relation.tolist(), triples.tail.tolist(), strict=True
    ):
        item, entity, inverse = (head, tail, False) if head < items else (tail, head, True)
        if item < items <= entity and snapshot.entities.ids[entity - items].startswith("Entity:"):
            name = snapshot.entities.ids[entity - items].partition(":")[2]
            found[snapshot.items.ids[item]].append((snapshot.relations[relation], name, inverse))
    return found


def _body(row: Mapping[str, str], folder: Path, joined: Sequence[tuple[str, str, bool]]) -> dict[str, Any]:
    body: dict[str, Any] = {"title": row["title"], "kind": row["kind"], "text": row["text"] or None}
    body["year"] = int(row["year"]) if row["year"] else None
    picture = folder / row["image"] if row["image"] else None
    if picture is not None and picture.is_file():
        body["image"] = base64.b64encode(picture.read_bytes()).decode()
    body["attributes"] = {"Genre": [name for name in row["Genre[]"].split("|") if name]}
    body["relations"] = [{"relation": one, "label": "Entity", "id": name, "inverse": way} for one, name, way in joined]
    return body


def _scores(snapshot: Snapshot, live: Live) -> NDArray[np.float32]:
    """(users, items) by the positions of `snapshot`; -inf where the served catalogue has no such item."""
    places = np.array([live.find(name) for name in snapshot.items.ids])
    scores = np.full((len(snapshot.users), len(places)), -np.inf, np.float32)
    for row, name in enumerate(snapshot.users.ids):
        user = live.index.user_ids.find(name.encode())
        history = live.index.known[user] if user >= 0 else np.empty(0, np.int32)
        found = all_scores(live, user, history)
        scores[row] = np.where(places >= 0, found[places], -np.inf)
    return scores


def people(folder: Path, home: Path, seed: int) -> None:
    """See above."""
    read = read_folder(folder)
    snapshot = read.snapshot.with_embeddings(embed_folder(read.snapshot, folder, home=home / "vectors"))
    rng = np.random.default_rng(seed)
    held = np.zeros(len(snapshot.users), np.bool_)
    held[rng.permutation(len(held))[: len(held) // 5]] = True
    rows = snapshot.interactions
    known = replace(snapshot, interactions=rows.take(~held[rows.user]))
    data = everything(known, LIKES)
    publish(known, find("ease").build().fit(data), home=home, model=ModelInfo("ease", "1"), histories=data.histories)
    index = open_index(home)
    likes = rows.take(positives(rows, LIKES) & held[rows.user])
    halves = {}
    for user in np.flatnonzero(held).tolist():
        liked = rng.permutation(likes.item[likes.user == user])
        if len(liked) >= 6:
            halves[user] = liked[: len(liked) // 2], liked[len(liked) // 2 :]
    print(json.dumps({"newcomers": len(halves), "seed": seed}))
    _ask(index, data.matrix, halves, rng)
    _tell(index, snapshot, halves)


def _ask(index: Index, matrix: Any, halves: Mapping[int, tuple[Any, Any]], rng: np.random.Generator) -> None:
    some = rng.permutation(index.num_items)
    share = np.asarray(matrix.mean(0)).ravel()
    entropy = np.argsort(-(share * np.log(np.maximum(share, 1e-9)) * -1), kind="stable")
    ways = {
        "onboarding": onboarding(matrix, max(ASKED)),
        "onboarding by likings": covariance(matrix).order(max(ASKED)),
        "popular": index.popular,
        "popularity x entropy": entropy,
        "at random": some,
    }
    for name, order in ways.items():
        for n in ASKED:
            asked = set(order[:n].tolist())
            alone, both = [], []
            for mine, target in halves.values():
                chosen = [one for one in mine.tolist() if one in asked]
                left = tuple(index.item_ids[one].decode() for one in sorted(asked - set(chosen)))
                alone.append(_gain(index, mine, target, chosen))
                both.append(_gain(index, mine, target, chosen, left=left))
            told = {"ndcg@10": float(np.mean(alone)), "with what was left": float(np.mean(both))}
            print(json.dumps({"asked": name, "items": n, **told}), flush=True)


def _tell(index: Index, snapshot: Snapshot, halves: Mapping[int, tuple[Any, Any]]) -> None:
    """By what they say: nothing, a profile, the text or the picture of a film they like, and all of it."""
    properties = snapshot.user_properties
    ways: dict[str, list[float]] = defaultdict(list)
    for user, (mine, target) in halves.items():
        profile = {name: properties.column(name)[user].as_py() for name in properties.column_names}
        said = {name: np.asarray(table.unit[mine[0]]) for name, table in index.vectors.items()
                if table.present[mine[0]]}  # fmt: skip
        words = {name: one for name, one in said.items() if name == "text"}
        one = [int(mine[0])]
        ways["nothing"].append(_gain(index, mine, target, []))
        ways["profile"].append(_gain(index, mine, target, [], profile=profile))
        ways["words"].append(_gain(index, mine, target, [], vectors=words))
        ways["words and picture"].append(_gain(index, mine, target, [], vectors=said))
        ways["words, picture, profile"].append(_gain(index, mine, target, [], vectors=said, profile=profile))
        ways["one item"].append(_gain(index, mine, target, one))
        ways["one item and profile"].append(_gain(index, mine, target, one, profile=profile))
    for name, found in ways.items():
        print(json.dumps({"told": name, "ndcg@10": float(np.mean(found))}), flush=True)


def _gain(index: Index, mine: Any, target: Any, chosen: list[int], **told: Any) -> float:
    """NDCG@10 of the targets, with all of the newcomer's own half left out of the ranking."""
    live = Live(index)
    names = tuple(live.id(place) for place in chosen)
    left_out = tuple(live.id(place) for place in mine.tolist())
    found = for_newcomer(live, Newcomer(names, **told), Asked(10, left_out)).items
    hits = np.isin(found, target) / np.log2(np.arange(2, len(found) + 2))
    return float(hits.sum() / (1 / np.log2(np.arange(2, min(10, len(target)) + 2))).sum())


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("arrival", "people"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="ease")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        if options.what == "arrival":
            arrival(options.folder, Path(home), options.seed, options.model, options.workers)
        else:
            people(options.folder, Path(home), options.seed)


if __name__ == "__main__":
    main()
