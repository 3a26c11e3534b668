"""What the live routes take and answer: new items, newcomers, search and classification. Requests are checked by it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from graph.errors import InvalidData
from graph.schema import ITEM_KINDS, KINDS, safe_name
from serving.routes.parameters import ID_LENGTH
from serving.routes.schemas import Documented, Item, Model, Reason, ReasonsMissing

MOST_LABELS = 200
MOST_NAMES = 500
MOST_ITEMS = 500
LONGEST_TEXT = 100_000
KIND_NAMES = ", ".join(ITEM_KINDS)


def _name(value: str) -> str:
    try:
        return safe_name(value)
    except InvalidData as error:
        raise ValueError(str(error)) from error


def _storable(value: str) -> str:
    """Unicode that UTF-8 and both stores can hold."""
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("a NUL or half a surrogate pair, which no store can hold")
    return value


Name = Annotated[str, AfterValidator(_name)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_storable)]
Word = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_storable)]
Id = Annotated[str, Field(min_length=1, max_length=ID_LENGTH), AfterValidator(_storable)]
File = Annotated[str, Field(description="the file's bytes in base64")]
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Value = Text | bool | Number | float | None


def _kind(value: str) -> str:
    if value not in KINDS:
        raise ValueError(f"one of {', '.join(KINDS)}")
    return value


KindName = Annotated[str, AfterValidator(_kind), Field(json_schema_extra={"enum": list(KINDS)})]


class Asked(BaseModel):
    """Closed and strict: a field nobody knows is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Relation(Asked):
    """What joins the item with a node of the graph that has no name of its own."""

    relation: Annotated[str, Field(min_length=1, max_length=128, examples=["film.film.directed_by"])]
    label: Name = "Entity"
    id: Id = Field(examples=["movielens:m.0abc"])
    inverse: bool = Field(False, description="the node points at the item: (person)-[directed]->(item)")


class ItemRequest(Asked):
    """An item as it shall be: what is left out is empty, but attributes and relations, which then stay."""

    title: Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_storable)]
    kind: Annotated[str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_-]*$", description=f"usually {KIND_NAMES}")] = (
        "item"
    )
    text: Text | None = None
    year: Annotated[int, Field(ge=-10_000, le=10_000)] | None = None
    image: File | None = None
    audio: File | None = None
    video: File | None = Field(None, description="its frames stand for a picture, its track for a sound, where none is")
    attributes: dict[Name, Annotated[list[Word], Field(max_length=MOST_NAMES)]] | None = Field(
        None, max_length=64, description='label -> names, as {"Genre": ["Comedy"]}; they replace those of the label'
    )
    relations: Annotated[list[Relation], Field(max_length=2_000)] | None = Field(
        None, description="to nodes of the graph by id; they replace those to the same labels"
    )
    properties: dict[Name, Value] = Field(default_factory=dict, max_length=100, description="anything else")


class ItemAnswer(Documented):
    """The item as it is shown from now on."""

    item: dict[str, JsonValue] = Field(description="its page, as GET gives it")
    vectors: list[str] = Field(description="modalities it can be found and compared by")
    missing: dict[str, str] = Field(description="modality -> why it has no vector yet")
    recommended: bool = Field(description="whether it is in the ranking: something says what it is like")


class Filters(Asked):
    """Which items may come; all of it has to hold."""

    kind: Annotated[str, Field(max_length=64)] | None = None
    platform: Annotated[str, Field(max_length=64)] | None = None
    years: (
        Annotated[
            list[int],
            Field(min_length=2, max_length=2, description="first and last of them", examples=[[1980, 1989]]),
        ]
        | None
    ) = None
    attributes: dict[Word, Word] = Field(default_factory=dict, max_length=16, examples=[{"Genre": "Comedy"}])


class SearchRequest(Asked):
    """What to search for: any of text, image, audio and like, alone or together."""

    text: Annotated[str, Field(max_length=2_000), AfterValidator(_storable)] | None = None
    image: File | None = None
    audio: File | None = None
    like: Annotated[list[Id], Field(max_length=20)] = Field(default_factory=list, description="ids of items")
    n: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 10
    filter: Filters = Filters()


class SessionStep(Asked):
    """Something met in a session. Skipped or hidden: it is only not to come again; impressed: it says nothing."""

    item: Id
    kind: KindName = "viewed"
    at: Annotated[int, Field(ge=0, lt=2**62, description="Unix seconds")] | None = None


class NewcomerRequest(Asked):
    """Somebody of whom nothing is stored: anything of this, or nothing at all."""

    items: Annotated[list[Id | SessionStep], Field(max_length=1_000)] = Field(
        default_factory=list,
        description="what they chose, viewed or put in the basket, oldest first: ids, or steps with kind and time "
        "(in order of time where every one has one)",
        examples=[["shop:7", {"item": "shop:9", "kind": "purchased", "at": 1764240000}]],
    )
    left: Annotated[list[Id], Field(max_length=1_000)] = Field(
        default_factory=list,
        description="ids of what they were shown to choose from (GET /v1/onboarding) and did not choose: it may come",
    )
    text: Annotated[str, Field(max_length=2_000), AfterValidator(_storable)] | None = Field(
        None, examples=["quiet science fiction from the eighties"]
    )
    image: File | None = None
    audio: File | None = None
    profile: dict[Word, Value] = Field(
        default_factory=dict, max_length=64, description="as users' properties are named", examples=[{"age": 24}]
    )
    n: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 10
    exclude: Annotated[list[Id], Field(max_length=1_000)] = Field(default_factory=list)
    filter: Filters = Filters()
    diversity: Annotated[float, Field(ge=0, le=1)] = Field(0.0, description="0: the order of scores; see GET")
    scenario: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="a name of GET /v1/scenarios: its filters and the rules of its shelf for-you hold"
    )


class Ranked(Documented):
    """One found item."""

    rank: int
    score: float
    item: Item


class RankedWithReason(Ranked):
    """One item; `reason` is there where reasons were asked for."""

    reason: Reason | None = None


class SearchAnswer(Documented):
    """Items nearest to what was searched for; scores are cosines, averaged over what was asked."""

    items: list[Ranked]


class NewcomerAnswer(Documented):
    """Items for somebody new, and what the ranking rests on."""

    model: Model
    sources: list[str] = Field(
        description="of items, answers, profile, text, image, audio, popular: those that counted"
    )
    unknown: list[str] = Field(description="ids among the items that are not in the catalogue")
    items: list[RankedWithReason]
    reasons: ReasonsMissing | None = None


class OnboardingAnswer(Documented):
    """Items to ask a newcomer about: together they tell most of a taste."""

    items: list[Item]


class ClassifyRequest(Asked):
    """A thing and the labels it may have; without labels, those that the catalogue was tagged with."""

    text: Text | None = None
    image: File | None = None
    audio: File | None = None
    video: File | None = None
    item: Id | None = Field(None, description="an item of the catalogue, in place of files")
    labels: Annotated[list[Word], Field(min_length=1, max_length=MOST_LABELS)] | None = None
    top: Annotated[int, Field(ge=1, le=MOST_LABELS)] = 10


class LabelConfidence(Documented):
    """A label and how well it fits, from 0 to 1."""

    label: str
    confidence: float


class ClassifyAnswer(Documented):
    """Labels, best first. `calibrated`: confidences are probabilities; else the share of the catalogue's items that the
    label fits less.
    """

    labels: list[LabelConfidence]
    calibrated: bool
    encoders: dict[str, str] = Field(description="modality -> encoder that was used")
    skipped: dict[str, str] = Field(description="modality -> why it could not be used")
