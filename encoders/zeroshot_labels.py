"""Labels given as words, as vectors in the space of the items' texts or pictures.

A label is put into several sentences; the mean of their vectors stands for it (Radford et al. 2021, prompt ensembling).
Texts and labels share the text encoder. Pictures need an encoder that has both sides: a named CLIP, or the projections
that `encoders.train_clip` learned from the catalogue's own pictures and texts; sounds a named CLAP, or the projections
of `encoders.train_sounds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from encoders.base import Vectors, unit_rows
from encoders.clap import clap
from encoders.projected import base_of, catalogue_audio, catalogue_image, catalogue_text
from encoders.registry import open_encoder
from graph.errors import Unsupported

WORDS = {"movie": "film", "video": "video", "track": "song", "artist": "artist", "article": "article",
         "event": "event", "place": "place"}  # fmt: skip
PROMPTS = ("{label}", "a {label} {kind}", "a {kind} about {label}", "a {kind} of the genre {label}")
PICTURE_PROMPTS = ("{label}", "a picture of a {label} {kind}", "a {kind} about {label}")
SOUND_PROMPTS = ("{label}", "{label} music", "a {label} {kind}", "a {kind} that sounds {label}")

SOUNDS = Path("encoders") / "catalogue-sounds.safetensors"
"""Below the home: what `encoders.train_sounds` saves."""

Project: TypeAlias = Callable[[Vectors], Vectors]


@dataclass(frozen=True)
class Space:
    """Where items and labels meet: `labels` are unit rows, `project` brings the items' vectors there."""

    modality: str
    encoder: str
    labels: Vectors
    project: Project

    def scores(self, vectors: Vectors) -> Vectors:
        """Cosines, (items, labels)."""
        found: Vectors = self.project(vectors) @ self.labels.T
        return found


def spoken(label: str) -> str:
    """A label as one says it: `Sci-Fi`, `Children's`, `film_noir` -> `film noir`."""
    return " ".join(label.replace("_", " ").split())


def projection(encoder: str, projections: Path | None, device: str | None) -> Project:
    """What brings an item's vectors into the space of the labels."""
    if encoder != "efficientnet-lite0":
        return unit_rows
    pictures = catalogue_image(str(projections), device)
    return lambda vectors: pictures.project(list(vectors))


def text_space(encoder: str, labels: Sequence[str], kind: str, *, device: str | None = None) -> Space:
    """The space of an item's texts: that of their encoder."""
    model = open_encoder(encoder, device=device)
    return Space("text", encoder, phrase_vectors(model.encode, labels, PROMPTS, kind), unit_rows)


def picture_space(
    encoder: str, labels: Sequence[str], kind: str, *, projections: Path | None = None, device: str | None = None
) -> Space:
    """The space of an item's pictures. `projections`: what `train_clip` saved, for the shipped encoder.

    Raises `Unsupported` for an encoder without a side for words.
    """
    family, _, reference = encoder.partition(":")
    if family == "open-clip":
        return Space("image", encoder, phrase_vectors(_clip_words(reference), labels, PICTURE_PROMPTS, kind), unit_rows)
    if family == "catalogue-image":
        words = open_encoder(f"catalogue-text:{reference}", device=device)
        return Space("image", encoder, phrase_vectors(words.encode, labels, PICTURE_PROMPTS, kind), unit_rows)
    if family == "adapted-image":
        words = open_encoder(f"adapted-text:{reference}", device=device)
        return Space("image", encoder, phrase_vectors(words.encode, labels, PICTURE_PROMPTS, kind), unit_rows)
    if family == "efficientnet-lite0" and projections is not None:
        words = open_encoder(f"catalogue-text:{projections}", device=device)
        means = phrase_vectors(words.encode, labels, PICTURE_PROMPTS, kind)
        return Space("image", encoder, means, projection(encoder, projections, device))
    raise Unsupported(
        f"the pictures' encoder {encoder!r} knows no words",
        valid="open-clip:MODEL/TAG, catalogue-image:FILE, or efficientnet-lite0 with pictures and texts to learn from",
        remedy="encode the pictures with one of these, or tag by text alone",
    )


def sounds_file(home: Path, encoder: str) -> Path | None:
    """The projections that HOME has of this encoder's sounds; None where it has none, or those of another's."""
    file = home / SOUNDS
    return file if file.is_file() and base_of(file, "audio") == encoder else None


def sound_projection(encoder: str, projections: Path | None, device: str | None) -> Project:
    """What brings an item's sound into the space of the labels. `projections`: of this encoder, if there are any."""
    if projections is None or encoder.startswith("catalogue-audio:"):
        return unit_rows
    return catalogue_audio(str(projections), device).project


def sound_space(
    encoder: str, labels: Sequence[str], kind: str, *, projections: Path | None = None, device: str | None = None
) -> Space:
    """The space of an item's sounds. `projections`: what `train_sounds` saved of this encoder, if anything; a CLAP
    without any is asked by its own side for words.

    Raises `Unsupported` for an encoder without a side for words.
    """
    family, _, reference = encoder.partition(":")
    file = Path(reference) if family == "catalogue-audio" else projections
    if file is None and family == "clap":
        own = clap(reference, device).encode_words
        return Space("audio", encoder, phrase_vectors(own, labels, SOUND_PROMPTS, kind), unit_rows)
    if file is None:
        raise Unsupported(
            f"the sounds' encoder {encoder!r} knows no words",
            valid="clap:NAME, catalogue-audio:FILE, or sounds and words to learn from",
            remedy="interlace train-encoder --pairs audio-tags",
        )
    words = catalogue_text(str(file), device)
    means = phrase_vectors(words.base.encode, labels, SOUND_PROMPTS, kind)
    return Space("audio", encoder, words.project(means), sound_projection(encoder, file, device))


def phrase_vectors(
    encode: Callable[[list[str]], Vectors], labels: Sequence[str], prompts: Sequence[str], kind: str
) -> Vectors:
    """(labels, dim) unit rows: of each label the mean of its sentences about a thing of this `kind`."""
    noun = WORDS.get(kind, "product")
    texts = [prompt.format(label=spoken(label), kind=noun) for label in labels for prompt in prompts]
    vectors = encode(texts).reshape(len(labels), len(prompts), -1)
    return unit_rows(vectors.mean(axis=1))


def _clip_words(reference: str) -> Callable[[list[str]], Vectors]:
    """The side for words of an open_clip model, as `encoders.image.open_clip_image` names it."""

    def encode(texts: list[str]) -> Vectors:
        import open_clip
        import torch

        folder = Path(reference).expanduser()
        if (folder / "open_clip_config.json").is_file():
            name, tag = f"local-dir:{folder}", None
        else:
            name, _, tag = reference.partition("/")
        model = open_clip.create_model(name, tag, require_pretrained=True, weights_only=True).eval()
        tokens = open_clip.get_tokenizer(name)(texts)
        with torch.inference_mode():
            return unit_rows(np.asarray(model.encode_text(tokens).float()))

    return encode
