"""What the encoder process can be asked: vectors of a text, a picture and a sound, and how well labels fit them.

Not part of the request path: this file loads models. It answers from the home's own fits and the published index.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import MappingProxyType

import numpy as np

from encoders.base import Absent, AsksOtherwise, Modality, Vectors
from encoders.registry import open_encoder
from encoders.sources import item_text
from encoders.video_encoder import of_videos
from graph.errors import InterlaceError, InvalidData
from serving.classify import Classifiers
from serving.encoder_batches import Batches
from serving.encoder_frames import Frame
from serving.index import open_index
from serving.search_vectors import check_version, not_encoded

MODALITIES: tuple[Modality, ...] = ("text", "image", "audio")
GIVEN = "vector."
"""Parts whose name begins so are vectors already: of an item of the catalogue."""
MOST_ENCODERS = 12
"""Encoders that are kept loaded: those of the present index and of a few before it."""


log = logging.getLogger("interlace.encoders")


class Work:
    """Answers frames, from any thread. Encoders are loaded when they are first asked for, and kept."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._batches: dict[tuple[str, bool], Batches] = {}
        self._versions: dict[str, str] = {}
        self._lock = Lock()
        self._classifiers = Classifiers(home)

    def answer(self, question: Frame) -> Frame:
        """Raises `InvalidData` for an unknown question, and what the work itself raises."""
        ask = QUESTIONS.get(question.head.get("ask", ""))
        if ask is None:
            raise InvalidData(f"the encoders were asked for {question.head.get('ask')!r}", valid=", ".join(QUESTIONS))
        return ask(self, question)

    def vectors(self, question: Frame) -> Frame:
        """`encoders`: (name, version) by modality; `text`, or an item's `title` and `text`; parts `image`, `audio`, and
        `video` for those of them that are not given.

        One part a modality comes back: float32 of unit length. A modality that the home does not encode is left out
        where `skip` says so, else `Unsupported`.
        """
        found = self._encoded(question)
        return Frame({"dims": {name: len(one) for name, one in found.items()}}, _as_bytes(found))

    def classify(self, question: Frame) -> Frame:
        """As `vectors`, with `labels` (none: those the catalogue was tagged with): how well each fits."""
        vectors = self._encoded(question)
        return Frame(self._classifiers.answer(vectors, question.head.get("labels"), question.head["encoders"]))

    def preload(self) -> None:
        """Loads the encoders of the published index, so that the first question does not wait for them."""
        try:
            for modality, (name, version) in open_index(self._home).encoders.items():
                encoder = self._of(name, version)
                if modality == "text":
                    encoder.encode("a")
                else:
                    log.info("%s is %s wide", name, encoder.encoder.dim)  # asking for it loads the model
        except InterlaceError as error:  # nothing is published yet, or it was encoded elsewhere: the questions will say
            log.warning("encoders were not loaded ahead: %s", error)

    def _encoded(self, question: Frame) -> dict[str, Vectors]:
        asked = question.head
        text = asked.get("text") if "title" not in asked else item_text(asked["title"], asked.get("text"))
        things = {"text": text, "image": question.parts.get("image"), "audio": question.parts.get("audio")}
        found = {
            name.removeprefix(GIVEN): np.frombuffer(part, np.float32)
            for name, part in question.parts.items()
            if name.startswith(GIVEN)
        }
        for modality in MODALITIES:
            thing = things[modality]
            encoder = asked["encoders"].get(modality)
            if thing and encoder is not None:
                found[str(modality)] = self._vector(
                    encoder, thing, is_query=modality == "text" and "title" not in asked
                )
            elif thing and not asked.get("skip"):
                raise not_encoded(modality, asked["encoders"])
            elif encoder is not None and modality != "text" and question.parts.get("video"):
                with suppress(Absent):  # a video without a sound track
                    found[str(modality)] = self._of(*encoder, videos=True).encode(question.parts["video"])
        return found

    def _vector(self, encoder: Sequence[str], thing: str | bytes, *, is_query: bool) -> Vectors:
        batches = self._of(*encoder)
        if is_query and isinstance(batches.encoder, AsksOtherwise):
            found: Vectors = batches.encoder.encode_queries([str(thing)])[0]
            return found
        return batches.encode(thing)

    def _of(self, name: str, version: str, *, videos: bool = False) -> Batches:
        with self._lock:
            if (name, videos) not in self._batches:
                if len(self._batches) >= MOST_ENCODERS:
                    self._batches.pop(next(iter(self._batches)))
                encoder = open_encoder(name)
                check_version(encoder.version, name, version)
                self._batches[name, videos] = Batches(of_videos(encoder) if videos else encoder)
                self._versions[name] = encoder.version
            found = self._batches[name, videos]
        check_version(self._versions[name], name, version)
        return found


def _as_bytes(vectors: Mapping[str, Vectors]) -> dict[str, bytes]:
    return {name: np.ascontiguousarray(one, np.float32).tobytes() for name, one in vectors.items()}


QUESTIONS: Mapping[str, Callable[[Work, Frame], Frame]] = MappingProxyType(
    {"vectors": Work.vectors, "classify": Work.classify}
)
