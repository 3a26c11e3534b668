from __future__ import annotations

from pathlib import Path

import pytest

from graph.errors import Unsupported
from tests.training.rerank.shops import write_shop
from training.compress import compress
from training.quantize import FORMS


def test_every_form_is_measured_beside_float32(tmp_path: Path) -> None:
    result = compress(write_shop(tmp_path / "shop"), model="ials")
    rows = {row["form"]: row for row in result.rows}
    assert set(rows) | set(result.skipped) == {"float32", *FORMS}
    assert set(result.skipped) == {"pq2", "pq4"}  # 90 users are fewer than centroids
    assert rows["float32"]["smaller"] == 1
    assert rows["float16"]["smaller"] == 2
    assert rows["float16"]["ndcg@10"] == pytest.approx(rows["float32"]["ndcg@10"], abs=0.01)
    assert rows["int8"]["difference"]["low"] <= rows["int8"]["difference"]["difference"]


def test_the_real_movies_lose_little_at_seven_times_smaller(data_root: Path) -> None:
    rows = {row["form"]: row for row in compress(data_root / "ml-100k", model="ials").rows}
    assert rows["int4"]["smaller"] > 7
    assert rows["int4"]["lost"] < 0.03


def test_a_model_without_factors(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="'ease' has no tables"):
        compress(write_shop(tmp_path / "shop"), model="ease")
