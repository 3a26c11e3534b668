"""Transformer blocks over sequences of items: pre-norm, gated, with relative positions.

    x = x + sigmoid(W_a x) * dropout(attention(norm(x)))
    x = x + sigmoid(W_f x) * dropout(feed_forward(norm(x)))

The gates are those of LiGR (Borisyuk et al. 2025, «From Features to Transformers: Redefining Ranking for Scalable
Impact»), which eSASRec (Tikhonovich et al. 2025) found best of the modern blocks for next-item prediction. Attention
adds a learned bias a head and distance (T5, Raffel et al. 2020): it says how old an item is, and nothing of where a
window happened to begin.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

NORM_EPS = 1e-5
WIDTH = 4
"""The feed-forward's inner size, in embedding sizes."""


class RelativeBias(nn.Module):
    """What attention adds for a distance: (heads, t, t), -inf where a place may not look.

    Causal: distances 0..last - 1. Else both directions, -(last - 1)..last - 1.
    """

    def __init__(self, heads: int, last: int, *, causal: bool) -> None:
        super().__init__()
        self.causal, self.last = causal, last
        self.table = nn.Parameter(torch.zeros(heads, last if causal else 2 * last - 1))

    def forward(self, length: int) -> torch.Tensor:
        steps = torch.arange(length, device=self.table.device)
        distance = steps[:, None] - steps
        if not self.causal:
            return self.table[:, distance + self.last - 1]
        return self.table[:, distance.clamp(min=0)].masked_fill(distance < 0, -torch.inf)


class Dropout(nn.Module):
    """As `nn.Dropout`, the rate to 1/256; on a CPU a byte of NumPy's generator a value, some ten times as fast.

    torch's own draws a number of 32 bits for every value, one after the other: a third of a training step.
    """

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.rate, self._rng = rate, rng
        dropped = round(256 * rate)
        self._factors = np.where(np.arange(256) < dropped, 0.0, 256 / max(1, 256 - dropped)).astype(np.float32)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.rate:
            return x
        if x.device.type != "cpu":
            return functional.dropout(x, self.rate)
        drawn = self._rng.integers(1 << 64, size=-(-x.numel() // 8), dtype=np.uint64, endpoint=False).view(np.uint8)
        return x * torch.from_numpy(self._factors[drawn[: x.numel()]]).view(x.shape)


class Block(nn.Module):
    """See the module's docstring. x (b, t, d), `bias` (heads, t, t) or (b, heads, t, t)."""

    def __init__(self, size: int, heads: int, *, dropout: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.heads, self.drop = heads, Dropout(dropout, rng)
        self.norm_attention, self.norm_forward = nn.LayerNorm(size, NORM_EPS), nn.LayerNorm(size, NORM_EPS)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.gate_attention, self.gate_forward = nn.Linear(size, size), nn.Linear(size, size)
        self.up, self.down = nn.Linear(size, WIDTH * size), nn.Linear(WIDTH * size, size)

    def forward(self, x: torch.Tensor, bias: torch.Tensor, at: torch.Tensor | None = None) -> torch.Tensor:
        """`at` (b,): the output of this place alone, (b, 1, d), for a sixth of the work."""
        normed = asking = self.norm_attention(x)
        if at is not None:
            rows = torch.arange(len(x), device=x.device)
            x, asking = x[rows, at][:, None], normed[rows, at][:, None]
            bias = bias[:, at].transpose(0, 1)[:, :, None] if bias.ndim == 3 else bias[rows, :, at][:, :, None]
        x = x + torch.sigmoid(self.gate_attention(x)) * self.drop(self._attention(asking, normed, bias))
        hidden = self.drop(functional.gelu(self.up(self.norm_forward(x)), approximate="tanh"))
        out: torch.Tensor = x + torch.sigmoid(self.gate_forward(x)) * self.drop(self.down(hidden))
        return out

    def _attention(self, asking: torch.Tensor, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        size = x.shape[-1]
        if asking is x:
            q, k, v = map(self._heads, self.qkv(x).chunk(3, dim=-1))
        else:
            weight, offset = self.qkv.weight, self.qkv.bias
            q = self._heads(functional.linear(asking, weight[:size], offset[:size]))
            both = functional.linear(x, weight[size:], offset[size:])
            k, v = map(self._heads, both.chunk(2, dim=-1))
        mixed = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, dropout_p=self.drop.rate if self.training else 0.0
        )
        out: torch.Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def _heads(self, x: torch.Tensor) -> torch.Tensor:
        """(b, t, d) -> (b, heads, t, d / heads)."""
        batch, length, size = x.shape
        return x.reshape(batch, length, self.heads, size // self.heads).transpose(1, 2)
