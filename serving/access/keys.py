"""API keys of one home: made, rotated and revoked by `interlace keys`, looked up by every worker.

One SQLite file, `HOME/keys.sqlite`, that only its owner can read. A key is `ilk_ID_SECRET`; of the secret, 32 random
bytes, a SHA-256 is kept (there is too much entropy to guess, so a slow hash would buy nothing). Without a write-ahead
log, so that a server with a read-only home can read it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from graph.errors import Conflict, InvalidData, NotFound
from serving.access.caller import ROLES, Caller, Role

FILE = "keys.sqlite"
PREFIX = "ilk_"
CHECK_SECONDS = 0.25
"""How old a worker's knowledge may be."""
MOST_KNOWN = 10_000
WAIT_SECONDS = 2.0
ID_BYTES, SECRET_BYTES = 5, 32

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, platform TEXT NOT NULL, user TEXT NOT NULL,
    hash BLOB NOT NULL, created REAL NOT NULL, lifetime REAL, expires REAL, revoked REAL, old_hash BLOB, old_until REAL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS keys_in_use ON keys (name) WHERE revoked IS NULL;
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
"""
COLUMNS = "id, name, role, platform, user, hash, created, lifetime, expires, revoked, old_hash, old_until"


@dataclass(frozen=True, slots=True)
class Key:
    """What is kept of a key. Times are Unix seconds; `old_hash` is good until `old_until`, after a rotation."""

    id: str
    name: str
    role: str
    platform: str
    user: str
    hash: bytes
    created: float
    lifetime: float | None = None
    expires: float | None = None
    revoked: float | None = None
    old_hash: bytes | None = None
    old_until: float | None = None

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "active"

    @property
    def caller(self) -> Caller:
        """Who sends a request with this key."""
        role = Role.READER if self.user else Role[self.role.upper()]
        return Caller(self.id, role, self.platform, self.user)


class KeyStore:
    """The file of one home. `clock`: Unix seconds; `ticks`: monotonic seconds."""

    def __init__(
        self, home: Path, *, clock: Callable[[], float] = time.time, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self.path = home / FILE
        self._clock = clock
        self._ticks = ticks
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._known: dict[str, Key | None] = {}
        self._stamp: tuple[int, int] | None = None
        self._next_check = 0.0

    def create(
        self, name: str, role: str, *, platform: str = "", user: str = "", lifetime: float | None = None
    ) -> tuple[Key, str]:
        """A new key and its text, which nobody can see again. Raises `InvalidData`, or `Conflict` for a name in use."""
        _check(name, role, platform, user)
        now = self._clock()
        secret = secrets.token_hex(SECRET_BYTES)
        platform = platform or user.partition(":")[0]
        expires = None if lifetime is None else now + lifetime
        key = Key(
            secrets.token_hex(ID_BYTES),
            name,
            "user" if user else role,
            platform,
            user,
            _hash(secret),
            now,
            lifetime,
            expires,
        )
        with self._write() as connection:
            try:
                connection.execute(f"INSERT INTO keys ({COLUMNS}) VALUES ({','.join('?' * 12)})", _row(key))  # noqa: S608  constants
            except sqlite3.IntegrityError as error:
                raise Conflict(f"a key named {name!r} is in use", valid="a name of its own for each key",
                               remedy="choose another, or rotate or revoke that one") from error  # fmt: skip
        return key, f"{PREFIX}{key.id}_{secret}"

    def rotate(self, named: str, *, grace: float = 0.0) -> tuple[Key, str]:
        """Another secret for the key with this id or name; the old one is good for `grace` more seconds.

        The new one lives as long as the old one was made to. Raises `NotFound` for a key that is not in use.
        """
        secret, now = secrets.token_hex(SECRET_BYTES), self._clock()
        with self._write() as connection:
            old = _named(connection, named)
            until = min(now + grace, old.expires if old.expires is not None else now + grace)
            new = replace(old, hash=_hash(secret), expires=None if old.lifetime is None else now + old.lifetime,
                          old_hash=old.hash if grace else None, old_until=until if grace else None)  # fmt: skip
            connection.execute(
                "UPDATE keys SET hash = ?, expires = ?, old_hash = ?, old_until = ? WHERE id = ?",
                (new.hash, new.expires, new.old_hash, new.old_until, new.id),
            )
        return new, f"{PREFIX}{new.id}_{secret}"

    def revoke(self, named: str) -> Key:
        """The key with this id or name is good for nothing from now on. Raises `NotFound` for one not in use."""
        with self._write() as connection:
            key = replace(_named(connection, named), revoked=self._clock())
            connection.execute("UPDATE keys SET revoked = ? WHERE id = ?", (key.revoked, key.id))
        return key

    def all(self) -> list[Key]:
        """Every key ever made, oldest first."""
        if not self.path.is_file():
            return []
        with self._read() as connection:
            rows = connection.execute(f"SELECT {COLUMNS} FROM keys ORDER BY created, id").fetchall()  # noqa: S608  constants
        return [Key(*row) for row in rows]

    def any_active(self) -> bool:
        """Whether there is a key that somebody could use now."""
        now = self._clock()
        return any(key.state(now) == "active" for key in self.all())

    def find(self, identity: str) -> Key | None:
        """The key with this id, if it is in use now; at most `CHECK_SECONDS` old. Microseconds."""
        self._look()
        key = self._known[identity] if identity in self._known else self._fetch(identity)
        return key if key is not None and key.state(self._clock()) == "active" else None

    def verify(self, text: str) -> Key | None:
        """The key that `text` is, None for anything else. The comparison takes the same time however it ends."""
        identity, found, secret = text.removeprefix(PREFIX).partition("_")
        key = self.find(identity) if found and text.startswith(PREFIX) else None
        given = _hash(secret)
        if key is None:
            return None
        if hmac.compare_digest(given, key.hash):
            return key
        old = key.old_hash
        in_time = key.old_until is not None and self._clock() < key.old_until
        return key if old is not None and in_time and hmac.compare_digest(given, old) else None

    def signing_secret(self, *, make: bool = False) -> bytes | None:
        """What cookies are signed with, the same for every worker; None where none is there and none is to be made."""
        if make:
            with self._write() as connection:
                fresh = ("cookies", secrets.token_bytes(SECRET_BYTES))
                connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", fresh)
        if not self.path.is_file():
            return None
        with self._read() as connection:
            row = connection.execute("SELECT value FROM secrets WHERE name = 'cookies'").fetchone()
        return None if row is None else bytes(row[0])

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _look(self) -> None:
        """Forgets what is known when somebody wrote; asks the file four times a second at most."""
        if self._ticks() < self._next_check:
            return
        inode = self._inode()
        if self._stamp is None or inode != self._stamp[0]:
            self.close()  # the file was made, taken away or put back from a copy
        stamp = None
        if inode is not None:
            with self._read() as connection:
                stamp = inode, int(connection.execute("PRAGMA data_version").fetchone()[0])
        if stamp != self._stamp:
            self._known, self._stamp = {}, stamp
        self._next_check = self._ticks() + CHECK_SECONDS

    def _inode(self) -> int | None:
        try:
            return self.path.stat().st_ino
        except FileNotFoundError:
            return None

    def _fetch(self, identity: str) -> Key | None:
        if self._stamp is None:
            return None
        with self._read() as connection:
            row = connection.execute(f"SELECT {COLUMNS} FROM keys WHERE id = ?", (identity,)).fetchone()  # noqa: S608  constants
        if row is None:  # not remembered: strangers could fill the memory with ids that nobody has
            return None
        if len(self._known) >= MOST_KNOWN:
            self._known = {}
        key = self._known[identity] = Key(*row)
        return key

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                address = f"{self.path.resolve().as_uri()}?mode=ro"
                self._connection = sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, check_same_thread=False)
            yield self._connection

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(mode=0o600)
        self.path.chmod(0o600)
        with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS * 5)) as connection:
            connection.executescript(SCHEMA)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection


def _check(name: str, role: str, platform: str, user: str) -> None:
    if not name or len(name) > 100 or not name.isprintable():
        raise InvalidData(f"a key named {name!r}", valid="1 to 100 printable characters", remedy="choose another name")
    if user:
        head, _, tail = user.partition(":")
        if not head or not tail:
            raise InvalidData(
                f"the user {user!r}", valid="platform:native, as movielens:196", remedy="give the whole id"
            )
        if platform and platform != head:
            raise InvalidData(
                f"the user {user!r} is not of the platform {platform!r}", valid=head, remedy="leave it out"
            )
        return
    if role not in ROLES:
        raise InvalidData(f"the role {role!r}", valid=", ".join(ROLES), remedy="name one of these")
    if ":" in platform or platform != platform.strip():
        raise InvalidData(
            f"the platform {platform!r}", valid="what stands before the colon of ids", remedy="correct it"
        )


def _named(connection: sqlite3.Connection, named: str) -> Key:
    row = connection.execute(
        f"SELECT {COLUMNS} FROM keys WHERE revoked IS NULL AND (id = ?1 OR name = ?1) ORDER BY id <> ?1",  # noqa: S608  constants
        (named,),
    ).fetchone()
    if row is None:
        raise NotFound(f"no key {named!r} is in use", valid="the id or name of one", remedy="interlace keys list")
    return Key(*row)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _row(key: Key) -> tuple[object, ...]:
    return tuple(getattr(key, name) for name in COLUMNS.split(", "))
