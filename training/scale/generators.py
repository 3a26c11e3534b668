"""Every random generator that a fit draws from: found, saved, put back, and given each piece of a batch anew.

A network keeps its own generators as attributes of its modules; torch's global one is drawn from by attention. That of
the batches is handed over by who makes them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn


class Generators:
    """`rng`: that of the batches. `network`: whose modules' attributes are searched for others."""

    def __init__(self, network: nn.Module, rng: np.random.Generator | None) -> None:
        self._rng = rng
        held = [one for module in network.modules() for one in vars(module).values()]
        unique = {id(one): one for one in held if one is not rng}.values()
        self._torch = [one for one in unique if isinstance(one, torch.Generator)]
        self._numpy = [one for one in unique if isinstance(one, np.random.Generator)]

    def begin(self, *place: int) -> None:
        """The network's generators draw from here on what belongs to `place` (epoch, batch, piece), in any process."""
        entropy = 0 if self._rng is None else self._rng.bit_generator.seed_seq.entropy  # type: ignore[attr-defined]
        seeds = np.random.SeedSequence(entropy, spawn_key=place).spawn(1 + len(self._torch) + len(self._numpy))
        torch.manual_seed(_number(seeds[0]))
        for one, seed in zip(self._torch, seeds[1:], strict=False):
            one.manual_seed(_number(seed))
        for generator, seed in zip(self._numpy, seeds[1 + len(self._torch) :], strict=True):
            generator.bit_generator.state = type(generator.bit_generator)(seed).state

    def tensors(self) -> dict[str, torch.Tensor]:
        """States of torch's generators."""
        found = {f"torch.{place}": one.get_state() for place, one in enumerate(self._torch)}
        if torch.cuda.is_available():
            found["cuda"] = torch.cuda.get_rng_state()
        return {**found, "global": torch.get_rng_state()}

    def states(self) -> list[Any]:
        """States of NumPy's, as JSON has it; that of the batches first."""
        return [one.bit_generator.state for one in self._all_numpy()]

    def restore(self, tensors: dict[str, torch.Tensor], states: list[Any]) -> None:
        """Puts back what `tensors` and `states` gave."""
        for place, one in enumerate(self._torch):
            one.set_state(tensors[f"torch.{place}"])
        torch.set_rng_state(tensors["global"])
        if "cuda" in tensors:
            torch.cuda.set_rng_state(tensors["cuda"])
        for generator, state in zip(self._all_numpy(), states, strict=True):
            generator.bit_generator.state = state

    def _all_numpy(self) -> list[np.random.Generator]:
        return [*([] if self._rng is None else [self._rng]), *self._numpy]


def _number(seed: np.random.SeedSequence) -> int:
    return int(seed.generate_state(1, np.uint64)[0] >> np.uint64(1))
