"""LambdaMART: gradient-boosted trees whose gradients are pairwise, weighed by what a swap changes in ndcg.

Burges 2010, «From RankNet to LambdaRank to LambdaMART: An Overview»; the trees are LightGBM's (Ke et al. 2017), an
extra of this package. Reads `training.rerank.features`, learns by `training.rerank.cross_fit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.errors import Unsupported
from training.rerank.features import ItemFacts, feature_names, features
from training.rerank.pool import LIST, Pool, within


@dataclass(frozen=True)
class LambdaMARTConfig:
    """`leaves` of a tree, `least` candidates in one; at most `rounds` of boosting, `patience` of them without gain.

    Boosting starts from `start` times the first stage's score, standardised within a user's candidates.
    """

    leaves: int = 7
    least: int = 100
    learning_rate: float = 0.05
    regularization: float = 5.0
    rounds: int = 400
    patience: int = 40
    start: float = 0.5
    seed: int = 42


GRID = (LambdaMARTConfig(), LambdaMARTConfig(leaves=15), LambdaMARTConfig(leaves=4, learning_rate=0.03))
"""What validation chooses from."""


class LambdaMART:
    """Trees over candidates' features; `fit` stops by other users, `score` gives (users, n)."""

    def __init__(self, config: LambdaMARTConfig, facts: ItemFacts) -> None:
        self.config = config
        self.facts = facts
        self._booster: Any = None
        self._names: tuple[str, ...] = ()

    def fit(self, train: Pool, stop: Pool) -> LambdaMART:
        """Learns from `train`, keeps the round best in ndcg@10 on `stop`. Raises `Unsupported` without LightGBM."""
        lightgbm = import_lightgbm()
        self._names = feature_names(train, self.facts)
        parts = [lightgbm.Dataset(**self._rows(pool)) for pool in (train, stop)]
        parts[1].set_reference(parts[0])
        self._booster = lightgbm.train(
            self._parameters(),
            parts[0],
            self.config.rounds,
            valid_sets=[parts[1]],
            callbacks=[lightgbm.early_stopping(self.config.patience, verbose=False)],
        )
        return self

    def fit_new(self, train: Pool, stop: Pool) -> LambdaMART:
        """A further one of the same settings, fitted: one for each fold."""
        return LambdaMART(self.config, self.facts).fit(train, stop)

    def score(self, pool: Pool) -> NDArray[np.float32]:
        """(users, n) the first stage's score and the trees' sum; 0 where there is no candidate."""
        flat = features(pool, self.facts)[pool.there]
        found = np.zeros(pool.items.shape, np.float32)
        if len(flat):
            found[pool.there] = self._booster.predict(flat) + self._start(pool)
        return found

    @property
    def importance(self) -> Mapping[str, float]:
        """Share of all gain that each feature brought, greatest first."""
        gains = self._booster.feature_importance("gain")
        order = np.argsort(-gains, kind="stable")
        return {self._names[place]: float(gains[place] / max(gains.sum(), 1e-12)) for place in order}

    def _rows(self, pool: Pool) -> dict[str, NDArray[np.generic]]:
        """Features, labels, how many rows each user has, and where boosting starts."""
        there = pool.there
        sizes = there.sum(1)
        labels = pool.relevant[there].astype(np.int32)
        rows = {"data": features(pool, self.facts)[there], "label": labels, "group": sizes[sizes > 0]}
        return {**rows, "init_score": self._start(pool)}

    def _start(self, pool: Pool) -> NDArray[np.float64]:
        """(candidates,) the first stage's score within each user's: what the trees have to mend, not to find again."""
        return self.config.start * within(pool.scores, pool.there)[pool.there]

    def _parameters(self) -> dict[str, Any]:
        config = self.config
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [LIST],
            "lambdarank_truncation_level": 2 * LIST,
            "num_leaves": config.leaves,
            "min_data_in_leaf": config.least,
            "learning_rate": config.learning_rate,
            "lambda_l2": config.regularization,
            "seed": config.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


def import_lightgbm() -> Any:
    """The library; raises `Unsupported` where the extra is not installed."""
    try:
        import lightgbm
    except (ImportError, OSError) as error:  # OSError: no OpenMP library on this machine
        raise Unsupported(
            f"lambdamart needs LightGBM, and it cannot be imported: {error}",
            valid="an installation with the extra: pip install 'interlace[lightgbm]'",
            remedy="install it, or leave lambdamart out of --ways",
        ) from error
    return lightgbm
