"""Logs with a known truth: users who are shown items, click, buy and come back as they are told to."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from graph.schema import KINDS
from training.online.log import Log, encode
from training.online.tallies import DAY

ACTS = pa.schema(
    {"user": pa.string(), "item": pa.string(), "kind": pa.int64(), "value": pa.float64(), "at": pa.int64()}
)
SHOWN = pa.schema({
    "answer": pa.int64(), "user": pa.string(), "item": pa.string(), "at": pa.int64(), "rank": pa.int64(),
    "model": pa.string(), "arms": pa.string(), "propensity": pa.float64(), "team": pa.int64(),
})  # fmt: skip


def act(user: str, item: str, kind: str, at: int, value: float | None = None) -> dict[str, object]:
    return {"user": user, "item": item, "kind": KINDS.index(kind), "value": value, "at": at}


def shown(
    user: str, item: str, at: int, *, answer: int = 0, rank: int = 1, model: str = "m1", team: int = -1,
    arms: dict[str, str] | None = None, propensity: float | None = None,
) -> dict[str, object]:  # fmt: skip
    return {"answer": answer, "user": user, "item": item, "at": at, "rank": rank, "model": model,
            "arms": json.dumps(arms or {}), "propensity": propensity, "team": team}  # fmt: skip


def log(acts: Sequence[dict[str, object]], impressions: Sequence[dict[str, object]], end: int = 1000 * DAY) -> Log:
    return encode(pa.Table.from_pylist(list(acts), ACTS), pa.Table.from_pylist(list(impressions), SHOWN), end)


def trial(
    users: int, rates: Sequence[float], *, seed: int, answers: int = 4, name: str = "t", past: float = 0.0,
    weights: Sequence[float] | None = None,
) -> Log:  # fmt: skip
    """Users who come one after the other, `answers` items each, clicked at their arm's rate; users differ (a factor of
    mean 1). `past`: how many impressions each had before, at the control's rate times their factor.
    """
    rng = np.random.default_rng(seed)
    arm = rng.choice(len(rates), users, p=weights)
    factor = rng.gamma(4.0, 0.25, users)
    entry = 10 * DAY + np.arange(users) * 60
    count = rng.poisson(answers - 1, users) + 1
    user = np.repeat(np.arange(users), count)
    chance = np.minimum(1, np.asarray(rates)[arm] * factor)[user]
    at = entry[user] + rng.integers(0, DAY // 2, len(user))
    first = np.unique(user, return_index=True)[1]
    at[first] = entry
    clicked = rng.random(len(user)) < chance
    texts = np.array(
        [json.dumps({name: label}) for label in ("control", *(f"arm{one}" for one in range(1, len(rates))))]
    )
    before = np.repeat(np.arange(users), int(past)) if past else np.empty(0, np.int64)
    old_at = entry[before] - 3600 - rng.integers(0, DAY // 2, len(before))
    old_clicked = rng.random(len(before)) < np.minimum(1, rates[0] * factor)[before]
    all_user, all_at = np.concatenate([user, before]), np.concatenate([at, old_at])
    all_arm = np.concatenate([texts[arm[user]], np.full(len(before), "{}")])
    items = np.arange(len(all_user)) % 997
    hit = np.concatenate([clicked, old_clicked])
    names = pa.array([f"u{one}" for one in range(users)])
    item_names = pa.array([f"i{one}" for one in range(997)])
    rows = pa.table({
        "answer": np.arange(len(all_user)), "user": names.take(pa.array(all_user)),
        "item": item_names.take(pa.array(items)), "at": all_at, "rank": np.ones(len(all_user), np.int64),
        "model": pa.array(["m"] * len(all_user)), "arms": pa.array(all_arm.tolist()),
        "propensity": pa.nulls(len(all_user), pa.float64()), "team": np.full(len(all_user), -1),
    })  # fmt: skip
    acts = pa.table({
        "user": names.take(pa.array(all_user[hit])), "item": item_names.take(pa.array(items[hit])),
        "kind": np.full(int(hit.sum()), KINDS.index("clicked")), "value": pa.nulls(int(hit.sum()), pa.float64()),
        "at": all_at[hit] + 5,
    })  # fmt: skip
    return encode(acts, rows, int(entry[-1]) + 30 * DAY)
