from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graph.errors import NotFound
from tests.training.rerank.shops import write_shop
from training.distill import distill
from training.model_files import load, read_card
from training.models.distilled import DistilledConfig


def test_the_student_is_measured_beside_its_teacher_and_kept(tmp_path: Path) -> None:
    config = DistilledConfig("ease+item-knn", embedding_size=4, epochs=5)
    result = distill(write_shop(tmp_path / "shop"), config=config, keep=tmp_path / "kept")
    teacher, student = result.rows
    assert (teacher["model"], student["model"]) == ("auto", "distilled")
    assert student["bytes"] == 4 * (4 * (result.users + 2 * result.items) + 1)
    assert student["smaller"] == pytest.approx(teacher["bytes"] / student["bytes"], abs=0.01)
    assert student["difference"]["low"] <= student["difference"]["difference"]
    assert read_card(tmp_path / "kept").validation == pytest.approx(student["ndcg@10"], abs=1e-5)
    assert np.asarray(load(tmp_path / "kept").state()["users"]).shape == (result.users, 4)


def test_on_the_real_movies_a_seventeenth_ranks_as_well(data_root: Path) -> None:
    teacher, student = distill(data_root / "ml-100k", config=DistilledConfig(epochs=10)).rows
    assert student["smaller"] > 10
    assert student["lost"] < 0.05
    assert teacher["ndcg@10"] > 0.1


def test_a_teacher_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nobody"):
        distill(write_shop(tmp_path / "shop"), config=DistilledConfig("nobody"))
