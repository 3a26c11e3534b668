"""What `POST /v1/events` and `PUT /v1/users/{id}` take and answer. Requests are checked by it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from serving.routes.live_schemas import Asked, Id, Name, Value
from serving.routes.schemas import Documented, User

MOST_EVENTS = 10_000
LATEST = 1 << 40
"""Beyond any time in seconds: what is larger was sent in milliseconds."""
MOST_PROPERTIES = 100
MOST_BLOCKED = 10_000

Kind = Literal[
    "viewed", "clicked", "liked", "rated", "purchased", "listened", "skipped", "hidden", "impressed"
]  # `graph.schema.KINDS`, which a test holds it to: a schema has to name its words.


class EventRequest(Asked):
    """One thing a user did with an item."""

    id: Annotated[str, Field(min_length=1, max_length=128)] | None = Field(
        None,
        description="sent again it changes nothing; left out: made of the event's own content",
        examples=["5f0c9a1e-7b1d-4b0e-9d55-0c8f2a6f1a11"],
    )
    user: Id = Field(examples=["movielens:196"])
    item: Id = Field(examples=["movielens:50"])
    kind: Kind = Field(examples=["rated"])
    value: float | None = Field(None, description="rating, seconds listened …", examples=[5.0])
    at: Annotated[int, Field(ge=0, lt=LATEST)] | None = Field(
        None, description="Unix seconds; left out: now", examples=[1_764_240_000]
    )


class EventsRequest(Asked):
    """Events in any order; all of them are kept, or none."""

    events: Annotated[list[EventRequest], Field(min_length=1, max_length=MOST_EVENTS)]


class EventsAnswer(Documented):
    """Events that are on disk. `accepted` and `duplicates` and `ignored` are as many as were sent."""

    accepted: int = Field(description="new ones, on disk")
    duplicates: int = Field(description="whose id had come before")
    ignored: int = Field(description="of users who were deleted")
    unknown_items: list[str] = Field(description="items nobody knows yet, at most 20 of them: kept until they are put")


class UserRequest(Asked):
    """A user as they shall be: properties that are left out stay, those that are null go."""

    properties: dict[Name, Value] = Field(
        default_factory=dict,
        max_length=MOST_PROPERTIES,
        description="`discoverable` false: never suggested to others; `hides_friends` true: their friends stay unseen",
        examples=[{"name": "Ada", "age": 36}],
    )
    blocked: Annotated[list[Id], Field(max_length=MOST_BLOCKED)] | None = Field(
        None,
        description="ids of all users they want nothing to do with; shown to nobody; left out: those there are stay",
    )


class UserAnswer(Documented):
    """The user as shown from now on."""

    user: User


class ErasureAnswer(Documented):
    """How far an erasure is: `open`, or `done` with its receipt."""

    id: str
    state: Literal["open", "done"]
    done: list[str] = Field(description="places that are erased")
    receipt: dict[str, Any] | None = Field(None, description="signed; names people by pseudonyms alone")
