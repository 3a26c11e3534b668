"""Which device a model runs on, and in which precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def pick_device(device: str | None) -> torch.device:
    """The device asked for, else the first GPU, else the processor."""
    import torch

    if device is not None:
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def text_autocast(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 where the hardware multiplies it; MiniLM's vectors keep a cosine of 0.9999 to those of float32."""
    import torch

    if device.type == "cuda" or (device.type == "cpu" and _cpu_has_bfloat16()):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def image_autocast(device: torch.device) -> AbstractContextManager[None]:
    """float16 on a GPU; float32 on a processor, where bfloat16 convolutions cost a cosine of 0.996."""
    import torch

    return torch.autocast("cuda", dtype=torch.float16) if device.type == "cuda" else nullcontext()


def _cpu_has_bfloat16() -> bool:
    import torch

    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # from torch 2.10 on
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
