"""Who was erased and must not come back by old data: keyed hashes of ids, in the home.

An ingest leaves out rows of users who are on the list, and a server ignores late events of theirs, so that a source
that still names somebody does not undo their erasure. Only hashes are kept (HMAC-SHA256 under a key that stays in the
home): the list answers «was this id erased», and does not say who was.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph.file_lock import alone
from graph.schema import USER, EdgeBatch, NodeBatch
from graph.whole_files import OWNER_ONLY, write_first, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER, KEY, LIST, LOCK = "erased", "key", "people.txt", "lock"
KEY_BYTES = 32


@dataclass(frozen=True)
class Erased:
    """The list as it was read."""

    key: bytes
    names: frozenset[str]

    def __contains__(self, user: str) -> bool:
        return bool(self.names) and pseudonym(self.key, user) in self.names

    def keeps(self, users: pa.Array | pa.ChunkedArray) -> pa.Array:
        """A mask of the ids that are not on the list; each distinct id is hashed once."""
        import pyarrow as pa  # a server, which only asks for one id, starts without it

        known: dict[str | None, bool] = {}
        ids = users.to_pylist()
        for one in ids:
            if one not in known:
                known[one] = one is None or one not in self
        return pa.array([known[one] for one in ids], pa.bool_())


def pseudonym(key: bytes, user: str) -> str:
    """64 hexadecimal digits in place of a user's id: nobody without the key can tell whose they are."""
    return hmac.new(key, user.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def key_of(home: Path) -> bytes:
    """The home's key, made where there is none (mode 0600)."""
    path = home / FOLDER / KEY
    if not path.is_file():
        write_first(path, secrets.token_bytes(KEY_BYTES), durable=True, mode=OWNER_ONLY)
    return path.read_bytes()


def read(home: Path) -> Erased:
    """The list; empty where nobody was erased."""
    path = home / FOLDER / LIST
    if not path.is_file():
        return Erased(b"", frozenset())
    return Erased((home / FOLDER / KEY).read_bytes(), frozenset(path.read_text(encoding="ascii").split()))


def add(home: Path, users: Iterable[str]) -> int:
    """Puts users on the list; returns how many were not on it. On disk when it returns."""
    return _change(home, users, frozenset.union)


def remove(home: Path, user: str) -> int:
    """Takes a user who comes back off the list; returns whether they were on it."""
    return _change(home, [user], frozenset.difference) if (home / FOLDER / LIST).is_file() else 0


def filtered(batch: NodeBatch | EdgeBatch, erased: Erased) -> pa.Array | None:
    """A mask of a batch's rows that speak of nobody who was erased; None where all of them do not."""
    if not erased.names:
        return None
    import pyarrow.compute as pc

    columns = ["id"] if isinstance(batch, NodeBatch) else ["head", "tail"]
    labels = [batch.label] if isinstance(batch, NodeBatch) else [batch.head_label, batch.tail_label]
    kept: pa.Array | None = None
    for name, label in zip(columns, labels, strict=True):
        if label == USER:
            mask = erased.keeps(batch.rows.column(name))
            kept = mask if kept is None else pc.and_(kept, mask)
    return kept


class ErasedList:
    """The list of a home as a server asks for it: read again when the file has changed. Microseconds."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._stamp: tuple[int, int] | None = None
        self._list = Erased(b"", frozenset())

    def get(self) -> Erased:
        """The list as it is now."""
        try:
            status = (self._home / FOLDER / LIST).stat()
        except FileNotFoundError:
            return Erased(b"", frozenset())
        if (stamp := (status.st_mtime_ns, status.st_ino)) != self._stamp:
            self._list, self._stamp = read(self._home), stamp
        return self._list


def _change(
    home: Path, users: Iterable[str], change: Callable[[frozenset[str], frozenset[str]], frozenset[str]]
) -> int:
    key = key_of(home)
    with alone(home / FOLDER / LOCK):
        before = read(home).names
        after = change(before, frozenset(pseudonym(key, user) for user in users))
        if after != before:
            write_whole(home / FOLDER / LIST, "".join(f"{one}\n" for one in sorted(after)).encode(), durable=True)
    return len(before ^ after)
