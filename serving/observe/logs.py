"""The server's log: lines on stderr, text or JSON, with the request's id; and what it says of requests.

No body, no query string, no header but the request's id is ever logged. Users are named by a keyed hash: the same user
has the same name in all lines, and nobody without the key in the home can say who it is.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import orjson

from graph.whole_files import OWNER_ONLY, write_first, write_whole
from serving.observe.record import current
from serving.settings import Settings

KEY = "log.key"
KEY_BYTES = 32
FIELDS = "fields"
"""Attribute of a record (`extra`) with what a line says beside its message."""
LOGGER = "interlace"
ACCESS = logging.getLogger("interlace.access")
ERRORS, ALL, NONE = "errors", "all", "none"


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, request, then the line's own fields; `error` has a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_request(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class Words(logging.Formatter):
    """For people: time, level, message, fields as name=value; a line break within a value cannot begin another line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        fields = {**_request(), **getattr(record, FIELDS, {})}
        words = [f"{name}={_word(value)}" for name, value in fields.items()]
        time = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = record.getMessage().replace("\n", "\\n").replace("\r", "\\r")
        text = " ".join([time, record.levelname, record.name, message, *words])
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _request() -> dict[str, str]:
    found = current.get()
    return {} if found is None else {"request": found.id}


def _word(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text.replace("\n", "\\n").replace("\r", "\\r")


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Sends this process' log to `stream` (stderr) as the settings say: once, when a worker begins."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if settings.log_format == "json" else Words())
    for name, level in ((LOGGER, settings.log_level.upper()), ("uvicorn", "WARNING")):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(level)
        logger.propagate = False


@dataclass(frozen=True)
class AccessLog:
    """What is said of a request that has ended. `which`: all of them, errors (5xx) and slow ones, or none but slow."""

    which: str
    slow_seconds: float
    home: Path

    @cached_property
    def key(self) -> bytes:
        """Of users' names; made when the first is named."""
        return log_key(self.home)

    def tell(self, facts: Mapping[str, Any], seconds: float, stages: Mapping[str, float]) -> None:
        """One line where it is wanted. `facts`: method, route, status, user."""
        slow = 0 < self.slow_seconds <= seconds
        if not (slow or self.which == ALL or (self.which == ERRORS and facts["status"] >= 500)):
            return
        fields = {**facts, "ms": round(1000 * seconds, 3)}
        if fields["user"] is not None:
            fields["user"] = pseudonym(self.key, fields["user"])
        else:
            del fields["user"]
        fields["stages"] = {name: round(1000 * took, 3) for name, took in stages.items()}
        if slow:
            _say(logging.WARNING, "slow request", fields)
        elif facts["status"] >= 500:
            _say(logging.ERROR, "request failed", fields)
        else:
            _say(logging.INFO, "request", fields)


def _say(level: int, message: str, fields: Mapping[str, Any]) -> None:
    """As `ACCESS.log`, without its search for who called, which costs more than the line."""
    if ACCESS.isEnabledFor(level):
        record = logging.LogRecord(ACCESS.name, level, "", 0, message, None, None)
        setattr(record, FIELDS, fields)
        ACCESS.handle(record)


def access_log(settings: Settings) -> AccessLog:
    """As the settings say; `auto`: all requests in JSON, errors in text."""
    which: str = settings.log_requests
    if which == "auto":
        which = ALL if settings.log_format == "json" else ERRORS
    return AccessLog(which, settings.slow_request_ms / 1000, settings.home)


def pseudonym(key: bytes, user: str) -> str:
    """16 hexadecimal digits in place of a user's id."""
    return hashlib.blake2b(user.encode("utf-8", "surrogatepass"), key=key, digest_size=8).hexdigest()


def log_key(home: Path) -> bytes:
    """The home's key, made at its first use, readable by its owner alone; where none can be kept, this process' own."""
    path = home / KEY
    try:
        return _read(path) or _made(path)
    except OSError:
        return secrets.token_bytes(KEY_BYTES)


def _read(path: Path) -> bytes | None:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    return key if len(key) == KEY_BYTES else None


def _made(path: Path) -> bytes:
    """Of workers that begin at once all take the first one's; what cannot be a key is replaced."""
    if not path.parent.is_dir():
        return secrets.token_bytes(KEY_BYTES)
    write_first(path, secrets.token_bytes(KEY_BYTES), mode=OWNER_ONLY)
    if _read(path) is None:
        write_whole(path, secrets.token_bytes(KEY_BYTES), mode=OWNER_ONLY)
    return path.read_bytes()
