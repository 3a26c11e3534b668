"""Files of a home that name people and are no place of their own: logs, reports, refused rows, written lists, caches.

Of lists (CSV, Parquet) their rows go. In running text a pseudonym of the same length takes their id's place, written
over it, so that whoever appends to the file meanwhile loses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from graph.portions import portions
from graph.whole_files import write_whole
from serving.erasure.formats import TEXTS
from serving.erasure.ledgers import delete
from serving.erasure.search import speaks_of_items
from serving.erasure.wanted import BEFORE, Find, Wanted, wanted_names
from serving.erasure.work import Counts, Work

OWNED = frozenset({
    "cache", "changes", "checkpoints", "data", "encoders", "erased", "erasures", "index", "media", "snapshots", "steps",
    "store",
})  # fmt: skip
"""Folders of a home that other places answer for, or where nothing about people is."""
TABLES = (".csv", ".parquet")


def texts(work: Work) -> Counts:
    """Everything else in the home, and what runs left in MLflow's folder."""
    wanted = wanted_names(work.names, (), _shared(work))
    counts = {"rows": 0, "mentions": 0, "files": 0}
    for path in [*_others(work.home), *_artifacts(work)]:
        removed = _rows(path, wanted) if path.suffix in TABLES else 0
        mentions = _overwritten(path, wanted, work) if TEXTS.intersection(path.suffixes) else 0
        for name, number in (("rows", removed), ("mentions", mentions), ("files", int(removed + mentions > 0))):
            counts[name] += number
    return counts


def profiles(work: Work) -> Counts:
    """What a language model wrote of them, and its vectors, in the caches; before the graph forgets the words."""
    from encoders.cache import content_key
    from encoders.encode import CACHE
    from encoders.language.cache import FILE
    from encoders.text import clean_text

    store, gone = work.open_graph(), 0
    told = [str(text) for some in portions(work.users, 500)
            for _, text in store.query("profile_texts_of", {"ids": some})]  # fmt: skip
    if told:
        written = [orjson.dumps(text).decode()[1:-1] for text in told]
        gone += delete(work.home / FILE, ["DELETE FROM answers WHERE instr(text, ?) > 0"], written)
        keys = [content_key(clean_text(text)) for text in told]
        gone += delete(work.home / CACHE, ["DELETE FROM vectors WHERE key = ?"], keys)
    return {"rows": gone}


def _others(home: Path) -> Iterator[Path]:
    """Files of the home that are in no owned folder, SQLite's aside."""
    for path in sorted(home.rglob("*")):
        top = path.relative_to(home).parts[0]
        if top not in OWNED and path.is_file() and ".sqlite" not in path.name:
            yield path


def _artifacts(work: Work) -> Iterator[Path]:
    """Files of MLflow's folder. Where the home is that folder, or in it, its files were seen to, or are others'."""
    folder, home = mlflow_folder(work.settings.mlflow), work.home.resolve()
    if folder is not None:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file() and home not in path.parents)


def mlflow_folder(address: str) -> Path | None:
    """Folder of an MLflow of this machine; None for one elsewhere, or none yet."""
    prefix = "sqlite:///"
    file = Path(address.removeprefix(prefix))
    return file.resolve().parent if address.startswith(prefix) and file.is_file() else None


def _shared(work: Work) -> list[str]:
    """Which of the ids are an item's too: where an item is meant, nothing is changed."""
    store = work.open_graph()
    return [row[0] for some in portions(work.users, 500) for row in store.query("ids_of_item", {"ids": some})]


def _rows(path: Path, wanted: Wanted) -> int:
    """Writes a list without the rows of these users; returns how many they were."""
    return _rows_of_parquet(path, wanted) if path.suffix == ".parquet" else _rows_of_csv(path, wanted)


def _rows_of_csv(path: Path, wanted: Wanted) -> int:
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if not _names_one(line.decode("utf-8", "surrogateescape"), wanted)]
    if len(kept) < len(lines):
        write_whole(path, b"".join(kept), durable=True)
    return len(lines) - len(kept)


def _names_one(line: str, wanted: Wanted) -> bool:
    """Is the line about one of them: an item's id that is also theirs counts in the first column alone."""
    return any(not wanted.is_item(line[one.start : one.end]) or not line[: one.start].strip('"')
               for one in wanted.in_text(line))  # fmt: skip


def _rows_of_parquet(path: Path, wanted: Wanted) -> int:
    table = pq.read_table(path)
    gone = np.zeros(len(table), np.bool_)
    for name in table.column_names:
        column = table.column(name)
        if (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) and not speaks_of_items(name, ""):
            gone |= np.array([value in wanted.names for value in column.to_pylist()], np.bool_)
    if gone.any():
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        pq.write_table(table.filter(pa.array(~gone)), aside, compression="zstd")
        aside.replace(path)
    return int(gone.sum())


def _overwritten(path: Path, wanted: Wanted, work: Work) -> int:
    """Puts pseudonyms over their ids in a text file; returns how many."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    found = [one for one in wanted.in_text(text) if not _means_an_item(text, one, wanted)]
    if found:
        with path.open("r+b") as file:
            for one in found:
                file.seek(len(text[: one.start].encode("utf-8", "surrogateescape")))
                size = len(text[one.start : one.end].encode("utf-8", "surrogateescape"))
                file.write(f"~{work.pseudonym(one.name)}"[:size].ljust(size, "~").encode())
            file.flush()
            os.fsync(file.fileno())
    return len(found)


def _means_an_item(text: str, one: Find, wanted: Wanted) -> bool:
    return wanted.is_item(one.name) and speaks_of_items("", text[max(0, one.start - BEFORE) : one.start])
