"""What zero-shot tagging learns from a catalogue once: where labels lie, how near they are to everything, what is true.

Kept in HOME/tags/fit.json, so that a new item is compared with the same labels on the same scales as all others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors
from encoders.registry import open_encoder
from encoders.train_clip import BASES, FEWEST_PAIRS, train_clip
from encoders.weights import files_version
from encoders.zeroshot_labels import (
    Space,
    picture_space,
    projection,
    sound_projection,
    sound_space,
    sounds_file,
    text_space,
)
from encoders.zeroshot_scores import Fit, fit
from encoders.zeroshot_state import FOLDER, load_fit, save_fit
from graph.errors import InterlaceError, NotFound
from graph.id_pages import id_pages
from graph.queries_tags import attributes_of
from graph.schema import ITEM
from graph.snapshot import EmbeddingTable
from graph.store import GraphStore

MODALITIES = ("text", "image", "audio")
FIT_ITEMS = 20_000
"""Items that a fit sees at most, chosen by a hash of their ids."""
GROWTH = 1.2
PAGE = 256
FORMAT = 1


@dataclass(frozen=True)
class Fitted:
    """`spaces` by modality; `encoders`: (name, version) of the vectors that can be compared; `skipped`: why others not.

    `version` changes with everything that decides a confidence; `fresh`: it was learned now.
    """

    fit: Fit
    spaces: Mapping[str, Space]
    encoders: Mapping[str, tuple[str, str]]
    skipped: Mapping[str, str]
    version: str
    fresh: bool


@dataclass(frozen=True)
class Attribute:
    """Nodes whose names are the labels, in the labels' order: what is known of some items."""

    label: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class _Catalogue:
    """What of a catalogue a fit depends on, beside the items."""

    names: tuple[str, ...]
    attribute: Attribute | None
    encoders: Mapping[str, tuple[str, str]]
    kind: str

    def key(self) -> str:
        nodes = None if self.attribute is None else [self.attribute.label, *self.attribute.nodes]
        return json.dumps([FORMAT, self.names, nodes, sorted(self.encoders.items()), self.kind])


def fitted(
    store: GraphStore,
    home: Path,
    names: Sequence[str],
    attribute: Attribute | None,
    *,
    refit: bool = False,
    device: str | None = None,
) -> Fitted:
    """The kept fit, or a new one where labels or encoders changed or the catalogue grew by a fifth.

    Raises `NotFound` when no item has a vector.
    """
    encoders, items = encoders_used(store)
    catalogue = _Catalogue(tuple(names), attribute, encoders, _kind(store))
    kept = None if refit else _kept(home, catalogue, items, device)
    return kept or _learn(store, home, catalogue, items, device)


def encoders_used(store: GraphStore) -> tuple[dict[str, tuple[str, str]], int]:
    """By modality the (name, version) that made most of the graph's vectors; and how many vectors those are in all.

    Raises `NotFound` when no item has a vector.
    """
    counts = {name: store.query(f"{name}_encoders").rows for name in MODALITIES}
    encoders = {name: (str(rows[0][0]), str(rows[0][1])) for name, rows in counts.items() if rows}
    if not encoders:
        raise NotFound(
            "no item has a vector to compare", valid="items with texts, pictures or sounds", remedy="interlace encode"
        )
    return encoders, sum(int(rows[0][2]) for rows in counts.values() if rows)


def graph_tables(store: GraphStore) -> dict[str, EmbeddingTable]:
    """The graph's vectors by modality, of at most `FIT_ITEMS` items. Raises `NotFound` when no item has one."""
    encoders, _ = encoders_used(store)
    _, vectors, present = _sample(store, encoders)
    return {name: EmbeddingTable(vectors[name], present[name], *encoders[name]) for name in encoders}


def _kind(store: GraphStore) -> str:
    rows = store.query("item_kinds").rows
    return str(rows[0][0]) if rows else ""


def _kept(home: Path, catalogue: _Catalogue, items: int, device: str | None) -> Fitted | None:
    found = load_fit(home)
    if found is None or found["key"] != catalogue.key() or items > GROWTH * found["items"]:
        return None
    if found["clip"] and not _is_clip(home, found["clip"]):
        return None
    if found.get("sounds", "") != sounds_version(home, catalogue.encoders):
        return None
    spaces = _spaces_of(found, home, device)
    return Fitted(
        Fit.from_dict(found["fit"]), spaces, {name: catalogue.encoders[name] for name in spaces}, found["skipped"],
        _version(found), fresh=False,
    )  # fmt: skip


def _spaces_of(found: Mapping[str, Any], home: Path, device: str | None) -> dict[str, Space]:
    return {
        name: Space(
            name,
            one["encoder"],
            np.array(one["labels"], np.float32),
            sound_projection(one["encoder"], sounds_file(home, one["encoder"]), device)
            if name == "audio"
            else projection(one["encoder"], clip_file(home), device),
        )
        for name, one in found["spaces"].items()
    }


@dataclass(frozen=True)
class KeptFit:
    """The fit that tags were made with: its labels, and the (name, version) of the encoders it can compare."""

    names: tuple[str, ...]
    fit: Fit
    spaces: Mapping[str, Space]
    encoders: Mapping[str, tuple[str, str]]


def kept_fit(home: Path, *, device: str | None = None) -> KeptFit | None:
    """What HOME/tags holds; None where nothing was tagged, or where its projections are gone or another's."""
    found = load_fit(home)
    if found is None or (found["clip"] and not _is_clip(home, found["clip"])):
        return None
    _, names, _, encoders, _ = json.loads(found["key"])
    if found.get("sounds", "") != sounds_version(home, dict(encoders)):
        return None
    spaces = _spaces_of(found, home, device)
    made_by = {name: (made, version) for name, (made, version) in encoders if name in spaces}
    return KeptFit(tuple(names), Fit.from_dict(found["fit"]), spaces, made_by)


def _is_clip(home: Path, version: str) -> bool:
    file = clip_file(home)
    return file.is_file() and files_version([file], "") == version


def _learn(store: GraphStore, home: Path, catalogue: _Catalogue, items: int, device: str | None) -> Fitted:
    ids, vectors, present = _sample(store, catalogue.encoders)
    spaces, skipped, clip = _spaces(home, catalogue, vectors, present, device)
    if not spaces:
        raise NotFound(
            f"no item's vectors can be compared with words: {'; '.join(skipped.values())}",
            valid="vectors of an encoder that knows words, of the version that is installed",
            remedy="interlace encode for texts and pictures, interlace train-encoder --pairs audio-tags for sounds",
        )
    scores = {name: space.scores(vectors[name]) for name, space in spaces.items()}
    usable = {name: present[name] for name in spaces}
    learned = fit(scores, usable, _known(store, ids, catalogue.attribute))
    document = {
        "key": catalogue.key(), "items": items, "clip": clip,
        "sounds": sounds_version(home, catalogue.encoders), "skipped": skipped, "fit": learned.as_dict(),
        "spaces": {name: {"encoder": one.encoder, "labels": one.labels.tolist()} for name, one in spaces.items()},
    }  # fmt: skip
    save_fit(home, document)
    chosen = {name: catalogue.encoders[name] for name in spaces}
    return Fitted(learned, spaces, chosen, skipped, _version(document), fresh=True)


def _version(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:12]


def _sample(
    store: GraphStore, encoders: Mapping[str, tuple[str, str]]
) -> tuple[list[str], dict[str, Vectors], dict[str, NDArray[np.bool_]]]:
    chosen = sorted(_ids(store), key=lambda item: hashlib.sha256(item.encode()).digest())[:FIT_ITEMS]
    pages = [read_vectors(store, chosen[start : start + PAGE], encoders) for start in range(0, len(chosen), PAGE)]
    ids = [item for page, _, _ in pages for item in page]
    dims = {name: max(page[1][name].shape[1] for page in pages) for name in encoders}
    vectors = {name: np.concatenate([_widened(page[1][name], dims[name]) for page in pages]) for name in encoders}
    present = {name: np.concatenate([page[2][name] for page in pages]) for name in encoders}
    return ids, vectors, present


def _widened(vectors: Vectors, dim: int) -> Vectors:
    """A page of which no item has a vector is zeros of any width."""
    return vectors if vectors.shape[1] == dim else np.zeros((len(vectors), dim), np.float32)


def _ids(store: GraphStore) -> Iterator[str]:
    return chain.from_iterable(id_pages(store, ITEM))


def read_vectors(
    store: GraphStore, ids: Sequence[str], encoders: Mapping[str, tuple[str, str]]
) -> tuple[list[str], dict[str, Vectors], dict[str, NDArray[np.bool_]]]:
    """Items that are there; by modality their vectors, (items, dim), and which are of the encoder that is meant."""
    rows = store.query("item_vectors", {"ids": list(ids)}).dicts()
    vectors, present = {}, {}
    for name, made_by in encoders.items():
        found = [row[name] if (row[f"{name}_encoder"], row[f"{name}_version"]) == made_by else None for row in rows]
        present[name] = np.array([one is not None for one in found], np.bool_)
        dim = next((len(one) for one in found if one is not None), 0)
        vectors[name] = np.array([[0.0] * dim if one is None else one for one in found], np.float32).reshape(
            len(rows), dim
        )
    return [row["id"] for row in rows], vectors, present


def _spaces(
    home: Path,
    catalogue: _Catalogue,
    vectors: Mapping[str, Vectors],
    present: Mapping[str, NDArray[np.bool_]],
    device: str | None,
) -> tuple[dict[str, Space], dict[str, str], str]:
    """Spaces by modality, why others are left out, and the version of projections that were learned ('' for none)."""
    spaces, skipped, clip = {}, {}, ""
    for name, (encoder, version) in catalogue.encoders.items():
        try:
            if open_encoder(encoder, device=device).version != version:
                skipped[name] = f"the {name} vectors on the graph are of another version of {encoder!r}"
            elif name == "text":
                spaces[name] = text_space(encoder, catalogue.names, catalogue.kind, device=device)
            elif name == "audio":
                file = sounds_file(home, encoder)
                spaces[name] = sound_space(encoder, catalogue.names, catalogue.kind, projections=file, device=device)
            else:
                clip = _learn_clip(home, catalogue.encoders, vectors, present)
                file = clip_file(home) if clip else None
                spaces[name] = picture_space(encoder, catalogue.names, catalogue.kind, projections=file, device=device)
        except InterlaceError as error:
            skipped[name] = error.what
    return spaces, skipped, clip


def _learn_clip(
    home: Path,
    encoders: Mapping[str, tuple[str, str]],
    vectors: Mapping[str, Vectors],
    present: Mapping[str, NDArray[np.bool_]],
) -> str:
    """Version of the projections of the shipped towers, learned now; '' where they cannot be, or are not used."""
    if any(name not in encoders or encoders[name][0] != base for name, base in BASES.items()):
        return ""
    if int((present["text"] & present["image"]).sum()) < FEWEST_PAIRS:
        return ""
    tables = {name: EmbeddingTable(vectors[name], present[name], *encoders[name]) for name in BASES}
    return train_clip(tables, home=home / FOLDER).version


def sounds_version(home: Path, encoders: Mapping[str, Sequence[str]]) -> str:
    """Of the projections that bring the catalogue's sounds to words; '' where its encoder does so itself, or nothing.

    `encoders`: (name, version) by modality.
    """
    file = sounds_file(home, encoders["audio"][0]) if "audio" in encoders else None
    return "" if file is None else files_version([file], "")


def clip_file(home: Path) -> Path:
    """Where the projections of the shipped towers are, once they have been learned."""
    from encoders.train_clip import FILE

    return home / FOLDER / FILE


def _known(store: GraphStore, ids: Sequence[str], attribute: Attribute | None) -> NDArray[np.bool_] | None:
    """(items, labels): which items have which label's node; None where the labels are no nodes."""
    if attribute is None:
        return None
    place = {node: at for at, node in enumerate(attribute.nodes)}
    row = {item: at for at, item in enumerate(ids)}
    known = np.zeros((len(ids), len(place)), np.bool_)
    for start in range(0, len(ids), PAGE):
        for item, nodes in store.query(attributes_of(attribute.label), {"ids": list(ids[start : start + PAGE])}):
            known[row[item], [place[node] for node in nodes if node in place]] = True
    return known
