"""Ray, where it is installed: a cluster to share work out on. Training, tuning and encoding use it.

Needs the extra `ray`, and Interlace on every machine of the cluster. Address `local` starts Ray here; `auto`, or
`ray://host:port`, finds a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from graph.errors import Unsupported

LOCAL = "local"


@contextmanager
def connected(address: str, processes: int) -> Iterator[Any]:
    """The module `ray`, connected within the block; `Unsupported` without it, or without a core for each process."""
    try:
        import ray
    except ImportError as error:
        raise Unsupported(
            "Ray is not installed", valid="the extra `ray`", remedy="pip install 'interlace[ray]', or leave out --ray"
        ) from error
    started = not ray.is_initialized()
    if started:
        local = {"num_cpus": processes, "include_dashboard": False}
        ray.init(log_to_driver=False, **(local if address == LOCAL else {"address": address}))
    try:
        cores = int(ray.cluster_resources().get("CPU", 0))
        if cores < processes:
            raise Unsupported(
                f"{processes} processes on a Ray cluster of {cores} cores",
                valid=f"at most {cores}",
                remedy="add machines to the cluster, or ask for fewer --processes",
            )
        yield ray
    finally:
        if started:
            ray.shutdown()
