"""Mixed precision: products in 16 bits, sums, losses and weights in 32 (Micikevicius et al. 2018).

Measuring (validation) stays in 32 bits, and so do the softmax over negatives and sparse products: autocast goes round
them. float16 has few exponents, so its gradients are scaled (`GradScaler`); bfloat16 needs none.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch

from training.scale.runtime import Precision

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def precision_on(device: torch.device, asked: Precision | None) -> Precision:
    """What was asked for, else bf16 on a GPU that computes in it, else fp32."""
    if asked is not None:
        return asked
    return "bf16" if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """The block's products are computed so; nothing changes for fp32."""
    return torch.autocast(device.type, dtype=_TYPES[precision], enabled=precision != "fp32")


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """The block is computed as its tensors are, whatever is around it."""
    return torch.autocast(device.type, enabled=False)


def widened(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in at least 32 bits."""
    return tensor.float() if tensor.dtype in {torch.bfloat16, torch.float16} else tensor


def scaler_for(device: torch.device, precision: Precision) -> torch.amp.GradScaler:
    """Scales losses where gradients would vanish in 16 bits; passes all else through."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
