"""The full report of one evaluation: what is beside accuracy, for `bench --json`, MLflow and model cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.snapshot import Snapshot
from training.beyond import (
    attribute_vectors,
    calibration,
    categories_of,
    diversity,
    embedding_vectors,
    history_popularity,
    popularity,
    popularity_lift,
)
from training.evaluate import Evaluation
from training.groups import by_items, by_users, item_groups, user_groups
from training.metrics import TARGET
from training.prepare import Prepared
from training.resample import Groups, mean_with_interval

K = 10


def full_report(evaluation: Evaluation, prepared: Prepared, snapshot: Snapshot, *, k: int = K) -> Mapping[str, Any]:
    """Diversity, calibration, popularity bias, quality by group with gaps, and cost, of a ranking of the test part.

    Each mean has its 95% bootstrap interval over users. What the data does not allow (no embeddings, no categories) is
    left out. Popularity and activity are counted in the train part.
    """
    data, test = prepared.data, prepared.test
    rows = np.searchsorted(test.users, evaluation.users)
    relevant, histories = test.relevant[rows], test.histories.take(rows).matrix
    counts = np.bincount(data.matrix.indices, minlength=data.num_items)
    listed = popularity(evaluation.ranking, counts, data.num_users, k)
    chosen = history_popularity(histories, counts, data.num_users)
    groups = user_groups(evaluation.users, np.diff(data.histories.indptr)[evaluation.users], snapshot.user_properties)
    measure = TARGET if TARGET in evaluation.per_user else next(iter(evaluation.per_user))
    return {
        "k": k,
        "diversity": _diversity(evaluation.ranking, snapshot, k),
        "calibration": _calibration(evaluation.ranking, histories, snapshot, k),
        "popularity": {
            "lists": _interval(listed),
            "histories": _interval(chosen),
            "lift": popularity_lift(listed, chosen),
        },
        "users": _dicts(by_users(measure, evaluation.per_user[measure], groups, seed=data.seed)),
        "items": _dicts(by_items(evaluation.ranking, relevant, item_groups(counts), k, seed=data.seed)),
        "cost": dict(evaluation.cost),
    }


def flat(report: Mapping[str, Any]) -> dict[str, float]:
    """The report's single numbers by name, for MLflow: `diversity/text`, `gap/users/gender`, …"""
    found = {f"diversity/{name}": one["value"] for name, one in report["diversity"].items()}
    if report["calibration"]:
        found["calibration/kl"] = report["calibration"]["value"]
    found["popularity/lists"] = report["popularity"]["lists"]["value"]
    found["popularity/lift"] = report["popularity"]["lift"]
    for side in ("users", "items"):
        for name, one in report[side].items():
            if one["gap"] is not None:
                found[f"gap/{side}/{name}"] = one["gap"]["value"]
    found |= {f"cost/{name}": value for name, value in report["cost"].items()}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _interval(values: NDArray[np.float64]) -> dict[str, float]:
    value, low, high = mean_with_interval(values)
    return {"value": value, "low": low, "high": high, "users": int((~np.isnan(values)).sum())}


def _diversity(ranking: NDArray[np.int32], snapshot: Snapshot, k: int) -> dict[str, dict[str, float]]:
    found = {}
    attributes = attribute_vectors(snapshot)
    if attributes is not None:
        found["attributes"] = _interval(diversity(ranking, attributes, k))
    for name, table in sorted(snapshot.embeddings.items()):
        found[name] = _interval(diversity(ranking, embedding_vectors(table), k))
    return found


def _calibration(ranking: NDArray[np.int32], histories: Any, snapshot: Snapshot, k: int) -> dict[str, Any]:
    categories = categories_of(snapshot)
    if categories is None:
        return {}
    found = _interval(calibration(ranking, histories, categories, k))
    return {"relation": categories.relation, "categories": len(categories.names), **found}


def _dicts(groups: Mapping[str, Groups]) -> dict[str, Any]:
    return {name: asdict(one) for name, one in groups.items()}
