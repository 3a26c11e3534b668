"""Low-rank adaptation: frozen towers learn through small matrices beside their own (Hu et al. 2021, LoRA).

Every linear layer, and every convolution of one pixel, gets W + (alpha / rank) U D, U (out, rank) zero at first, D
(rank, in) drawn: so training begins where the tower stands, and a few hundredths of its size are learned and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional

from graph.errors import InvalidData

PREFIX = "lora."
DOWN, UP = ".down", ".up"


class Adapted(nn.Module):
    """A frozen layer and its two small matrices."""

    def __init__(self, base: nn.Linear | nn.Conv2d, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base
        rows, columns = base.weight.shape[:2]
        drawn = torch.randn(rank, columns, generator=generator) / columns**0.5
        self.down = nn.Parameter(drawn.to(base.weight.device))
        self.up = nn.Parameter(torch.zeros(rows, rank, device=base.weight.device))
        self.scale = alpha / rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.base(x)
        if isinstance(self.base, nn.Conv2d):
            low = functional.conv2d(x, self.down[:, :, None, None], stride=self.base.stride)
            return out + self.scale * functional.conv2d(low, self.up[:, :, None, None])
        return out + self.scale * functional.linear(functional.linear(x, self.down), self.up)


def attach(
    model: nn.Module, *, rank: int, alpha: float, generator: torch.Generator, skipped: Iterable[str] = ()
) -> dict[str, Adapted]:
    """Adapts the model in place and freezes all else; returns the adapted layers by name.

    `skipped`: layers that are left alone, and stay as trainable as they were.
    """
    kept = set(skipped)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad and name.rpartition(".")[0] in kept)
    found = {}
    for name, layer in list(_layers(model)):
        if name not in kept:
            found[name] = Adapted(layer, rank, alpha, generator)
            _replace(model, name, found[name])
    return found


def tensors(adapted: Mapping[str, Adapted]) -> dict[str, torch.Tensor]:
    """What is kept of the layers: `lora.NAME.down` and `.up`, the scale within."""
    kept = {}
    for name, layer in adapted.items():
        kept[f"{PREFIX}{name}{DOWN}"] = layer.down.detach().cpu().float().contiguous()
        kept[f"{PREFIX}{name}{UP}"] = (layer.scale * layer.up.detach()).cpu().float().contiguous()
    return kept


@torch.no_grad()
def merge(model: nn.Module, kept: Mapping[str, torch.Tensor]) -> None:
    """Adds what `tensors` gave to the weights of an unadapted model. Raises `InvalidData` where it does not fit."""
    layers = dict(_layers(model))
    names = {name.removeprefix(PREFIX).removesuffix(DOWN) for name in kept if name.endswith(DOWN)}
    for name in sorted(names):
        layer, down, up = layers.get(name), kept[f"{PREFIX}{name}{DOWN}"], kept.get(f"{PREFIX}{name}{UP}")
        if layer is None or up is None or (len(up), down.shape[1]) != tuple(layer.weight.shape[:2]):
            raise InvalidData(f"the adaptation of layer {name!r} fits no layer of the tower",
                              valid="what interlace train-encoder --lora saved for this tower",
                              remedy="train it again")  # fmt: skip
        layer.weight += (up @ down).view_as(layer.weight).to(layer.weight)


def _layers(model: nn.Module) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    for name, layer in model.named_modules():
        pixel = isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1
        if pixel or isinstance(layer, nn.Linear):
            yield name, layer


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)
