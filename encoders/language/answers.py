"""What of a model's answer is taken: one field of one flat JSON object, of one type, bounded. All else is dropped.

So an answer can hold words or one number, never an id, a link, a call or an item of its own.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from encoders.language.prompts import Field as Name
from encoders.language.untrusted import instructs, plain

LARGEST = 4_000
"""Characters of an answer that are read."""
_LINK = re.compile(
    r"https?:|www\.|\w@\w|\b[a-z0-9-]{2,}\.(?:com|net|org|io|co|ru|cn|de|info|biz|xyz|app|shop|dev|ai|me|to|ly|uk|eu)\b"
    r"|\b[a-z][\w.-]*:[\w/]|\bdot com\b|(?:\+?\d[\s()./-]?){8,}",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[<>{}\[\]|`\\*_~^=]|^\s*[#>+-]\s|\w\(|&\w+;|!!|\$\w")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Summary(_Answer):
    summary: StrictStr = Field(min_length=12, max_length=320)


class _Profile(_Answer):
    profile: StrictStr = Field(min_length=12, max_length=320)


class _Reason(_Answer):
    reason: StrictStr = Field(min_length=8, max_length=160)


class _Score(_Answer):
    score: StrictInt = Field(ge=0, le=10)


_SCHEMAS: Mapping[Name, type[_Answer]] = MappingProxyType(
    {"summary": _Summary, "profile": _Profile, "reason": _Reason, "score": _Score}
)
SENTENCES: Mapping[Name, int] = MappingProxyType({"summary": 3, "profile": 2, "reason": 1})
"""At most so many."""


@dataclass(frozen=True)
class Checked:
    """`text` or `score` of an answer that passed; `refused` says in our words why one did not."""

    text: str = ""
    score: int = 0
    refused: str = ""


def check(field: Name, answer: str) -> Checked:
    """The answer's one field, checked against its schema, then as a plain sentence."""
    if len(answer) > LARGEST:
        return Checked(refused=f"it was longer than {LARGEST} characters")
    try:
        found = _SCHEMAS[field].model_validate(_object(answer))
    except (ValueError, RecursionError):
        return Checked(refused=f'it was not {{"{field}": ...}} alone, of the right type and length')
    if isinstance(found, _Score):
        return Checked(score=found.score)
    return _sentence(field, str(getattr(found, field)))


def _object(answer: str) -> object:
    """The one JSON object; a fence of Markdown around it is taken off."""
    text = re.sub(r"^```(?:json)?\s*|\s*```$", "", answer.strip())
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose keys are all different: of two, nobody knows which counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _sentence(field: Name, value: str) -> Checked:
    text = plain(value, 400)
    if len(text) < len(" ".join(unicodedata.normalize("NFKC", value).split())):
        return Checked(refused="it held hidden or control characters")
    if _LINK.search(text):
        return Checked(refused="it held a link, an address, an id or a number to call")
    if _MARKUP.search(text):
        return Checked(refused="it held markup or code")
    if len(re.findall(r"[.!?](?:\s|$)", text)) > SENTENCES[field]:
        return Checked(refused=f"it had more than {SENTENCES[field]} sentences")
    if instructs(text):
        return Checked(refused="it spoke to a model")
    return Checked(text)
