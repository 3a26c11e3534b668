"""Pictures to vectors through open_clip: any CLIP by name and tag, by checkpoint or folder; a shipped one offline.

`efficientnet-lite0` gives the features of the shipped CLIP's image tower (1,280 wide, what ImageNet taught it), since
its projection means nothing before a catalogue has trained it. `catalogue-clip` (encoders.projected) is the trained
one. A named CLIP gives its projected vectors, which may be compared with its texts'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from encoders.base import Lazy, Modality, Vectors, unit_rows
from encoders.clip import CONFIG, build_clip, image_weights
from encoders.devices import image_autocast, pick_device
from encoders.folding import fold_batch_norms
from encoders.pictures import open_picture
from encoders.pixels import Pixels, pixels_of
from encoders.weights import files_version, folder_version
from graph.errors import NotFound, Unsupported

if TYPE_CHECKING:
    import torch
    from open_clip import CLIP, CustomTextCLIP

Transform = Callable[..., "torch.Tensor"]


@dataclass(frozen=True)
class Tower:
    """A loaded image tower: `features` maps (n, 3, height, width) to (n, dim)."""

    features: Callable[[torch.Tensor], torch.Tensor]
    transform: Transform
    dim: int
    device: torch.device

    @cached_property
    def pixels(self) -> Pixels:
        """`transform` in two halves, of which the second is for a whole batch."""
        return pixels_of(self.transform)


class ImageEncoder:
    """An image tower loaded by the first call that needs it. `version` is called once, `load` at most once."""

    modality: Modality = "image"

    def __init__(
        self, name: str, *, version: Callable[[], str], load: Callable[[], Tower], batch_size: int = 16
    ) -> None:
        self.name = name
        self._batch_size = batch_size
        self._version = Lazy(version)
        self._tower = Lazy(load)

    @property
    def version(self) -> str:
        return self._version.get()

    @property
    def dim(self) -> int:
        return self._tower.get().dim

    def prepare(self, thing: bytes) -> torch.Tensor:
        return self._tower.get().pixels.prepare(open_picture(thing))

    @property
    def at_once(self) -> int:
        """`encoders.base.InOrder`."""
        return self._batch_size

    def pixels(self, batch: Sequence[torch.Tensor]) -> torch.Tensor:
        """What the tower reads of prepared pictures: (n, 3, height, width) float32 on its device."""
        tower = self._tower.get()
        return tower.pixels.stack(batch, tower.device)

    def encode_prepared(self, batch: Sequence[torch.Tensor]) -> Vectors:
        import torch

        tower = self._tower.get()
        found = np.zeros((len(batch), tower.dim), dtype=np.float32)
        for begin in range(0, len(batch), self._batch_size):
            with torch.inference_mode(), image_autocast(tower.device):
                features = tower.features(self.pixels(batch[begin : begin + self._batch_size]))
            found[begin : begin + self._batch_size] = features.float().cpu().numpy()
        return unit_rows(found)

    def encode(self, batch: Sequence[bytes]) -> Vectors:
        return self.encode_prepared([self.prepare(data) for data in batch])


def efficientnet_lite0(_reference: str, device: str | None) -> ImageEncoder:
    """The shipped default: the tower's features."""

    def load() -> Tower:
        model = build_clip()
        fold_batch_norms(model.visual.trunk)
        return tower_of(model, model.visual.trunk, model.visual.trunk.num_features, device)

    return ImageEncoder(
        "efficientnet-lite0", version=lambda: files_version([CONFIG, image_weights()], "image 1"), load=load
    )


def open_clip_image(reference: str, device: str | None) -> ImageEncoder:
    """`MODEL/TAG`, `MODEL/CHECKPOINT-FILE`, or a folder that holds open_clip_config.json and weights."""
    folder = Path(reference).expanduser()
    if (folder / "open_clip_config.json").is_file():
        model_name, pretrained = f"local-dir:{folder}", None
        version = Lazy(lambda: folder_version(folder, "image 1"))
    else:
        model_name, pretrained = _known(reference)
        version = Lazy(lambda: files_version([_checkpoint(model_name, pretrained)], f"image 1 {model_name}"))

    def load() -> Tower:
        import open_clip

        try:
            model = open_clip.create_model(model_name, pretrained, require_pretrained=True, weights_only=True).eval()
        except (RuntimeError, ValueError, OSError, KeyError) as error:
            raise Unsupported(
                f"open_clip cannot load {reference!r}: {error}",
                valid="weights that fit the model, as safetensors or a plain state dict",
                remedy="check the checkpoint and the model's name",
            ) from error
        dim = open_clip.get_model_config(model_name)["embed_dim"]
        return tower_of(model, model.encode_image, dim, device)

    return ImageEncoder(f"open-clip:{reference}", version=version.get, load=load)


def _known(reference: str) -> tuple[str, str]:
    """Model and tag (or file) of a reference; raises `NotFound` with the near names."""
    import open_clip

    model_name, _, pretrained = reference.partition("/")
    if model_name not in open_clip.list_models():
        raise NotFound(
            f"open_clip has no model {model_name!r}",
            valid=f"one of its {len(open_clip.list_models())} models, such as 'ViT-B-32', or a folder",
            remedy="write open-clip:MODEL/TAG; python -c 'import open_clip; print(open_clip.list_pretrained())'",
        )
    tags = open_clip.list_pretrained_tags_by_model(model_name)
    if pretrained not in tags and not Path(pretrained).is_file():
        raise NotFound(
            f"open_clip's {model_name} has no weights {pretrained!r}",
            valid=f"a checkpoint file or a tag: {', '.join(tags) or 'none is published'}",
            remedy="write open-clip:MODEL/TAG or open-clip:MODEL/FILE",
        )
    return model_name, pretrained


def _checkpoint(model_name: str, pretrained: str) -> Path:
    """File of the weights, fetched where it is a tag not used before."""
    if Path(pretrained).is_file():
        return Path(pretrained)
    from open_clip.pretrained import download_pretrained, get_pretrained_cfg

    try:
        return Path(download_pretrained(get_pretrained_cfg(model_name, pretrained)))
    except OSError as error:
        raise NotFound(
            f"the weights {model_name}/{pretrained} are not on this machine and could not be fetched: {error}",
            valid="a tag fetched before, a checkpoint file, or 'efficientnet-lite0', which is shipped",
            remedy="check the network",
        ) from error


def tower_of(
    model: CLIP | CustomTextCLIP, features: Callable[[torch.Tensor], torch.Tensor], dim: int, device: str | None
) -> Tower:
    """The model on its device, its image side as a `Tower`."""
    import torch
    from open_clip.transform import PreprocessCfg, image_transform_v2

    place = pick_device(device)
    model.to(device=place, memory_format=torch.channels_last)
    transform = image_transform_v2(PreprocessCfg(**model.visual.preprocess_cfg), is_train=False)
    return Tower(features, transform, dim, place)
