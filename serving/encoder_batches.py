"""One encoder for many threads: what is asked for while a batch is encoded makes up the next batch.

So nobody waits for a batch to fill, and under load the model still sees many things at once.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import Any, TypeAlias

from encoders.base import AnyEncoder, Vectors
from graph.errors import EncodersUnavailable

MOST = 32
WAITING = 256

_Asked: TypeAlias = "tuple[Any, Future[Vectors]]"


class Batches:
    """`encode` from any thread; the model runs in one of its own."""

    def __init__(self, encoder: AnyEncoder) -> None:
        self.encoder = encoder
        self._queue: queue.Queue[_Asked] = queue.Queue(WAITING)
        threading.Thread(target=self._run, daemon=True, name=f"encoder {encoder.name}").start()

    def encode(self, thing: str | bytes) -> Vectors:
        """(dim,) of one thing. Raises `InvalidData` for one that cannot be read, `EncodersUnavailable` when too many
        wait.
        """
        prepared = self.encoder.prepare(thing)  # in the caller's thread: decoding is the longer part of a picture
        future: Future[Vectors] = Future()
        try:
            self._queue.put_nowait((prepared, future))
        except queue.Full as error:
            raise EncodersUnavailable(f"{WAITING} things wait to be encoded", remedy="try again in a second") from error
        return future.result()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < MOST and not self._queue.empty():
                batch.append(self._queue.get())
            try:
                vectors = self.encoder.encode_prepared([prepared for prepared, _ in batch])
            except Exception as error:  # noqa: BLE001  goes to those who asked
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), vector in zip(batch, vectors, strict=True):
                    future.set_result(vector)
