"""What processes of one fit tell each other beside gradients: sums, decisions, and which fit comes next.

Over torch's default process group: gloo, and NCCL for what lies on GPUs. With one process nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from training.scale.runtime import Place

PATIENCE = timedelta(days=1)
"""Workers wait for the first process while it reads, measures and logs; one that dies is noticed at once."""


def join(place: Place, *, address: str | None = None) -> None:
    """Makes this process a member. `address`: `tcp://host:port` of rank 0; None: what torchrun's environment says."""
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(place.local_rank % torch.cuda.device_count())
        if torch.cuda.device_count() >= place.local_processes:  # NCCL wants a GPU for each
            backend = "cpu:gloo,cuda:nccl"
    if address is None:
        dist.init_process_group(backend, timeout=PATIENCE)
        return
    dist.init_process_group(backend, init_method=address, rank=place.rank, world_size=place.processes, timeout=PATIENCE)


def leave() -> None:
    """Ends this process' membership."""
    if dist.is_initialized():
        dist.destroy_process_group()


def summed(values: Sequence[float], processes: int) -> list[float]:
    """Each value summed over the processes."""
    if processes == 1:
        return list(values)
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(tensor)
    return [float(value) for value in tensor]


def first_says(value: Any, processes: int) -> Any:
    """What the first process has for `value`, in all of them. Pickled, between processes of one program alone."""
    if processes == 1:
        return value
    holder = [value]
    dist.broadcast_object_list(holder, src=0, device=torch.device("cpu"))
    return holder[0]
