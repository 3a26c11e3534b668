"""The contract of an encoder: things of one modality in, one matrix of vectors out.

An encoder is cheap until it is used: name and version are known without loading a model, so a run in which everything
is cached never loads one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Modality = Literal["text", "image", "audio"]
Vectors: TypeAlias = NDArray[np.float32]

Thing = TypeVar("Thing", contravariant=True)
Prepared = TypeVar("Prepared")
Value = TypeVar("Value")


class Encoder(Protocol, Generic[Thing, Prepared]):
    """`name` and `version` go into the cache key: `version` changes whenever the vectors would.

    (Up to rounding: another processor or batch may move a vector by up to 1e-3 of its length.)
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def modality(self) -> Modality: ...

    @property
    def dim(self) -> int: ...

    def prepare(self, thing: Thing) -> Prepared:
        """What of the work needs no model (decoding, cropping, cleaning); called from several threads at once.

        `thing` is a text (str) or a file's content (bytes: an encoded image or sound). Raises
        `graph.errors.InvalidData` for a thing that cannot be read.
        """
        ...

    def encode_prepared(self, batch: Sequence[Prepared]) -> Vectors:
        """(len(batch), dim) float32, rows of unit length, in the order given."""
        ...

    def encode(self, batch: Sequence[Thing]) -> Vectors:
        """`prepare` and `encode_prepared` at once."""
        ...


@runtime_checkable
class AsksOtherwise(Protocol):
    """An encoder of texts that wants questions written otherwise than documents (an instruction before them)."""

    def encode_queries(self, batch: Sequence[str]) -> Vectors:
        """As `Encoder.encode`, of texts that documents are searched by."""
        ...


@runtime_checkable
class InOrder(Protocol):
    """An encoder that takes things in their order, `at_once` of them: these may be encoded while more is prepared."""

    @property
    def at_once(self) -> int: ...


AnyEncoder: TypeAlias = Encoder[Any, Any]
"""An encoder whose modality is known only when the program runs."""


class Absent(Exception):
    """Raised by `prepare` for a thing that has none of the modality: no vector, and no error of the user's."""


def encode_queries(encoder: AnyEncoder, batch: Sequence[Any]) -> Vectors:
    """(len(batch), dim) of what is searched for, in the space of the encoder's documents."""
    return encoder.encode_queries(batch) if isinstance(encoder, AsksOtherwise) else encoder.encode(batch)


class Lazy(Generic[Value]):
    """A value made when it is first asked for, once, whichever thread asks."""

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._made: list[Value] = []
        self._lock = Lock()

    def get(self) -> Value:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


def unit_rows(vectors: NDArray[Any]) -> Vectors:
    """Rows scaled to length one, as contiguous float32; a row of zeros stays zero."""
    found: Vectors = np.array(vectors, dtype=np.float32, order="C")
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    np.divide(found, norms, out=found, where=norms > 0)
    return found
