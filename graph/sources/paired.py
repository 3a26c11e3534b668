"""Two platforms over the same people, as cross-domain recommendation publishes them (Bi-TGCF and its like).

A folder for each platform holds `train.txt` and `test.txt` (user, item, value, tab between them) and `test_neg.txt`,
plain or gzip: `(user, item)` and the irrelevant items that the test item is ranked among. The same user number is the
same person everywhere, so each user comes with an identity.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graph.errors import NotFound
from graph.sources.chunks import ROW, Chunk, Part, Raw, Source, refused_table
from graph.sources.clean import Context, clean
from graph.sources.tables import Dialect, opened, read_table

NAME = "paired"
LAYOUT = "one folder a platform, each with train.txt, test.txt and test_neg.txt, over the same user numbers"

_PAIR = re.compile(r"\(\s*([^,\s]+)\s*,[^)]*\)\s*$")
_ROWS = Dialect(delimiter="\t", quoted=False, names=("user", "item", "value"))


def matches(path: Path) -> bool:
    """Whether at least two folders in it are platforms."""
    return len(_platforms(path)) > 1


def open_source(path: Path, now: float) -> Source:
    """The platforms of a folder. Raises `NotFound` where there are not two."""
    names = _platforms(path)
    if len(names) < 2:
        raise NotFound(f"{path} holds no two platforms", valid=LAYOUT, remedy="check the path")

    def chunks() -> Iterator[Chunk]:
        for name in names:
            yield from _chunks(path, name, Context(now, platform=name))

    return Source(NAME, path, chunks, platforms=names)


def _platforms(path: Path) -> tuple[str, ...]:
    found = (one.parent for one in path.glob("*/train.txt") if one.is_file())
    return tuple(sorted(one.name for one in found if (one / "test.txt").is_file() and _negatives(one) is not None))


def _negatives(folder: Path) -> Path | None:
    files = (folder / name for name in ("test_neg.txt", "test_neg.txt.gz"))
    return next((one for one in files if one.is_file()), None)


def _chunks(root: Path, name: str, context: Context) -> Iterator[Chunk]:
    parts: tuple[Part, ...] = ("train", "test")
    for part in parts:
        file = root / name / f"{part}.txt"
        yield from clean(read_table(file, _ROWS), part, file, f"{name}/{file.name}", context)
    file = root / name / "train.txt"
    people = (_identities(raw) for raw in read_table(file, _ROWS))
    yield from clean(people, "identities", file, f"{name}/{file.name} (identities)", context)
    listed = _negatives(root / name)
    assert listed is not None  # it is a platform by it
    yield from clean(_listed(listed), "negatives", listed, f"{name}/{listed.name}", context)


def _identities(raw: Raw) -> Raw:
    users = pc.unique(raw.rows.column("user"))
    numbers = pa.array(range(1, len(users) + 1), pa.int64())
    return Raw(pa.table({"user": users, "person": users, ROW: numbers}))


def _listed(path: Path) -> Iterator[Raw]:
    """A row for each irrelevant item of each line; a line without a pair is refused."""
    users: list[str] = []
    items: list[str] = []
    numbers: list[int] = []
    refused: list[tuple[int, str]] = []
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            text = line.decode("utf-8", "replace").rstrip()
            pair, *found = text.split("\t")
            user = _PAIR.match(pair)
            if user is None:
                refused.append((number, text))
                continue
            mine = [one.strip() for one in found if one.strip()]
            users += [user[1]] * len(mine)
            items += mine
            numbers += [number] * len(mine)
    places, texts = [one[0] for one in refused], [one[1] for one in refused]
    reasons = ["the line does not begin with (user, item)"] * len(refused)
    table = pa.table({"user": users, "item": items, ROW: pa.array(numbers, pa.int64())})
    yield Raw(table, refused_table(places, reasons, texts))
