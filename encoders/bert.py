"""A BERT encoder with mean pooling as a PyTorch module, its weights read from transformers' safetensors layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import load_file
from torch import nn

OUTSIDE = {
    "words.weight": "word_embeddings.weight",
    "positions.weight": "position_embeddings.weight",
    "types.weight": "token_type_embeddings.weight",
    "norm.weight": "LayerNorm.weight",
    "norm.bias": "LayerNorm.bias",
}
"""Our names and transformers', outside the layers."""
PARTS = {
    "attention.output.dense": "self_attn.out_proj",
    "attention.output.LayerNorm": "norm1",
    "intermediate.dense": "linear1",
    "output.dense": "linear2",
    "output.LayerNorm": "norm2",
}
"""transformers' names and ours, within a layer."""


class Bert(nn.Module):
    """Token ids -> the mean of the last layer's token vectors, (batch, hidden)."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, eps = config["hidden_size"], config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], width, padding_idx=config["pad_token_id"])
        self.positions = nn.Embedding(config["max_position_embeddings"], width)
        self.types = nn.Embedding(config["type_vocab_size"], width)
        self.norm = nn.LayerNorm(width, eps=eps)
        layer = nn.TransformerEncoderLayer(
            width,
            config["num_attention_heads"],
            config["intermediate_size"],
            activation=config["hidden_act"],
            layer_norm_eps=eps,
            batch_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, config["num_hidden_layers"], enable_nested_tensor=False)
        self.pad = int(config["pad_token_id"])

    @classmethod
    def read(cls, weights: Path, config: Mapping[str, Any], *, device: torch.device) -> Self:
        """The module with the weights of a file, in evaluation mode."""
        module = cls(config)
        module.load_state_dict(_renamed(load_file(weights), config["num_hidden_layers"]), assign=True)
        return module.to(device).eval()

    @property
    def device(self) -> torch.device:
        return self.words.weight.device

    def forward(self, ids: Sequence[Sequence[int]]) -> torch.Tensor:
        """`ids`: one sequence of token ids a text, of any lengths."""
        padded, real = self.padded(ids)
        return mean_of(self.hidden(padded, None if bool(real.all()) else real), real)

    def padded(self, ids: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, tokens) ids on the module's device, and which of them are no padding."""
        rows = [torch.tensor(one) for one in ids]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=self.pad)
        lengths = torch.tensor([len(one) for one in ids])
        real = torch.arange(padded.shape[1])[None] < lengths[:, None]
        return padded.to(self.device), real.to(self.device)

    def embedded(self, ids: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, hidden): what the first layer reads."""
        places = torch.arange(ids.shape[1], device=ids.device)
        first: torch.Tensor = self.norm(self.words(ids) + self.positions(places) + self.types.weight[0])
        return first

    def hidden(self, ids: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
        """(batch, tokens, hidden): the last layer's vectors. `real`: which tokens are no padding; None: all."""
        last: torch.Tensor = self.layers(self.embedded(ids), src_key_padding_mask=None if real is None else ~real)
        return last

    def states(self, ids: torch.Tensor, real: torch.Tensor) -> list[torch.Tensor]:
        """(batch, tokens, hidden) of each layer, the last one's as `hidden` gives them."""
        found = [self.embedded(ids)]
        for layer in self.layers.layers:
            found.append(layer(found[-1], src_key_padding_mask=None if bool(real.all()) else ~real))
        return found[1:]


def mean_of(hidden: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """(batch, hidden): the mean over a text's tokens, padding left out."""
    weight = real[..., None].to(hidden.dtype)
    mean: torch.Tensor = (hidden * weight).sum(1) / weight.sum(1)
    return mean


def _renamed(weights: Mapping[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """From transformers' names; query, key and value lie in one matrix here."""
    found = {ours: weights[f"embeddings.{theirs}"] for ours, theirs in OUTSIDE.items()}
    for number in range(layers):
        theirs, ours = f"encoder.layer.{number}.", f"layers.layers.{number}."
        for kind in ("weight", "bias"):
            three = [weights[f"{theirs}attention.self.{one}.{kind}"] for one in ("query", "key", "value")]
            found[f"{ours}self_attn.in_proj_{kind}"] = torch.cat(three)
            for name, part in PARTS.items():
                found[f"{ours}{part}.{kind}"] = weights[f"{theirs}{name}.{kind}"]
    return found
