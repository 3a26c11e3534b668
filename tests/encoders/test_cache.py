from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from encoders.cache import VectorCache, content_key
from graph.errors import Conflict, InvalidData

WRITER = """
import sys
import numpy as np
from pathlib import Path
from encoders.cache import VectorCache, content_key
with VectorCache(Path(sys.argv[1])) as cache:
    for batch in range(int(sys.argv[3])):
        keys = [content_key(f"{sys.argv[2]} {batch} {place}") for place in range(50)]
        cache.put("e", "1", {key: np.full(64, batch, dtype=np.float32) for key in keys})
        print(batch, flush=True)
"""


def keys(count: int) -> list[bytes]:
    return [content_key(str(number)) for number in range(count)]


def vectors(count: int, dim: int = 8) -> dict[bytes, np.ndarray]:
    drawn = np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)
    return dict(zip(keys(count), drawn, strict=True))


def test_what_is_put_is_got_by_a_later_process(tmp_path: Path) -> None:
    known = vectors(1_234)
    with VectorCache(tmp_path / "deep" / "cache") as cache:
        cache.put("e", "1", known)
    with VectorCache(tmp_path / "deep" / "cache") as cache:
        found = cache.get("e", "1", [*keys(1_234), content_key("unknown")])
    assert found.keys() == known.keys()
    assert all((found[key] == known[key]).all() for key in known)


def test_encoders_and_versions_are_apart(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "cache") as cache:
        cache.put("e", "1", vectors(3))
        assert cache.get("e", "2", keys(3)) == {}
        assert cache.get("f", "1", keys(3)) == {}


def test_a_vector_never_changes(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "cache") as cache:
        cache.put("e", "1", vectors(2))
        cache.put("e", "1", {key: vector + 1 for key, vector in vectors(3).items()})
        found = cache.get("e", "1", keys(3))
    assert [(found[key] == vector).all() for key, vector in vectors(3).items()] == [True, True, False]


def test_memory_only() -> None:
    with VectorCache(None) as cache:
        cache.put("e", "1", vectors(3))
        assert len(cache.get("e", "1", keys(3))) == 3


def test_a_killed_writer_leaves_whole_batches(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), "a", "100000"], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(20)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout.read().split()]
    writer.stdout.close()
    writer.wait()
    with VectorCache(file) as cache:
        for batch in acknowledged:
            found = cache.get("e", "1", [content_key(f"a {batch} {place}") for place in range(50)])
            assert len(found) == 50
            assert all((vector == batch).all() for vector in found.values())
        cache.put("e", "1", vectors(1, 64))


def test_several_processes_at_once(tmp_path: Path) -> None:
    file = tmp_path / "cache"
    command = [sys.executable, "-c", WRITER, str(file)]
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: subprocess.run([*command, name, "40"], check=True, stdout=-3), "abc"))
    assert [one.returncode for one in done] == [0, 0, 0]
    wanted = [content_key(f"{name} {batch} {place}") for name in "abc" for batch in range(40) for place in range(50)]
    with VectorCache(file) as cache:
        assert len(cache.get("e", "1", wanted)) == len(wanted)


def test_another_process_holds_it_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoders.cache_file.BUSY_SECONDS", 0.05)
    with VectorCache(tmp_path / "cache") as cache:
        other = sqlite3.connect(tmp_path / "cache", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        with pytest.raises(Conflict, match="locked"):
            cache.put("e", "1", vectors(1))
        assert time.monotonic() - begun < 5
        other.execute("ROLLBACK")
        other.close()
        cache.put("e", "1", vectors(1))


def test_a_broken_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"this is no database" * 100)
    with pytest.raises(InvalidData, match="broken") as caught:
        VectorCache(tmp_path / "cache")
    assert "delete it" in caught.value.remedy


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    with pytest.raises(Conflict, match="cannot be used"):
        VectorCache(tmp_path / "cache")


def test_a_failed_batch_leaves_nothing(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "cache") as cache:
        good, bad = keys(2)
        with pytest.raises(AttributeError):
            cache.put("e", "1", {good: np.zeros(2, dtype=np.float32), bad: None})  # type: ignore[dict-item]
        assert cache.get("e", "1", [good]) == {}
