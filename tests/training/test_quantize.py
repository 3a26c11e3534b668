from __future__ import annotations

import numpy as np
import pytest

from graph.errors import InvalidData, NotFound
from training.quantize import FORMS, pack

LARGEST_ERROR = {"float16": 0.0006, "int8": 0.006, "int6": 0.024, "int4": 0.1, "pq2": 0.1, "pq4": 0.3}
"""Root mean square error of normal numbers, relative to their spread."""


def table(rows: int = 2000, width: int = 32) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_rows_come_back_near_what_they_were(form: str) -> None:
    whole = table()
    packed = pack(whole, form)
    found = packed.unpack()
    assert (found.dtype, found.shape) == (np.float32, whole.shape)
    assert np.sqrt(np.mean((found - whole) ** 2)) < LARGEST_ERROR[form]
    np.testing.assert_array_equal(pack(whole, form).unpack(), found)


@pytest.mark.parametrize(
    ("form", "times"), [("float16", 2), ("int8", 3.7), ("int6", 4.8), ("int4", 7), ("pq2", 5), ("pq4", 7)]
)
def test_bytes_are_fewer(form: str, times: float) -> None:
    whole = table(4000, 64)
    assert whole.nbytes / pack(whole, form).nbytes >= times


@pytest.mark.parametrize("form", ["int8", "int6", "int4"])
def test_rows_of_any_size_keep_their_own_steps(form: str) -> None:
    whole = table(6, 9) * np.float32([1e-3, 1, 1e3, 0, 1, 1])[:, None]
    found = pack(whole, form).unpack()
    assert not found[3].any()
    scale = np.abs(whole).max(axis=1, keepdims=True)
    assert (np.abs(found - whole) <= scale * {"int8": 0.004, "int6": 0.0165, "int4": 0.072}[form]).all()


def test_a_small_table_has_no_centroids() -> None:
    with pytest.raises(InvalidData, match="centroids"):
        pack(table(200), "pq2")
    with pytest.raises(InvalidData, match="33"):
        pack(table(300, 33), "pq2")


def test_what_cannot_be_packed_is_named() -> None:
    with pytest.raises(NotFound, match="int3"):
        pack(table(), "int3")
    broken = table()
    broken[3, 4] = np.nan
    with pytest.raises(InvalidData, match="not finite"):
        pack(broken, "int8")
