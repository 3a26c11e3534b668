"""The shapes of the API's answers, for the OpenAPI document.

Answers are assembled from JSON that was rendered when the index was published, so these models validate nothing at run
time; `tests/serving/test_openapi.py` holds real answers to them.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Documented(BaseModel):
    """Closed, so that a field nobody documented fails the tests."""

    model_config = ConfigDict(extra="forbid")


class Item(Documented):
    """An item as lists show it."""

    id: str
    title: str
    kind: str
    year: int | None
    image: str | None = Field(description="address below /media, or null")
    attributes: dict[str, list[str]] = Field(description="label of attribute -> names")


class ItemPage(Item):
    """An item with its text and every other property."""

    text: str | None
    properties: dict[str, Any]


class User(Documented):
    """A user as lists show one."""

    id: str
    platform: str
    interactions: int
    properties: dict[str, Any]


class Event(Documented):
    """One thing a user did; `at` in Unix seconds."""

    item: Item
    kind: str
    value: float | None
    at: int | None


class UserPage(User):
    """A user with what they did, newest first."""

    history: list[Event]


class Model(Documented):
    """Which model answered."""

    name: str
    version: str


class PathNode(Documented):
    """A node of a reason."""

    id: str
    label: str
    title: str


class PathRelationship(Documented):
    """A relationship of a reason; `source` and `target` are node ids, unique within their labels."""

    source: str
    source_label: str
    target: str
    target_label: str
    type: str


class ReasonPath(Documented):
    """The path in the graph that a reason rests on."""

    nodes: list[PathNode]
    relationships: list[PathRelationship]


class ReasonEffect(Documented):
    """What the liking that a reason names does for the item's score: points lost without it, the mean lost without each
    other one, and its place among all."""

    drop: float
    others: float
    place: int
    of: int


class Reason(Documented):
    """Why an item is recommended: words, the path, and the Cypher that proves it."""

    text: str
    kind: str = Field(
        description="attribute, from_liked, to_liked, similar_text, similar_image, similar_audio, people, next, "
        "friends or friend"
    )
    path: ReasonPath
    cypher: str
    parameters: dict[str, Any]
    measured: str = Field(description="`graph`: it was asked; `index`: measured there, and the query measures it again")
    effect: ReasonEffect | None


class Recommendation(Documented):
    """One recommended item."""

    rank: int
    score: float
    item: Item
    reason: Reason | None


class ReasonsMissing(Documented):
    """Why there are no reasons though they were asked for."""

    title: str
    detail: str
    remedy: str


class RecommendationList(Documented):
    """Best first. `reasons` says why reasons are missing, and is there only then."""

    user: str
    model: Model
    items: list[Recommendation]
    reasons: ReasonsMissing | None = None


class SimilarItem(Documented):
    """One similar item; `score` is a cosine, of a mix the weighted sum of standardised ones."""

    rank: int
    score: float
    item: Item


class SimilarItems(Documented):
    """Best first. `mix` and `ways` are there only when a mix was asked for."""

    item: str
    modality: str
    mix: dict[str, float] | None = Field(None, description="way of being alike -> its weight; they add up to 1")
    ways: list[str] | None = Field(None, description="what this item can be compared by")
    items: list[SimilarItem]


class RelatedReason(Documented):
    """The facts that say why. `people` is rounded down to a step of the k-anonymity; nothing below it is told."""

    text: str
    people: int | None = Field(None, description="how many people have both close together; null for alternatives")
    chance: float | None = Field(None, description="how many would by chance; null for alternatives")
    likeness: float | None = Field(None, description="0 to 1, of alternatives; null for the others")
    shared: dict[str, list[str]] = Field(description="label of attribute -> names that both have")


class RelatedItem(Documented):
    """One related item; `score` is the log-likelihood ratio of the pair, of alternatives the likeness."""

    rank: int
    score: float
    item: Item
    reason: RelatedReason


class RelatedItems(Documented):
    """Best first; empty where nothing passes the tests of the relation."""

    item: str
    relation: str
    items: list[RelatedItem]


class Items(Documented):
    """Items found, most popular first."""

    items: list[Item]


class Users(Documented):
    """Users found, by id."""

    users: list[User]


class GraphNode(Documented):
    """A node of the graph, embeddings left out."""

    id: str
    label: str
    title: str
    properties: dict[str, Any]


class GraphRelationship(Documented):
    """A relationship of the graph; `source` and `target` are node ids, unique within their labels."""

    source: str
    source_label: str
    target: str
    target_label: str
    type: str
    properties: dict[str, Any]


class Neighbourhood(Documented):
    """A node, its neighbours and what joins them."""

    nodes: list[GraphNode]
    relationships: list[GraphRelationship]


class PublishedModel(Documented):
    """A published version; the champion is the one that answers."""

    name: str
    version: str
    champion: bool
    metrics: dict[str, float]


class Models(Documented):
    """Published versions, champion first."""

    models: list[PublishedModel]


class Health(Documented):
    """The process answers."""

    status: str


class Degraded(Documented):
    """A part that is down, and what answers lack meanwhile."""

    part: str = Field(description="store, encoders, graph or index")
    detail: str
    effect: str


class Readiness(Documented):
    """Whether recommendations can be given; `store` and `breaker` are what is known of the store without asking."""

    ready: bool
    index: str
    model: Model
    store: str = Field(description="open, failed or unopened")
    breaker: str = Field(description="closed, half-open or open")
    warning: str = Field(description="why a newer index cannot be opened, else empty")
    degraded: list[Degraded]
