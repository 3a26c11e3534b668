"""Training beyond one process as a person asks for it: options, torchrun, Ray, and what is left after a kill."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from serving.cli.scale import CHECKPOINTS, checkpoints, open_team
from tests.serving.cli.conftest import Interlace
from tests.training.planted import planted_interactions
from training.plan import Plan
from training.scale.runtime import Scale

ROOT = Path(__file__).parents[3]
WORDS = ("--model", "lightgcn", "--set", "epochs=4", "--set", "embedding_size=16", "--no-embed", "--json")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    rows = planted_interactions()
    with (folder / "interactions.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("user", "item", "time"))
        out.writerows(zip(rows.user.tolist(), rows.item.tolist(), rows.time.tolist(), strict=True))
    return folder


def measures(found: dict[str, Any]) -> dict[str, float]:
    return {name: found["metrics"][name] for name in ("ndcg@10", "recall@10", "mrr@10")}


def test_processes_and_pieces_give_one_result(interlace: Interlace, shop: Path) -> None:
    one = interlace("bench", "top-n", shop, *WORDS, "--pieces", "2").json
    two = interlace("bench", "top-n", shop, *WORDS, "--processes", "2", "--refit").json
    assert two["validation"] == pytest.approx(one["validation"], abs=1e-3)
    assert interlace("bench", "top-n", shop, *WORDS, "--precision", "bf16").json["validation"] > 0.5 * one["validation"]


@pytest.mark.slow
def test_torchrun_gives_what_one_process_gives(interlace: Interlace, shop: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]  # any free port
    ran = subprocess.run(
        [*launcher, "-m", "serving.cli", "bench", "top-n", shop, *WORDS],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.count("\n") == 1, "the first process alone answers"
    one = interlace("bench", "top-n", shop, *WORDS).json
    assert measures(json.loads(ran.stdout)) == pytest.approx(measures(one), abs=1e-3)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("top-n", "--model", "ease", "--processes", "2"), "'ease' is not trained by 2 processes"),
        (("ctr", "--precision", "bf16"), "in the task 'ctr'"),
    ],
)
def test_what_cannot_be_is_refused(interlace: Interlace, shop: Path, words: tuple[str, ...], named: str) -> None:
    answer = interlace("bench", words[0], shop, *words[1:])
    assert answer.code == 2
    assert named in answer.err


def cut_off(home: Path, plan: Plan) -> Path:
    """The folder that a training which failed leaves, with one more file in it."""
    try:
        with checkpoints(home, "a" * 64, plan, resume=True) as folder:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / str(len(list(folder.iterdir())) + 1)).touch()
            raise KeyError("killed")
    except KeyError:
        return folder


def test_checkpoints_stay_until_the_training_is_done(tmp_path: Path) -> None:
    plan = Plan(model="sasrec", overrides={"epochs": 9})
    folder = cut_off(tmp_path, plan)
    again = cut_off(tmp_path, replace(plan, scale=Scale("bf16")))
    assert again == folder, "fits know their own bits; the folder is the plan's"
    assert sorted(one.name for one in folder.iterdir()) == ["1", "2"]
    with checkpoints(tmp_path, "a" * 64, replace(plan, seed=7), resume=True) as other:
        assert other != folder
    with checkpoints(tmp_path, "a" * 64, plan, resume=False) as anew:
        assert anew == folder
        assert not anew.exists()
    assert list((tmp_path / CHECKPOINTS).iterdir()) == []


def test_without_ray_it_says_so(interlace: Interlace, shop: Path) -> None:
    if find_spec("ray") is not None:
        pytest.skip("Ray is installed here")
    answer = interlace("bench", "top-n", shop, *WORDS, "--processes", "2", "--ray", "local")
    assert answer.code == 2
    assert "interlace[ray]" in json.loads(answer.out)["error"]["remedy"]


def test_one_process_needs_nobody() -> None:
    with open_team(1) as team:
        assert team is None
