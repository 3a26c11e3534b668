"""Small data sets, written as files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from graph.sources.chunks import Chunk
from graph.sources.detect import open_path

NOW = 1_700_000_000.0

SHOP = {
    "interactions.csv": (
        "user,item,kind,value,time\nann,pen,purchased,,100\nann,ink,viewed,,\nbob,pen,rated,4.5,1999-01-01\n"
    ),
    "items.csv": 'item,title,year,Genre[]\npen,"A ""pen""",2001,Tools|Office\nink,Ink,,Office\npad,Pad,1999,\n',
    "users.csv": "user,age,Hobby[]\nann,31,art|chess\nbob,,\n",
    "triples.csv": "head,relation,tail\nm1,made.by,acme\nacme,based.in,Oslo\nm2,made.by,acme\n",
    "links.csv": "item,entity\npen,m1\nink,m2\n",
    "friends.csv": "user,friend\nann,bob\nbob,ann\n",
    "identities.csv": "user,person\nann,p1\n",
}
"""Every sort of file that the graph keeps."""


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    """Writes files by their path in the folder; returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def chunks(folder: Path, part: str) -> list[Chunk]:
    """The chunks of one part."""
    return [chunk for chunk in open_path(folder, now=NOW).chunks() if chunk.part == part]


def rows(folder: Path, part: str) -> list[dict[str, object]]:
    """The good rows of one part, without their numbers."""
    table = pa.concat_tables([chunk.rows for chunk in chunks(folder, part)], promote_options="default")
    return table.drop_columns(["__row__"]).to_pylist()


def refused(folder: Path, part: str) -> list[tuple[int, str]]:
    """Row number and reason of the refused rows of one part."""
    found = [chunk.refused for chunk in chunks(folder, part)]
    return [(row["row"], row["reason"]) for table in found for row in table.to_pylist()]
