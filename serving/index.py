"""The published index: a folder of memory-mapped arrays from which every answer of the API is made.

`serving.publish` writes it, `serving.recommend` and the routes read it. NumPy only: no model code runs here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graph.answers import Answers
from graph.errors import NotFound
from serving.approximate import Approximate, open_approximate
from serving.circles import People, map_people
from serving.coming import Coming, map_coming
from serving.consent import ARRAY
from serving.forms import ItemWeights, Member, map_member
from serving.index_files import MISSING, Blobs, Names, Rows, map_array, map_blobs, map_names, map_rows
from serving.index_trust import check_contents, check_signature, damaged
from serving.inherit import Inheritance, Inherited
from serving.playlists.transitions import Transitions, map_transitions
from serving.profile import Column, Profiles
from serving.related_parts import Related, map_related
from serving.session_parts import SessionParts, map_sessions

FORMAT = 4
FOLDER = "index"
CURRENT = "current"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ModelInfo:
    """Which model made the index: `run_id` is MLflow's."""

    name: str
    version: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    run_id: str = ""

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "metrics": dict(self.metrics)}


@dataclass(frozen=True)
class History:
    """What users did, newest first: `rows.columns` are items; kind code, value (NaN) and time (`NO_TIME`) beside."""

    rows: Rows
    kind: NDArray[np.int8]
    value: NDArray[np.float32]
    time: NDArray[np.int64]


@dataclass(frozen=True)
class Vectors:
    """One modality: unit rows (zero where absent) and which are present."""

    unit: NDArray[np.float32]
    present: NDArray[np.bool_]


NARROW = 64
"""Attributes that are few enough for a table of all items with them: 16 MB at most."""
TABLE_CELLS = 4_000_000


@dataclass(frozen=True)
class Attributes:
    """IDF-weighted unit vectors over attribute nodes, by item (`rows`), by node (`items`), weights beside.

    `rarity` (nodes,): a node's weight before a row is divided by the root of its squared length plus `damping`.
    """

    rows: Rows
    weights: NDArray[np.float32]
    items: Rows
    item_weights: NDArray[np.float32]
    rarity: NDArray[np.float32]
    damping: float

    @cached_property
    def table(self) -> NDArray[np.float32] | None:
        """(items, nodes) of `weights` where nodes are a handful, such as genres alone; None where they are more."""
        items, nodes = len(self.rows), len(self.rarity)
        if nodes > NARROW or items * nodes > TABLE_CELLS:
            return None
        found = np.zeros((items, nodes), np.float32)
        found[np.repeat(np.arange(items), np.diff(self.rows.indptr)), self.rows.columns] = self.weights
        return found

    def row(self, nodes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weights beside `nodes` (distinct) of an item that is joined with these and no other ones."""
        weights = self.rarity[nodes]
        return np.asarray(weights / np.sqrt(np.float32(self.damping) + weights @ weights), np.float32)


@dataclass(frozen=True)
class Index:
    """All arrays of one version; positions of users and items are the snapshot's."""

    folder: Path
    version: str
    snapshot: str
    created: str
    model: ModelInfo
    members: tuple[Member, ...]
    kinds: tuple[str, ...]
    user_ids: Blobs
    user_cards: Blobs
    user_names: Names
    item_ids: Blobs
    item_cards: Blobs
    item_pages: Blobs
    item_names: Names
    item_kind: NDArray[np.int16]
    popularity: NDArray[np.float32]
    popular: NDArray[np.int32]
    known: Rows
    seen: Rows
    history: History
    list_items: NDArray[np.int32]
    list_scores: NDArray[np.float32]
    vectors: Mapping[str, Vectors]
    attributes: Attributes
    crowd_items: NDArray[np.int32]
    crowd_scores: NDArray[np.float32]
    encoders: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By modality, the name and version of the encoder that made the vectors."""
    inherit: Inheritance | None = None
    """None where too few items have content."""
    profiles: Profiles | None = None
    """None where nothing is known of users beside what they did."""
    onboarding: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """Items to ask a newcomer about who answers some of them, in order."""
    onboarding_likings: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    """And such as tell most where the newcomer looks on until some are liked; as `onboarding` in older indexes."""
    answers: Answers | None = None
    """What the answers say; None in older indexes."""
    borrowed: Rows = field(default_factory=lambda: Rows(np.zeros(1, np.int64), np.empty(0, np.int32)))
    """Of users of whom nothing is known: items of the same person's other accounts, else of their friends."""
    borrowed_own: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    """Which rows of `borrowed` are the same person's."""
    borrowed_sure: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """(users,) how likely it is that they are; empty in an index of a version that did not ask."""
    lenders: Rows | None = None
    """Of users of whom nothing is known, the person's other accounts that `borrowed` is from; None in older indexes."""
    consent: NDArray[np.uint8] | None = None
    """(users,) what users' properties say they agree to (`serving.consent.ARRAY`); None in older indexes."""
    people: People | None = None
    """None where there are hardly any friendships."""
    sessions: SessionParts | None = None
    """None where sessions are scored by the model alone."""
    related: Related | None = None
    """None in older indexes."""
    coming: Coming | None = None
    """None where nothing was learned of events to come."""
    transitions: Transitions = field(default_factory=Transitions)
    """What comes after what; nothing in older indexes."""
    min_value: float | None = None
    """The model read only values of at least this as likes; None: any."""
    approximate: Approximate = field(default_factory=Approximate)
    """Searches that a large catalogue is published with; empty where exact ones are quick."""

    @cached_property
    def reads_feedback(self) -> bool:
        """Does a model weigh what is no liking too."""
        forms = (form for member in self.members for form in member.forms)
        return any(isinstance(form, ItemWeights) and form.said is not None for form in forms)

    @cached_property
    def num_users(self) -> int:
        return len(self.user_ids)

    @cached_property
    def num_items(self) -> int:
        return len(self.item_ids)

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        return np.bincount(self.item_kind, minlength=len(self.kinds)) / max(1, self.num_items)

    def share_of_kind(self, kind: int) -> float:
        """Of the items, those of this kind (its place in `kinds`); 0 for one that only new items have."""
        return float(self._shares[kind]) if kind < len(self._shares) else 0.0

    def user(self, name: str) -> int:
        """Position of a user; raises `NotFound`."""
        return _position(self.user_ids, name, "user", "GET /v1/users?query=… finds users")

    def item(self, name: str) -> int:
        """Position of an item; raises `NotFound`."""
        return _position(self.item_ids, name, "item", "GET /v1/items?query=… finds items")


def _position(ids: Blobs, name: str, what: str, remedy: str) -> int:
    position = ids.find(name.encode("utf-8", "surrogatepass"))
    if position != MISSING:
        return position
    example = f", for example {ids[0].decode()!r}" if len(ids) else ""
    raise NotFound(f"no {what} {name!r}", valid=f"one of {len(ids)} ids (platform:native){example}", remedy=remedy)


def current_version(home: Path) -> str:
    """The version that `HOME/index/current` names; raises `NotFound` when nothing has been published."""
    pointer = home / FOLDER / CURRENT
    try:
        return pointer.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise NotFound(
            f"no index has been published in {str(home)!r}",
            valid=f"a home folder with {FOLDER}/{CURRENT}",
            remedy="run interlace demo, or interlace ingest and interlace train; or name the home folder with --home",
        ) from error


def open_index(home: Path, version: str | None = None, *, verify: bool = False) -> Index:
    """Maps the current (or the named) version, once it is known to be what was published (`serving.index_trust`).

    `verify`: every file is hashed, also where that was done before. Raises `NotFound` (none published), `Conflict`
    (damaged, not signed, or of another format).
    """
    folder = home / FOLDER / (version or current_version(home))
    return mapped(folder, checked(home, folder, anew=verify))


def checked(home: Path, folder: Path, *, anew: bool = False) -> dict[str, Any]:
    """The manifest of a version that is what was published; raises as `open_index`."""
    manifest = read_manifest(folder)
    check_signature(home, folder, MANIFEST, manifest["version"])
    check_sizes(folder, manifest)
    check_contents(home, folder, manifest["files"], anew=anew)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of one version; raises `Conflict` for one that is missing, unreadable or of another format."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError) as error:
        raise damaged(folder, f"{MANIFEST} cannot be read ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise damaged(folder, f"{MANIFEST} is not of format {FORMAT}")
    return manifest


def check_sizes(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Raises `Conflict` that names the first file that is missing or has another size than the manifest says."""
    for name, entry in manifest["files"].items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            raise damaged(folder, f"{name} is missing")
        if size != entry["bytes"]:
            raise damaged(folder, f"{name} has {size} bytes instead of {entry['bytes']}")


def mapped(folder: Path, manifest: Mapping[str, Any]) -> Index:
    """The index that this manifest says lies in a folder, nothing checked."""

    def array(name: str) -> NDArray[Any]:
        return map_array(folder, name)

    model, answers = manifest["model"], _answers(folder)
    return Index(
        folder=folder,
        version=manifest["version"],
        snapshot=manifest["snapshot"],
        created=manifest["created"],
        model=ModelInfo(model["name"], model["version"], model["metrics"], model["run_id"]),
        members=tuple(map_member(folder, member) for member in manifest["members"]),
        kinds=tuple(manifest["kinds"]),
        user_ids=map_blobs(folder, "user_ids"),
        user_cards=map_blobs(folder, "user_cards"),
        user_names=map_names(folder, "user_names"),
        item_ids=map_blobs(folder, "item_ids"),
        item_cards=map_blobs(folder, "item_cards"),
        item_pages=map_blobs(folder, "item_pages"),
        item_names=map_names(folder, "item_names"),
        item_kind=array("item_kind"),
        popularity=array("popularity"),
        popular=array("popular"),
        known=map_rows(folder, "known"),
        seen=map_rows(folder, "seen"),
        history=History(map_rows(folder, "history"), *(array(f"history.{name}") for name in ("kind", "value", "time"))),
        list_items=array("list.items"),
        list_scores=array("list.scores"),
        vectors={
            name: Vectors(array(f"vectors.{name}.unit"), array(f"vectors.{name}.present"))
            for name in manifest["modalities"]
        },
        attributes=Attributes(
            map_rows(folder, "attributes"), array("attributes.weights"),
            map_rows(folder, "attribute_items"), array("attribute_items.weights"),
            array("attributes.rarity"), float(array("attributes.damping")[0]),
        ),
        crowd_items=array("crowd.items"),
        crowd_scores=array("crowd.scores"),
        encoders={name: (made, version) for name, (made, version) in manifest["encoders"].items()},
        inherit=_inheritance(folder, manifest["inherit"]) if manifest["inherit"] else None,
        profiles=_profiles(folder, manifest["profile"]) if manifest["profile"] else None,
        onboarding=array("onboarding"),
        onboarding_likings=array("onboarding.likings" if answers is not None else "onboarding"),
        answers=answers,
        borrowed=map_rows(folder, "borrowed"),
        borrowed_own=array("borrowed.own"),
        borrowed_sure=array("borrowed.sure") if (folder / "borrowed.sure.npy").is_file() else np.empty(0, np.float32),
        lenders=map_rows(folder, "borrowed.lenders") if manifest.get("consent") else None,
        consent=array(ARRAY) if manifest.get("consent") else None,
        people=map_people(folder) if manifest["people"] else None,
        sessions=map_sessions(folder, manifest.get("sessions")),
        related=map_related(folder, manifest.get("related")),
        coming=map_coming(folder, manifest.get("events")),
        transitions=map_transitions(folder) if manifest.get("related") else Transitions(),
        min_value=manifest["min_value"],
        approximate=open_approximate(folder, manifest.get("approximate")),
    )  # fmt: skip


def _profiles(folder: Path, entries: Sequence[Mapping[str, Any]]) -> Profiles:
    columns, first = [], 0
    for entry in entries:
        edges, words = (None if entry[name] is None else tuple(entry[name]) for name in ("edges", "words"))
        columns.append(Column(entry["name"], edges, words, first))
        first += entry["size"]
    return Profiles(tuple(columns), map_array(folder, "profile.items"))


def _answers(folder: Path) -> Answers | None:
    if not (folder / "answers.share.npy").is_file():
        return None
    return Answers(*(map_array(folder, f"answers.{name}") for name in ("share", "vectors", "weight")))


def _inheritance(folder: Path, entry: Mapping[str, Any]) -> Inheritance:
    def array(name: str) -> NDArray[Any]:
        return map_array(folder, f"inherit.{name}")

    return Inheritance(
        landmarks=array("landmarks"),
        solver=array("solver"),
        means={name: array(f"means.{name}") for name in entry["modalities"]},
        vectors={name: array(f"vectors.{name}") for name in entry["modalities"]},
        share=entry["share"],
        postings=map_rows(folder, "inherit.postings"),
        posting_weights=array("posting_weights"),
        rarity=array("rarity"),
        entities=map_blobs(folder, "entity_ids"),
        num_items=entry["num_items"],
        bias=entry["bias"],
        stretch=entry["stretch"],
        cold=array("cold"),
        cold_from=Inherited(array("cold_places"), array("cold_weights")),
    )
