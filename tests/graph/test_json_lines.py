"""JSON Lines from columns agree with a JSON encoder, row by row."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from graph.errors import InvalidData
from graph.json_lines import encode, lines

TEXTS = ["plain", 'q"uote', "back\\slash", "new\nline", "\x00\x1f\x7f", "日本語 👩‍👩‍👧", "", None]


def test_lines_are_what_an_encoder_writes() -> None:
    rows = pa.table({"text": TEXTS, "number": [1.0, 0.1, 1e300, -0.0, None, 5e-324, 3.0, 2.5], "n": list(range(8))})
    got = bytes(lines('{"@type":"vertex"', {"@from": pa.array(["#1:0"] * 8)}, rows)).decode().splitlines()
    for line, row in zip(got, rows.to_pylist(), strict=True):
        wanted = {"@type": "vertex", "@from": "#1:0", **{k: v for k, v in row.items() if v is not None}}
        found = json.loads(line)
        assert found == wanted
        assert isinstance(found.get("number", 0.0), float)


def test_a_slice_gives_its_own_rows() -> None:
    rows = pa.table({"id": [f"m:{n}" for n in range(10)]}).slice(4, 3)
    got = bytes(lines('{"@type":"vertex"', {}, rows)).decode().splitlines()
    assert [json.loads(line)["id"] for line in got] == ["m:4", "m:5", "m:6"]


def test_no_rows_and_no_columns() -> None:
    assert bytes(lines('{"a":1', {}, pa.table({"id": pa.array([], pa.string())}))) == b""
    only_ends = {"@from": pa.array(["#1:0", "#1:1"])}
    assert bytes(lines('{"a":1', only_ends, pa.table({}))) == b'{"a":1,"@from":"#1:0"}\n{"a":1,"@from":"#1:1"}\n'


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), 4), pa.large_list(pa.float32())])
def test_float32_vectors_come_back_exactly(kind: pa.DataType) -> None:
    vectors = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    column = pa.array(list(vectors), kind)
    back = np.array([json.loads(text) for text in encode(column).to_pylist()], np.float32)
    np.testing.assert_array_equal(back, vectors)


def test_booleans_integers_and_dictionaries() -> None:
    assert encode(pa.array([True, None, False])).to_pylist() == ["true", None, "false"]
    assert encode(pa.array([2**63 - 1, None, -1])).to_pylist() == ["9223372036854775807", None, "-1"]
    assert encode(pa.array(["a", None, 'b"']).dictionary_encode()).to_pylist() == ['"a"', None, '"b\\""']


def test_a_column_name_that_is_not_safe_is_refused() -> None:
    with pytest.raises(InvalidData):
        lines('{"a":1', {}, pa.table({'x":1,"y': [1]}))
