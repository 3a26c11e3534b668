"""BERTs with mean pooling as folders that sentence-transformers reads: which are taken, how a smaller one is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.base import AnyEncoder
from encoders.clip import text_folder
from encoders.text import SentenceEncoder
from graph.errors import Unsupported

if TYPE_CHECKING:
    import torch

    from encoders.bert import Bert

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
POOLING = Path("1_Pooling") / CONFIG
KEPT = (
    "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json", "special_tokens_map.json",
    TOKENIZER, "tokenizer_config.json", "vocab.txt",
)  # fmt: skip


def bert_folder(encoder: AnyEncoder) -> Path:
    """The folder of the encoder's model; raises `Unsupported` where it is no BERT with mean pooling."""
    folder = encoder.folder if isinstance(encoder, SentenceEncoder) else text_folder()
    known = encoder.name == "minilm" or isinstance(encoder, SentenceEncoder)
    if not (known and "#" not in encoder.name and _is_bert(folder)):
        raise Unsupported(
            f"{encoder.name!r} is no BERT whose tokens' mean is taken",
            valid="minilm, or sentence-transformers:FOLDER of such a model with safetensors and tokenizer.json",
            remedy="name one of these",
        )
    return folder


def _is_bert(folder: Path) -> bool:
    if not all((folder / name).is_file() for name in (WEIGHTS, CONFIG, TOKENIZER, POOLING)):
        return False
    pooling = json.loads((folder / POOLING).read_text(encoding="utf-8"))
    mean = pooling.get("pooling_mode") == "mean" or pooling.get("pooling_mode_mean_tokens") is True
    return mean and json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("model_type") == "bert"


def save_bert(network: Bert, config: Mapping[str, Any], source: Path, folder: Path) -> None:
    """Writes `network`, of the sizes in `config`, with the tokenizer and the pooling of `source`."""
    from safetensors.torch import load_file, save_file

    (folder / POOLING.parent).mkdir(parents=True, exist_ok=True)
    for name in (*KEPT, POOLING):
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    (folder / CONFIG).write_text(json.dumps(dict(config), indent=1), encoding="utf-8")
    unread = {name: one for name, one in load_file(source / WEIGHTS).items() if name.startswith("pooler.")}
    found = _their_names(network.state_dict(), config["num_hidden_layers"])
    save_file({**found, **unread}, folder / WEIGHTS, {"format": "pt"})  # transformers misses a pooler, used or not


def _their_names(ours: Mapping[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """transformers' names; the opposite of what `encoders.bert` does when it reads."""
    from encoders.bert import OUTSIDE, PARTS

    found = {f"embeddings.{theirs}": ours[name] for name, theirs in OUTSIDE.items()}
    for number in range(layers):
        theirs, mine = f"encoder.layer.{number}.", f"layers.layers.{number}."
        for kind in ("weight", "bias"):
            three = ours[f"{mine}self_attn.in_proj_{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), three, strict=True):
                found[f"{theirs}attention.self.{name}.{kind}"] = part
            for name, part_name in PARTS.items():
                found[f"{theirs}{name}.{kind}"] = ours[f"{mine}{part_name}.{kind}"]
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in found.items()}
