"""`requirements.lock` as data: every package that an installation may hold, its hashes, and what asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
_PACKAGE = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)(?: ; ([^\\]+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"#\s+(?:via\s+)?([A-Za-z0-9._-]+)(?: \(.*\))?$")


@dataclass(frozen=True)
class Locked:
    """A package at a version. `marker`: where it is installed at all, '' everywhere; `via`: packages that need it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]


def normal(name: str) -> str:
    """How names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path = LOCK) -> list[Locked]:
    """In the file's order."""
    return list(_packages(path.read_text(encoding="utf-8").splitlines()))


def _packages(lines: list[str]) -> Iterator[Locked]:
    starts = [number for number, line in enumerate(lines) if _PACKAGE.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = _PACKAGE.match(lines[start])
        assert found is not None
        hashes = tuple(digest for line in lines[start:end] for digest in _HASH.findall(line))
        via = tuple(
            normal(asked[1])
            for line in lines[start:end]
            if line.lstrip().startswith("#") and (asked := _VIA.search(line.strip())) and asked[1] != "via"
        )
        yield Locked(normal(found[1]), found[2], (found[3] or "").strip(), hashes, via)
