"""Properties of users that are kept encrypted: AES-256-SIV (RFC 5297), with a key outside of the store.

At the door of everything that keeps them: a staged ingest, what a server takes. The same value of the same property of
the same user becomes the same text, so that an ingest sees what changed; of two users, or two properties, never, so
that nobody sees who shares one. The text names the key, `enc1:KEY:BASE64`, so that a file with several keys reads all
that was written with any of them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graph.errors import Conflict, InvalidData, NotFound
from graph.guard.hidden import fold
from graph.whole_files import OWNER_ONLY, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

MARK = "enc1:"
KEY_BYTES = 64
MAKE = "interlace keys create-private"


def is_hidden(value: Any) -> bool:
    """Is it the text of something encrypted."""
    return isinstance(value, str) and value.startswith(MARK)


class KeyFile:
    """Keys in base64, one a line: the first encrypts, all decrypt. Read anew whenever the file was replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, bytes] = {}

    def keys(self) -> dict[str, bytes]:
        """By name, the one that encrypts first. Raises `NotFound` without a file, `InvalidData` for a bad line."""
        try:
            status = self.path.stat()
            stamp = status.st_ino, status.st_mtime_ns
            if stamp != self._stamp:
                self._keys, self._stamp = self._read(), stamp
        except FileNotFoundError as error:
            raise NotFound(
                f"no key file {str(self.path)!r} for private properties",
                valid="a file of keys",
                remedy=f"{MAKE}, or put the file back: without it nobody can read them",
            ) from error
        return self._keys

    def create(self) -> None:
        """A file with one key. Raises `Conflict` where there is one already: what it encrypted would be lost."""
        if self.path.exists():
            raise Conflict(f"{str(self.path)!r} is there already", valid="a path where there is nothing",
                           remedy="interlace keys rotate-private gives it another key")  # fmt: skip
        self._write([secrets.token_bytes(KEY_BYTES)])

    def begin(self) -> None:
        """Another key encrypts from now on; the one before still decrypts. Where that was begun before, it goes on."""
        keys = list(self.keys().values())
        if len(keys) == 1:
            self._write([secrets.token_bytes(KEY_BYTES), *keys])

    def end(self) -> None:
        """Only the key that encrypts is left."""
        self._write(list(self.keys().values())[:1])

    def _read(self) -> dict[str, bytes]:
        found = {}
        for number, line in enumerate(self.path.read_text(encoding="ascii", errors="replace").split(), start=1):
            try:
                key = base64.b64decode(line, validate=True)
            except ValueError:
                key = b""
            if len(key) != KEY_BYTES:
                raise InvalidData(
                    f"{str(self.path)!r}, line {number} is no key",
                    valid=f"{KEY_BYTES} bytes in base64",
                    remedy=f"put the file back as it was; {MAKE} makes one where there is none",
                )
            found[hashlib.sha256(key).hexdigest()[:8]] = key
        if not found:
            raise InvalidData(f"{str(self.path)!r} holds no key", valid=f"{KEY_BYTES} bytes in base64 a line",
                              remedy="put the file back as it was")  # fmt: skip
        return found

    def _write(self, keys: Iterable[bytes]) -> None:
        """Whole, on disk, and for its owner's eyes alone."""
        lines = b"".join(base64.b64encode(key) + b"\n" for key in keys)
        write_whole(self.path, lines, durable=True, mode=OWNER_ONLY)


class Cipher:
    """Encrypts and decrypts the properties of these names (compared as the guard does: `eMail` is `e_mail`)."""

    def __init__(self, keys: KeyFile, names: Iterable[str]) -> None:
        self.keys = keys
        self._names = frozenset(map(fold, names))

    def is_private(self, name: str) -> bool:
        return fold(name) in self._names

    def hide(self, user: str, name: str, value: Any) -> Any:
        """The text to keep; null, and what is encrypted already, as it is."""
        if value is None or is_hidden(value):
            return value
        key = next(iter(self.keys.keys()))
        sealed = self._box(key).encrypt(json.dumps(value).encode(), _about(user, name))
        return f"{MARK}{key}:{base64.b64encode(sealed).decode()}"

    def show(self, user: str, name: str, value: Any) -> Any:
        """The value again; what was never encrypted as it is. Raises `Conflict` for a text that no key of the file, or
        that another user's or property's encrypted.
        """
        if not is_hidden(value):
            return value
        from cryptography.exceptions import InvalidTag

        key, _, sealed = value.removeprefix(MARK).partition(":")
        try:
            return json.loads(self._box(key).decrypt(base64.b64decode(sealed), _about(user, name)))
        except (KeyError, InvalidTag, ValueError) as error:
            raise Conflict(
                f"property {name!r} of user {user!r} cannot be decrypted",
                valid=f"what a key of {str(self.keys.path)!r} encrypted for them",
                remedy="put back the key file that it was encrypted with",
            ) from error

    def hide_all(self, user: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A user's properties, the private ones encrypted."""
        return {name: self.hide(user, name, value) if self.is_private(name) else value
                for name, value in properties.items()}  # fmt: skip

    def show_all(self, user: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """A user's properties, the encrypted ones decrypted."""
        return {name: self.show(user, name, value) for name, value in properties.items()}

    def hide_rows(self, rows: pa.Table) -> pa.Table:
        """Users as rows, by their column `id`."""
        import pyarrow as pa

        users = rows.column("id").to_pylist()
        for place, name in enumerate(rows.column_names):
            if self.is_private(name):
                values = zip(users, rows.column(name).to_pylist(), strict=True)
                texts = pa.array([self.hide(user, name, value) for user, value in values], pa.string())
                rows = rows.set_column(place, name, texts)
        return rows

    def renewed(self, user: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Those private properties that are not encrypted with the present key, as they should be."""
        current = f"{MARK}{next(iter(self.keys.keys()))}:"
        return {
            name: self.hide(user, name, self.show(user, name, value))
            for name, value in properties.items()
            if value is not None and self.is_private(name) and not str(value).startswith(current)
        }

    def _box(self, key: str) -> Any:
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return AESSIV(self.keys.keys()[key])


def _about(user: str, name: str) -> list[bytes]:
    """What a text is bound to: it opens for no other user or property."""
    return [user.encode("utf-8", "surrogatepass"), fold(name).encode()]
