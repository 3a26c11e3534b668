"""The matrix products that a piece of torch does, forward and backward, as phases of `benchmarks.limits`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.limits import CACHED, FLOAT, Phase


def counted(work: Callable[[], object]) -> list[Phase]:
    """Dense products by their operations; sparse ones by the rows they gather, an index and a value for each.

    Left out, because there is no least number of it: sums, activations, optimiser, sampling.
    """
    gathered: Counter[str] = Counter()

    def product(left: torch.Tensor, right: torch.Tensor, *_: Any, **__: Any) -> int:
        columns = right.shape[1]
        if left.layout == torch.strided:
            return 2 * left.shape[0] * left.shape[1] * columns
        entries = left.values().numel()
        index = left.col_indices().element_size()
        gathered["flops"] += 2 * entries * columns
        gathered["bytes"] += entries * (FLOAT * columns + FLOAT + index)
        return 0

    product._get_raw = True  # type: ignore[attr-defined]  # noqa: SLF001 - tensors, not their shapes
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.mm: product}) as counter:
        work()
    return [Phase(counter.get_total_flops(), 0, 0), Phase(gathered["flops"], gathered["bytes"], CACHED)]
