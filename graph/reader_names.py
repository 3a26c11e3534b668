"""Names of foreign graphs in our own read-only queries: any that Cypher can quote; ingest takes safe names only."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[^`\\\x00-\x1f\x7f]{1,200}")


def plain(name: str) -> bool:
    """Whether a name can be quoted without a second reading: no backticks, backslashes or control characters."""
    return _PLAIN.fullmatch(name) is not None


def quoted(name: str) -> str:
    """A `plain` name in backticks."""
    assert plain(name), name
    return f"`{name}`"
