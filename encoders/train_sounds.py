"""Trains a space of a catalogue's sounds and the words for them: projections of a frozen audio tower and of MiniLM.

A sound has several words (its genres, its moods, its tags, its title). In every step a random part of each sound's
words is taken, so that one word alone has a place too; a phrase's features are the unit mean of its words' vectors. A
phrase is right for every sound that has all its words, not for its own alone: in a catalogue of four genres most of
a batch would otherwise be told to stay away from what describes it. The rest is `encoders.contrast`.

The result opens as `catalogue-audio:FILE` and `catalogue-text:FILE`: words find sounds, and sounds get labels
(`encoders.zeroshot_labels.sound_space`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from encoders.base import Vectors
from encoders.clip import TEXT_PROJECTION
from encoders.contrast import (
    LARGEST_LOG_SCALE,
    ContrastTraining,
    PairsReport,
    Progress,
    Recalls,
    Scaling,
    check_frozen,
    descend,
    drawn_matrix,
    first_scale,
    info_nce,
    parts,
    projected,
    recall_at_10,
    recall_by_chance,
    save_projections,
)
from encoders.projected import AUDIO_PROJECTION, bias_of
from encoders.registry import open_encoder
from encoders.weights import files_version
from encoders.zeroshot_labels import SOUND_PROMPTS, SOUNDS, phrase_vectors
from graph.errors import InvalidData
from graph.snapshot import EmbeddingTable

if TYPE_CHECKING:
    import torch

TEXTS = "minilm"
FEWEST_SOUNDS = 100
WAYS = ("audio_to_text", "text_to_audio")
TRAINING = ContrastTraining(embedding_size=64, epochs=300, dropout=0.6, batch_size=64, patience=20)
"""Chosen on Emotify: of a few hundred sounds, more is learned in small steps."""


@dataclass(frozen=True)
class Words:
    """`names`: distinct words, `has`: (items, words), which item has which."""

    names: tuple[str, ...]
    has: NDArray[np.bool_]

    @classmethod
    def of(cls, described: Sequence[Sequence[str]]) -> Words:
        """From each item's words, in the items' order."""
        names = tuple(sorted({word.strip() for words in described for word in words if word.strip()}))
        place = {name: at for at, name in enumerate(names)}
        has = np.zeros((len(described), len(names)), np.bool_)
        for row, words in enumerate(described):
            has[row, [place[word.strip()] for word in words if word.strip()]] = True
        return cls(names, has)

    def vectors(self, kind: str) -> Vectors:
        """(words, 384) unit rows of the text tower, each the mean of a few sentences about a thing of this `kind`."""
        encoder = open_encoder(TEXTS)
        return phrase_vectors(encoder.encode, self.names, SOUND_PROMPTS, kind)


def train_sounds(
    table: EmbeddingTable,
    described: Sequence[Sequence[str]],
    *,
    home: Path,
    kind: str = "track",
    training: ContrastTraining | None = None,
    progress: Progress | None = None,
) -> PairsReport:
    """Trains on the items that have a sound and words; saves HOME/encoders/catalogue-sounds.safetensors.

    `table`: vectors of an audio encoder; `described`: each item's words. Raises `InvalidData` for fewer than
    `FEWEST_SOUNDS` of them, or where all have the same words.
    """
    chosen = training or TRAINING
    check_frozen(table, "audio")
    words = Words.of(described)
    both = table.present & words.has.any(axis=1)
    _check(int(both.sum()), words, both)
    sounds, has, vectors = table.vectors[both], words.has[both], words.vectors(kind)
    part, stop, test = parts(len(sounds), chosen.seed)
    scaling = Scaling.of(sounds[part])
    before = SoundSpace(scaling, vectors, chosen)
    trained = SoundSpace(scaling, vectors, chosen)
    losses = trained.fit(sounds[part], has[part], (sounds[stop], has[stop]), progress)
    epochs = int(np.argmin(losses)) + 1
    final = SoundSpace(scaling, vectors, chosen)
    final.fit(sounds, has, None, progress, epochs=epochs)
    recalls = tuple(space.recall(sounds[test], has[test]) for space in (before, trained))
    about = {
        "pairs": "audio-tags", "training": asdict(chosen), "epochs": epochs, "items": len(sounds),
        "words": list(words.names), "kind": kind, "recall@10": recalls,
        "bases": {"audio": [table.encoder, table.version], "text": [TEXTS, open_encoder(TEXTS).version]},
    }  # fmt: skip
    file = final.save(home / SOUNDS, about)
    return PairsReport(
        "audio-tags", str(file), files_version([file], ""), (f"catalogue-audio:{file}", f"catalogue-text:{file}"),
        len(sounds), len(test), epochs, recalls[0], recalls[1], by_chance(has[test]), tuple(losses),
    )  # fmt: skip


def _check(sounds: int, words: Words, both: NDArray[np.bool_]) -> None:
    if sounds < FEWEST_SOUNDS:
        raise InvalidData(f"{sounds} items have both a sound and words", valid=f"at least {FEWEST_SOUNDS}",
                          remedy="give more items `audio` and attributes (Genre, Mood) or a title")  # fmt: skip
    if len(np.unique(words.has[both], axis=0)) < 2:
        raise InvalidData(f"all {sounds} sounds have the same words: {', '.join(words.names)}",
                          valid="words that tell sounds apart", remedy="name other attributes")  # fmt: skip


class SoundSpace:
    """The two projections while they learn; random by seed before."""

    def __init__(self, scaling: Scaling, words: Vectors, training: ContrastTraining) -> None:
        import torch

        self._scaling = scaling
        self._training = training
        self._generator = torch.Generator().manual_seed(training.seed)
        self._rng = np.random.default_rng(training.seed)
        self._words = torch.from_numpy(words)
        self.audio = drawn_matrix(training.embedding_size, len(scaling.mean), self._generator)
        self.text = drawn_matrix(training.embedding_size, words.shape[1], self._generator)
        self.log_scale = first_scale()

    def fit(
        self,
        sounds: Vectors,
        has: NDArray[np.bool_],
        stop: tuple[Vectors, NDArray[np.bool_]] | None,
        progress: Progress | None = None,
        *,
        epochs: int | None = None,
    ) -> list[float]:
        """Trains on (n, dim) sounds and which words they have; losses of `stop` by epoch (`contrast.descend`)."""
        stopping = None if stop is None else lambda: self.loss(*stop, dropout=0.0)
        return descend(
            [self.audio, self.text],
            self.log_scale,
            lambda rows: self.loss(sounds[rows], has[rows], dropout=self._training.dropout),
            stopping,
            rows=len(sounds),
            training=self._training,
            progress=progress,
            epochs=epochs,
        )

    def loss(self, sounds: Vectors, has: NDArray[np.bool_], *, dropout: float) -> torch.Tensor:
        """With dropout also of words: of each sound a random part of them is told."""
        import torch

        told = some_of(has, self._rng) if dropout else has
        right = fitting(told, has)
        found = projected(self._scaling.scaled(sounds), self.audio, dropout, self._generator)
        similarity = found @ self._phrases(told, dropout).T
        return info_nce(similarity, self.log_scale, torch.from_numpy(right.T))

    def _phrases(self, told: NDArray[np.bool_], dropout: float) -> torch.Tensor:
        import torch
        from torch.nn import functional

        features = functional.normalize(torch.from_numpy(told.astype(np.float32)) @ self._words, dim=1)
        return projected(features, self.text, dropout, self._generator)

    def recall(self, sounds: Vectors, has: NDArray[np.bool_]) -> dict[str, float]:
        """Of each sound, whether its own words are among the 10 nearest phrases of `has`; and the other way round."""
        import torch

        phrases, own = own_phrases(has)
        with torch.no_grad():
            found = projected(self._scaling.scaled(sounds), self.audio, 0.0, self._generator)
            similarity = (found @ self._phrases(phrases, 0.0).T).numpy()
        return dict(zip(WAYS, (recall_at_10(similarity, own), recall_at_10(similarity.T, own.T)), strict=True))

    def scores(self, sounds: Vectors, words: Vectors) -> Vectors:
        """Cosines of (n, dim) sounds with words, (m, 384) of the text tower."""
        import torch

        with torch.no_grad():
            found = projected(self._scaling.scaled(sounds), self.audio, 0.0, self._generator)
            labels = projected(torch.from_numpy(words), self.text, 0.0, self._generator)
            return np.asarray(found @ labels.T)

    def save(self, file: Path, about: Mapping[str, Any]) -> Path:
        """By atomic rename."""
        matrix, bias = self._scaling.folded(self.audio)
        tensors = {AUDIO_PROJECTION: matrix, bias_of(AUDIO_PROJECTION): bias, TEXT_PROJECTION: self.text,
                   "logit_scale": self.log_scale.clamp(max=LARGEST_LOG_SCALE)}  # fmt: skip
        return save_projections(tensors, file, about)


def some_of(has: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Of each row's words a random part, one at least; every size is as likely."""
    order = np.where(has, rng.random(has.shape), 2.0).argsort(axis=1).argsort(axis=1)
    sizes = rng.integers(1, has.sum(axis=1) + 1)
    return np.asarray(order < sizes[:, None])


def fitting(told: NDArray[np.bool_], has: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(phrases, items): whether an item has all the words of a phrase."""
    missing = told.astype(np.float32) @ (~has).T.astype(np.float32)
    return np.asarray(missing == 0)


def own_phrases(has: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The distinct phrases of items, and (items, phrases) which is whose."""
    phrases, place = np.unique(has, axis=0, return_inverse=True)
    return phrases, np.asarray(place.reshape(-1)[:, None] == np.arange(len(phrases)))


def by_chance(has: NDArray[np.bool_]) -> Recalls:
    """What `SoundSpace.recall` would be if the order were random."""
    _, own = own_phrases(has)
    return dict(zip(WAYS, (recall_by_chance(own), recall_by_chance(own.T)), strict=True))
