"""How well labels fit one thing that is in no catalogue yet: a text, a picture, a sound, or several of them.

With the labels that the catalogue was tagged with, confidences are those of `encoders.zeroshot`, calibrated where it
could be. Other labels are read against the catalogue's own items: a confidence is then the share of them that the label
fits less, a percentile and no probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encoders.base import Vectors
from encoders.zeroshot_fit import clip_file, kept_fit
from encoders.zeroshot_labels import Space, picture_space, sound_space, sounds_file, text_space
from encoders.zeroshot_scores import Fit, fit
from graph.errors import InterlaceError, NotFound, Unsupported
from graph.snapshot import EmbeddingTable

DIGITS = 4


@dataclass(frozen=True)
class Judgement:
    """`confidences` by label, best first; `made_by`: the encoders that were used, by modality; `skipped`: why others
    were not.
    """

    confidences: Mapping[str, float]
    calibrated: bool
    made_by: Mapping[str, str]
    skipped: Mapping[str, str]


@dataclass(frozen=True)
class Classifier:
    """Labels that can be compared with vectors of `encoders`, by modality (name, version)."""

    names: tuple[str, ...]
    fit: Fit
    spaces: Mapping[str, Space]
    encoders: Mapping[str, tuple[str, str]]
    skipped: Mapping[str, str]

    def judge(self, vectors: Mapping[str, Vectors]) -> Judgement:
        """`vectors`: (dim,) by modality. Raises `Unsupported` where none of them can be compared with words."""
        usable = {name: one for name, one in vectors.items() if name in self.spaces}
        skipped = {name: self.skipped.get(name, "no label can be compared with it") for name in vectors.keys() - usable}
        if not usable:
            reasons = "; ".join(f"{name}: {why}" for name, why in sorted(skipped.items()))
            raise Unsupported(f"labels cannot be compared with this ({reasons})", valid=", ".join(sorted(self.spaces)),
                              remedy="give one of these too")  # fmt: skip
        scores = {name: self.spaces[name].scores(one[None]) for name, one in usable.items()}
        found = self.fit.confidences(scores)[0].round(DIGITS)
        order = np.lexsort((np.arange(len(found)), -found)).tolist()
        made_by = {name: self.spaces[name].encoder for name in usable}
        return Judgement({self.names[at]: float(found[at]) for at in order}, self.fit.calibrated, made_by, skipped)


def catalogue_classifier(home: Path, encoders: Mapping[str, tuple[str, str]]) -> Classifier:
    """With the labels that the catalogue was tagged with. Raises `NotFound` where it was not, or by other encoders."""
    kept = kept_fit(home)
    same = {} if kept is None else {one: name for one, name in kept.encoders.items() if encoders.get(one) == name}
    if kept is None or not same:
        raise NotFound(
            "the catalogue has no labels of its own that new things can be compared with",
            valid="labels in the request, or a catalogue that was tagged with the encoders it is indexed with",
            remedy="give labels, or run interlace tag (a refresh does)",
        )
    spaces = {name: space for name, space in kept.spaces.items() if name in same}
    return Classifier(kept.names, kept.fit, spaces, same, {})


def words_classifier(home: Path, tables: Mapping[str, EmbeddingTable], names: Sequence[str], kind: str) -> Classifier:
    """With any labels; `tables`: the catalogue's vectors, against which they are read."""
    spaces: dict[str, Space] = {}
    skipped: dict[str, str] = {}
    for name, table in tables.items():
        try:
            spaces[name] = _space(name, table.encoder, names, kind, home)
        except InterlaceError as error:
            skipped[name] = error.what
    if not spaces:
        raise Unsupported("no vectors of this catalogue can be compared with words", valid="; ".join(skipped.values()),
                          remedy="encode texts, pictures by a CLIP, or train-encoder --pairs audio-tags")  # fmt: skip
    scores = {name: space.scores(tables[name].vectors) for name, space in spaces.items()}
    learned = fit(scores, {name: tables[name].present for name in spaces}, None)
    made_by = {name: (tables[name].encoder, tables[name].version) for name in spaces}
    return Classifier(tuple(names), learned, spaces, made_by, skipped)


def _space(modality: str, encoder: str, names: Sequence[str], kind: str, home: Path) -> Space:
    if modality == "text":
        return text_space(encoder, names, kind)
    if modality == "image":
        file = clip_file(home)
        return picture_space(encoder, names, kind, projections=file if file.is_file() else None)
    return sound_space(encoder, names, kind, projections=sounds_file(home, encoder))
