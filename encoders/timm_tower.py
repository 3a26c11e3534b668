"""Pictures to vectors through any image tower of timm: its features before the classes, pooled as the model pools them.

A name is a folder or a hub repository in timm's layout: config.json and model.safetensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.devices import pick_device
from encoders.image import ImageEncoder, Tower
from encoders.weights import folder_version, model_folder
from graph.errors import Unsupported

if TYPE_CHECKING:
    import torch


def timm_image(reference: str, device: str | None) -> ImageEncoder:
    """A tower by folder or hub name, such as `timm/vit_small_patch14_dinov2.lvd142m`."""
    folder = model_folder(reference)
    return ImageEncoder(
        f"timm:{reference}", version=lambda: folder_version(folder, "image timm 1"), load=lambda: _load(folder, device)
    )


def _load(folder: Path, device: str | None) -> Tower:
    import torch
    from timm.data import create_transform, resolve_model_data_config

    model = _model(folder)
    place = pick_device(device)
    model.to(device=place, memory_format=torch.channels_last)
    transform = create_transform(**resolve_model_data_config(model), is_training=False)
    return Tower(model, transform, _width(model, place), place)


def _model(folder: Path) -> Any:
    import timm
    from safetensors import SafetensorError

    try:
        if not (folder / "model.safetensors").is_file():  # timm would go on to a pickled file
            raise OSError("there is no model.safetensors")
        return timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise Unsupported(
            f"timm cannot load the model in {folder}: {error}",
            valid="a folder with timm's config.json and a model.safetensors that fits it",
            remedy="check the folder, or save the model with timm.models.save_for_hf(..., safe_serialization=True)",
        ) from error


def _width(model: Any, place: torch.device) -> int:
    """Some towers have a layer between pooling and classes: what comes out says the width."""
    import torch

    size = model.pretrained_cfg["input_size"]
    with torch.inference_mode():
        return int(model(torch.zeros(1, *size, device=place)).shape[1])
