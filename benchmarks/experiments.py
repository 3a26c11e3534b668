"""What the always-valid tests cost and find, how sensitive interleaving is, and what an exposure costs an answer.

    python -m benchmarks.experiments                     # all of it: some minutes on one core
    python -m benchmarks.experiments --rounds 300        # fewer simulated experiments

`peeking`: experiments without a difference, looked at 60 times; the share that ever finds one, by the usual z-test and
by the confidence sequence, at several rates and numbers of users. `power`: experiments of the size that the calculator
says, the share that finds the difference and the users it took, beside the fixed size. `interleaving`: two rankers of
which one has half as much noise again, clicks simulated by position; the users that 80% power needs by interleaving and
by an A/B test of clicks. `exposure`: microseconds that the log costs an answer. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.experiments import Arm, Experiment
from serving.exposures import Exposure, ExposureLog, ExposureWriter
from serving.interleave import team_draft
from training.online.design import Question, size
from training.online.sequential import EXPECTED, LEAST, half_width, rho_for

ALPHA, LOOKS, Z95, Z80 = 0.05, 60, 1.96, 0.8416
CATALOGUE, SHOWN, ANSWERS = 40, 10, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    result: dict[str, Any] = {
        "rounds": options.rounds,
        "peeking": [peeking(rng, rate, users, options.rounds) for rate in (0.02, 0.1) for users in (5_000, 40_000)],
        "power": [power(rng, rate, 0.2, options.rounds // 4) for rate in (0.05, 0.1)],
        "interleaving": [interleaving(options.seed, noise) for noise in (4.0, 8.0)],
        "exposure": exposure(),
    }
    print(json.dumps(result))


def looked_at(
    rng: np.random.Generator, rates: tuple[float, float], users: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """One experiment: users, estimate and standard error at each look. Binomial steps: no user is drawn alone."""
    looks = np.unique(np.geomspace(4 * LEAST, users, LOOKS).astype(int))
    steps = np.diff(looks, prepend=0)
    treated = rng.binomial(steps, 0.5)
    hits = [np.cumsum(rng.binomial(n, rate)) for n, rate in ((steps - treated, rates[0]), (treated, rates[1]))]
    sizes = [np.cumsum(steps - treated), np.cumsum(treated)]
    p0, p1 = (hit / n for hit, n in zip(hits, sizes, strict=True))
    spread = np.sqrt(np.maximum(1e-18, p0 * (1 - p0) / sizes[0] + p1 * (1 - p1) / sizes[1]))
    return looks.astype(np.float64), p1 - p0, spread


def peeking(rng: np.random.Generator, rate: float, users: int, rounds: int) -> dict[str, float]:
    rho = rho_for(EXPECTED, ALPHA)
    usual = always = last = 0
    for _ in range(rounds):
        t, estimate, spread = looked_at(rng, (rate, rate), users)
        beyond = np.abs(estimate) > Z95 * spread
        usual, last = usual + bool(beyond.any()), last + bool(beyond[-1])
        always += bool((np.abs(estimate) > half_width(t, spread, ALPHA, rho)).any())
    return {"rate": rate, "users": users, "z_test_peeked": usual / rounds, "z_test_once": last / rounds,
            "sequence_peeked": always / rounds}  # fmt: skip


def power(rng: np.random.Generator, rate: float, lift: float, rounds: int) -> dict[str, float]:
    needed = size(Question(rate, lift))
    users = 2 * needed.sequential
    rho = rho_for(users, ALPHA)
    stopped = []
    for _ in range(rounds):
        t, estimate, spread = looked_at(rng, (rate, rate * (1 + lift)), users)
        beyond = np.flatnonzero(estimate > half_width(t, spread, ALPHA, rho))
        stopped.append(float(t[beyond[0]]) if len(beyond) else np.inf)
    found = np.array(stopped)
    usual = float(np.mean(np.where(np.isfinite(found), found, users)))
    return {"rate": rate, "lift": lift, "fixed_users": 2 * needed.fixed, "sequential_users": users,
            "power": float(np.isfinite(found).mean()), "mean_users_until_stopped": usual}  # fmt: skip


def interleaving(seed: int, noise: float, requests: int = 30_000) -> dict[str, float]:
    """One ranker orders by appeal with noise, the other with half as much again. Users ask five times each; how readily
    they click differs by user (gamma, shape 1/2): that varies the arms of an A/B test, and neither team of a draft.
    """
    rng, coin = np.random.default_rng(seed), Random(seed)  # noqa: S311  fair, not secret
    appeal = 0.2 * (1 - np.arange(CATALOGUE) / CATALOGUE)
    eyes = 1 / np.log2(np.arange(SHOWN) + 2)
    eager = np.repeat(rng.gamma(0.5, 2.0, requests // ANSWERS), ANSWERS)[:, None]
    worse, better = (np.argsort(np.arange(CATALOGUE) + rng.normal(0, deviation, (requests, CATALOGUE)), 1)[:, :SHOWN]
                     for deviation in (1.5 * noise, noise))  # fmt: skip
    chances = [np.minimum(1, appeal[ranking] * eyes * eager) for ranking in (worse, better)]
    by_user = [(rng.random(part.shape) < part).sum(1).reshape(-1, ANSWERS).sum(1) for part in chances]
    won = np.empty(requests)
    for row in range(requests):
        items, teams = team_draft(worse[row].tolist(), better[row].tolist(), SHOWN, coin)
        hit = rng.random(SHOWN) < appeal[items] * eyes * eager[row]
        team = np.array(teams)
        won[row] = np.sign((hit & (team == 1)).sum() - (hit & (team == 0)).sum())
    wins = won.reshape(-1, ANSWERS).sum(1)
    before, after = (float(part.sum(1).mean()) for part in chances)
    factor = (Z95 + Z80) ** 2
    variance = float(sum(part.var() for part in by_user))
    by_clicks = 2 * factor * variance / (ANSWERS * (after - before)) ** 2  # two arms
    by_draft = float(factor * wins.var() / wins.mean() ** 2)
    return {"noise": noise, "clicks_an_answer": before, "lift": after / before - 1, "users_ab": by_clicks,
            "users_interleaved": by_draft, "times_fewer": by_clicks / by_draft}  # fmt: skip


def exposure(count: int = 20_000) -> dict[str, float]:
    experiment = Experiment("one", (Arm("a"), Arm("b")))
    items = [f"shop:{place}" for place in range(10)]
    with tempfile.TemporaryDirectory() as folder:
        writer = ExposureWriter(ExposureLog(Path(folder)), days=90)
        began = time.perf_counter()
        for number in range(count):
            arm = experiment.arm_of(f"shop:{number}")
            assert arm is not None
            writer.add(Exposure(f"{number}", f"shop:{number}", 1, "v", {"one": arm.name}, items))
        added = time.perf_counter() - began
        writer.close()
        whole = time.perf_counter() - began
        size_bytes = sum(path.stat().st_size for path in Path(folder).iterdir())
    return {"answers": count, "us_in_the_answer": 1e6 * added / count, "us_with_the_write": 1e6 * whole / count,
            "bytes": size_bytes / count}  # fmt: skip


if __name__ == "__main__":
    main()
