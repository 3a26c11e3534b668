"""Small models in the formats of the real ones, and generated pictures, for the tests of the encoders."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

TINY_CLIP = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def picture(seed: int, *, size: tuple[int, int] = (60, 90), mode: str = "RGB") -> Image.Image:
    """Blobs of colour, different for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, size=(4, 3, 3), dtype=np.uint8)
    return Image.fromarray(coarse, "RGB").resize(size, Image.Resampling.BICUBIC).convert(mode)


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The file's content."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def sound(seed: int, *, seconds: float = 1.0, rate: int = 16_000) -> NDArray[np.float32]:
    """A chord with a beat and some noise, different for each seed; the same at any sampling rate but for the noise."""
    drawn = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    chord = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in drawn.uniform(100, 2000, 3)], axis=0)
    beat = np.exp(-8 * (time % (0.3 + 0.1 * (seed % 4))))
    noise = 0.02 * np.random.default_rng(seed + 1000).standard_normal(len(time))
    return np.asarray(0.2 * chord * beat + noise, dtype=np.float32)


def saved_sound(samples: NDArray[np.float32], kind: str = "WAV", *, rate: int = 16_000) -> bytes:
    """The file's content; `samples`: (n,) or (n, channels)."""
    import soundfile

    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind)
    return stream.getvalue()


def make_clap(folder: Path) -> Path:
    """A random CLAP with a two-layer audio tower and a byte-level tokenizer, saved by transformers itself."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, RobertaTokenizerFast

    words = ByteLevelBPETokenizer()
    words.train_from_iterator(["a waltz", "a march"], vocab_size=300, special_tokens=list(ROBERTA))
    torch.manual_seed(0)
    audio = {
        "patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2], "num_hidden_layers": 2,
        "hidden_size": 32, "num_classes": 4, "enable_fusion": False, "enable_patch_layer_norm": True,
    }  # fmt: skip
    text = {
        "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16
    }  # fmt: skip
    config = ClapConfig(text_config=text, audio_config=audio, projection_dim=24)
    ClapModel(config).save_pretrained(folder)
    ClapFeatureExtractor(max_length_s=10, truncation="rand_trunc", padding="repeatpad").save_pretrained(folder)
    RobertaTokenizerFast(tokenizer_object=words, model_max_length=77).save_pretrained(folder)
    return folder


def make_sentence_model(folder: Path, *, decoder: bool = False) -> Path:
    """A random two-layer BERT (or Qwen3 with last-token pooling), saved by sentence-transformers itself."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    source = folder / "source"
    _save_transformer(source, decoder=decoder)
    words = Transformer(str(source), max_seq_length=32)
    pooling = Pooling(words.get_embedding_dimension(), pooling_mode="lasttoken" if decoder else "mean")
    prompts = {"query": "Find: ", "document": ""} if decoder else None
    SentenceTransformer(modules=[words, pooling, Normalize()], device="cpu", prompts=prompts).save(
        str(folder / "model"), create_model_card=False
    )
    return folder / "model"


def _save_transformer(folder: Path, *, decoder: bool) -> None:
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz", "film", "space", "love"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    size = {"vocab_size": len(words), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    if decoder:
        config = Qwen3Config(**size, num_attention_heads=2, num_key_value_heads=1, head_dim=16, pad_token_id=0)
        Qwen3Model(config).save_pretrained(folder)
    else:
        config = BertConfig(**size, num_attention_heads=2, max_position_embeddings=32)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)


def make_open_clip(folder: Path) -> Path:
    """A random CLIP as open_clip keeps it in a folder: open_clip_config.json and safetensors."""
    import torch
    from open_clip import CLIP
    from safetensors.torch import save_file

    torch.manual_seed(0)
    folder.mkdir(parents=True)
    config = {"model_cfg": TINY_CLIP, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    weights = {name: tensor.contiguous() for name, tensor in CLIP(**TINY_CLIP).state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder


def make_timm(folder: Path) -> Path:
    """A random ViT of one layer, saved by timm itself."""
    import timm
    import torch
    from timm.models import save_for_hf

    torch.manual_seed(0)
    size = {"img_size": 32, "depth": 1, "embed_dim": 24}
    model = timm.create_model("vit_tiny_patch16_224", pretrained=False, num_classes=3, **size)
    save_for_hf(model, str(folder), model_args=size, safe_serialization=True)
    return folder


def make_projections(file: Path) -> Path:
    """Random projections as encoders.train_clip saves them."""
    import torch
    from safetensors.torch import save_file

    from encoders.clip import IMAGE_PROJECTION, TEXT_PROJECTION

    drawn = torch.Generator().manual_seed(0)
    tensors = {
        IMAGE_PROJECTION: torch.randn(256, 1280, generator=drawn),
        TEXT_PROJECTION: torch.randn(256, 384, generator=drawn),
        "logit_scale": torch.tensor(2.0),
    }
    save_file(tensors, file)
    return file


def make_sounds(file: Path) -> Path:
    """Random projections of `signal` and its words as encoders.train_sounds saves them."""
    import torch
    from safetensors.torch import save_file

    from encoders.clip import TEXT_PROJECTION
    from encoders.projected import AUDIO_PROJECTION, bias_of

    drawn = torch.Generator().manual_seed(0)
    tensors = {
        AUDIO_PROJECTION: torch.randn(32, 256, generator=drawn),
        bias_of(AUDIO_PROJECTION): torch.randn(32, generator=drawn) / 16,
        TEXT_PROJECTION: torch.randn(32, 384, generator=drawn),
        "logit_scale": torch.tensor(2.0),
    }
    bases = {"audio": ["signal", "1"], "text": ["minilm", "2"]}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata={"training": json.dumps({"bases": bases})})
    return file


def make_adapted(file: Path) -> Path:
    """Random projections and low-rank matrices of a few layers, as encoders.train_towers saves them."""
    import torch
    from safetensors.torch import save_file

    from encoders.adapted import build_clip
    from encoders.clip import IMAGE_PROJECTION, TEXT_PROJECTION
    from encoders.lora import attach, tensors

    drawn = torch.Generator().manual_seed(0)
    model = build_clip(embedding_size=32)
    adapted = attach(model, rank=2, alpha=2.0, generator=drawn, skipped=("visual.head.proj", "text.proj"))
    for layer in adapted.values():
        torch.nn.init.normal_(layer.up, std=0.01, generator=drawn)
    kept = {
        IMAGE_PROJECTION: torch.randn(32, 1280, generator=drawn),
        TEXT_PROJECTION: torch.randn(32, 384, generator=drawn),
    }
    save_file(tensors(adapted) | kept, file)
    return file


def make_onnx_text(folder: Path) -> Path:
    """The random BERT in int8."""
    from encoders.compress.int8 import text_to_int8
    from encoders.registry import open_encoder

    source = make_sentence_model(folder)
    (folder / "int8").mkdir()
    text_to_int8(open_encoder(f"sentence-transformers:{source}", device="cpu"), source, folder / "int8")
    return folder / "int8"


def make_onnx_image(folder: Path) -> Path:
    """The shipped image tower in int8, scaled by a few generated pictures."""
    from encoders.compress.int8 import image_to_int8
    from encoders.image import efficientnet_lite0

    folder.mkdir()
    image_to_int8(efficientnet_lite0("", "cpu"), [saved(picture(seed)) for seed in range(8)], folder)
    return folder
