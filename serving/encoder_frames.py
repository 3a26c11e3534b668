"""What the workers and the encoder process say to each other: one frame a message, JSON first, then plain bytes.

Nothing is ever unpickled: a frame is the length of the JSON (4 bytes, big end first), the JSON, and the parts that its
`parts` names with their lengths, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from graph import errors
from graph.errors import InterlaceError, InvalidData

LENGTH = 4
PARENT = "traceparent"
"""Of a head: the span that asks, as W3C writes it."""
MOST_BYTES = 512 << 20


@dataclass(frozen=True)
class Frame:
    """`head`: JSON values; `parts`: bytes by name."""

    head: Mapping[str, Any]
    parts: Mapping[str, bytes] = field(default_factory=dict)

    def dump(self) -> bytes:
        """As it goes over the wire."""
        sizes = {name: len(part) for name, part in self.parts.items()}
        head = orjson.dumps({**self.head, "parts": sizes})
        return b"".join([len(head).to_bytes(LENGTH, "big"), head, *self.parts.values()])

    @classmethod
    def load(cls, data: bytes) -> Frame:
        """What `dump` gave; raises `InvalidData` for anything else."""
        try:
            end = LENGTH + int.from_bytes(data[:LENGTH], "big")
            head = orjson.loads(data[LENGTH:end])
            parts = {}
            for name, size in head.pop("parts").items():
                parts[name] = data[end : end + size]
                end += size
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise InvalidData("a message that is no frame", valid="what serving.encoder_frames writes") from error
        if end != len(data):
            raise InvalidData(f"a frame of {len(data)} bytes that names {end}", valid="equal lengths")
        return cls(head, parts)


def problem_frame(error: InterlaceError) -> Frame:
    """An error, to be raised again on the other side."""
    named = type(error).__name__
    return Frame({"problem": {"kind": named, "what": error.what, "valid": error.valid, "remedy": error.remedy}})


def raise_problem(frame: Frame) -> None:
    """Raises the error that a frame holds, if it holds one."""
    problem = frame.head.get("problem")
    if problem is not None:
        kind = getattr(errors, problem["kind"], InterlaceError) if problem["kind"] in errors.__all__ else InterlaceError
        raise kind(problem["what"], valid=problem["valid"], remedy=problem["remedy"])
