"""Path and query parameters that several routes share."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote

from fastapi import Path, Query
from pydantic import AfterValidator

ID_LENGTH = 1024


def decoded(value: str) -> str:
    """An id as sent -> the id; what is not UTF-8 once decoded is a `ValueError`, which FastAPI answers with 422."""
    return unquote(value, errors="strict")


UserId = Annotated[
    str,
    Path(alias="id", max_length=ID_LENGTH, description="user id, percent-encoded", examples=["movielens:196"]),
    AfterValidator(decoded),
]
ItemId = Annotated[
    str,
    Path(alias="id", max_length=ID_LENGTH, description="item id, percent-encoded", examples=["movielens:1"]),
    AfterValidator(decoded),
]
NodeId = Annotated[
    str,
    Path(alias="id", max_length=ID_LENGTH, description="node id, percent-encoded", examples=["movielens:1"]),
    AfterValidator(decoded),
]
Label = Annotated[str, Path(description="label of the node", examples=["Item"]), AfterValidator(decoded)]
Search = Annotated[
    str, Query(max_length=200, description="words to find in title or id; empty: all", examples=["toy story"])
]
Limit = Annotated[int, Query(ge=1, le=500, description="at most so many", examples=[20])]
Count = Annotated[int, Query(ge=1, le=500, description="how many items", examples=[10])]
