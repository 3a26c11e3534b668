"""The encoders by name, as data.

A name is `NAME` or, where the encoder takes one, `NAME:REFERENCE`: `minilm`,
`sentence-transformers:BAAI/bge-small-en-v1.5`, `open-clip:ViT-B-32/laion2b_s34b_b79k`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from encoders.adapted import adapted_image, adapted_text
from encoders.base import AnyEncoder, Modality
from encoders.clap import clap
from encoders.image import efficientnet_lite0, open_clip_image
from encoders.minilm import minilm
from encoders.onnx_files import onnx_image, onnx_text
from encoders.projected import catalogue_audio, catalogue_image, catalogue_text
from encoders.signal import signal
from encoders.text import sentence_transformer
from encoders.timm_tower import timm_image
from graph.errors import InvalidData, NotFound


@dataclass(frozen=True)
class EncoderSpec:
    """`reference`: what follows the colon, empty where nothing may."""

    modality: Modality
    build: Callable[[str, str | None], AnyEncoder]
    reference: str
    about: str


ENCODERS: Mapping[str, EncoderSpec] = MappingProxyType(
    {
        "minilm": EncoderSpec("text", minilm, "", "all-MiniLM-L6-v2, shipped; 384 wide"),
        "sentence-transformers": EncoderSpec(
            "text",
            sentence_transformer,
            "FOLDER-OR-HUB-NAME[#WIDTH]",
            "any text embedder of sentence-transformers or transformers",
        ),
        "efficientnet-lite0": EncoderSpec(
            "image", efficientnet_lite0, "", "EfficientNet-Lite0's features (ImageNet), shipped; 1,280 wide"
        ),
        "open-clip": EncoderSpec("image", open_clip_image, "MODEL/TAG, MODEL/FILE or FOLDER", "any CLIP of open_clip"),
        "timm": EncoderSpec("image", timm_image, "FOLDER-OR-HUB-NAME", "any image tower of timm"),
        "signal": EncoderSpec("audio", signal, "", "statistics of the sound itself, no weights; 256 wide"),
        "clap": EncoderSpec("audio", clap, "FOLDER-OR-HUB-NAME", "any CLAP of transformers"),
        "catalogue-image": EncoderSpec(
            "image", catalogue_image, "FILE", "efficientnet-lite0 projected by a catalogue's own CLIP; 256 wide"
        ),
        "adapted-image": EncoderSpec(
            "image", adapted_image, "FILE", "the catalogue's own CLIP with its towers adapted (LoRA)"
        ),
        "adapted-text": EncoderSpec("text", adapted_text, "FILE", "its texts, in the space of its pictures"),
        "catalogue-text": EncoderSpec(
            "text", catalogue_text, "FILE", "minilm projected into the same space, to search pictures by words"
        ),
        "catalogue-audio": EncoderSpec(
            "audio", catalogue_audio, "FILE", "signal (or what it was trained on) in one space with words"
        ),
        "onnx-text": EncoderSpec("text", onnx_text, "FOLDER", "a text encoder as `interlace compress-encoder` made it"),
        "onnx-image": EncoderSpec("image", onnx_image, "FOLDER", "an image encoder made so"),
    }
)

DEFAULTS: Mapping[Modality, str] = MappingProxyType(
    {"text": "minilm", "image": "efficientnet-lite0", "audio": "signal"}
)
"""What is used where no encoder is named: shipped, so without any network."""


def open_encoder(name: str, *, device: str | None = None) -> AnyEncoder:
    """The encoder of that name, not loaded yet; `device`: as torch names it, else a GPU where there is one.

    Raises `NotFound` for an unknown name.
    """
    family, colon, reference = name.partition(":")
    spec = ENCODERS.get(family)
    if spec is None or bool(spec.reference) != bool(reference) or bool(colon) != bool(reference):
        raise NotFound(f"no encoder {name!r}", valid=", ".join(known_names()), remedy="name one of these")
    return spec.build(reference, device)


def known_names() -> list[str]:
    """What may be written, with the place of a reference: `minilm`, `open-clip:MODEL/TAG...`."""
    return sorted(f"{name}:{spec.reference}" if spec.reference else name for name, spec in ENCODERS.items())


def resolve_names(modalities: Sequence[str], names: Mapping[str, str] | None) -> dict[str, str]:
    """Encoder by modality: the one named, else the default.

    Raises `InvalidData` for a modality that is not encoded, or an encoder of another one.
    """
    chosen = {modality: (names or {}).get(modality) or _default(modality) for modality in modalities}
    for modality, name in chosen.items():
        spec = ENCODERS.get(name.partition(":")[0])
        if spec is not None and spec.modality != modality:
            raise InvalidData(
                f"{name!r} encodes {spec.modality}, not {modality}",
                valid=", ".join(key for key, spec in ENCODERS.items() if spec.modality == modality),
                remedy="name an encoder of that modality",
            )
    return chosen


def _default(modality: str) -> str:
    found = {str(key): name for key, name in DEFAULTS.items()}.get(modality)
    if found is None:
        raise InvalidData(f"no modality {modality!r} is encoded", valid=", ".join(DEFAULTS), remedy="leave it out")
    return found
