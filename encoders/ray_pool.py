"""Chunks of a catalogue encoded by the processes of a Ray cluster, in the order given, to the same vectors.

A chunk is what one process would encode at once (`encoders.pipeline`), whoever encodes it: so the bytes do not depend
on how many there are. Each process holds its own model; what is cached never reaches it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from encoders.base import AnyEncoder
from encoders.pipeline import Chunk, Done, Team, encode_chunks
from encoders.registry import open_encoder
from encoders.video_encoder import VideoEncoder, of_videos
from graph.ray_cluster import connected

AHEAD = 2
"""Chunks that wait at each process, so that none waits for the next."""


class Remote:
    """One process: its encoder is opened by name, and kept while the name stays the same."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)  # as here: sums are made in the same order
        self._named: tuple[str, bool] | None = None
        self._encoder: AnyEncoder | None = None

    def run(self, name: str, videos: bool, chunk: Chunk) -> Done:
        """The chunk's vectors, and what of it cannot be read."""
        if self._encoder is None or self._named != (name, videos):
            encoder = open_encoder(name)
            self._named, self._encoder = (name, videos), of_videos(encoder) if videos else encoder
        return next(encode_chunks(self._encoder, [chunk]))


@dataclass(frozen=True)
class RayPool:
    """A `Run` over Ray actors."""

    ray: Any
    actors: Sequence[Any]

    def __call__(self, encoder: AnyEncoder, chunks: Sequence[Chunk]) -> Iterator[Done]:
        videos = isinstance(encoder, VideoEncoder)
        waiting: deque[Any] = deque()
        for place, chunk in enumerate(chunks):
            actor = self.actors[place % len(self.actors)]
            waiting.append(actor.run.remote(encoder.name, videos, chunk))
            if len(waiting) >= AHEAD * len(self.actors):
                yield self.ray.get(waiting.popleft())
        while waiting:
            yield self.ray.get(waiting.popleft())


@contextmanager
def ray_pool(processes: int, address: str) -> Iterator[Team]:
    """Processes of one core (and one GPU, where the cluster has so many) each. Raises `Unsupported` as `connected`."""
    import torch

    with connected(address, processes) as ray:
        gpus = 1 if ray.cluster_resources().get("GPU", 0) >= processes else 0
        actor = ray.remote(num_cpus=1, num_gpus=gpus)(Remote)
        actors = [actor.remote(torch.get_num_threads()) for _ in range(processes)]
        try:
            yield Team(processes, RayPool(ray, actors))
        finally:
            for one in actors:
                ray.kill(one)
