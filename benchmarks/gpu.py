"""Training and encoding on this machine's GPU beside its processor: the same fits, the same texts, in one run.

    python -m benchmarks.gpu FOLDER [--models lightgcn sasrec gnn] [--epochs 3] [--texts 20000] [--json]

Each fit is a process of its own, once with the GPU and once without (`CUDA_VISIBLE_DEVICES=`). The first epoch warms up
(kernels, caches); the others are timed. FOLDER is a data set as `interlace bench` reads it. Encoders are random MiniLM
(6 layers, 384 wide) and ViT-B/32-sized towers: speed does not depend on what the weights hold, and nothing is fetched.
Ratios of one run are what counts; `validation` (ndcg@10 after the epochs) says that both learn the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

MODELS = ("lightgcn", "gnn", "embedding-mlp", "sasrec", "bert4rec")
ENCODERS = ("text", "image")


class Clock:
    """A monitor that notes when each epoch ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.metrics: dict[str, float] = {}

    def epoch(self, number: int, total: int, metrics: Mapping[str, float]) -> None:
        del number, total
        self.ends.append(time.perf_counter())
        self.metrics |= metrics


def train(folder: Path, name: str, epochs: int) -> dict[str, Any]:
    """Seconds an epoch of one model, and what it had learned."""
    import torch

    from graph.snapshot_read import read_folder
    from training.evaluate import evaluate
    from training.tasks import find_task, task_data
    from training.zoo import find

    task = find_task("next-item" if name in {"sasrec", "bert4rec"} else "top-n")
    data = task_data(task, read_folder(folder)).prepared.data
    model = find(name)
    config = replace(model.config(), epochs=epochs + 1)
    clock = Clock()
    begun = time.perf_counter()
    fitted = model.build(config).fit(data, clock)
    held_out = data.validation
    quality = evaluate(fitted, held_out, ks=(10,)).metrics["ndcg@10"] if held_out is not None else None
    spans = [after - before for before, after in zip(clock.ends, clock.ends[1:], strict=False)]
    memory = torch.cuda.max_memory_allocated() >> 20 if torch.cuda.is_available() else None
    return {"seconds_an_epoch": sum(spans) / max(1, len(spans)), "seconds": time.perf_counter() - begun,
            "validation": quality, "gpu_mb": memory}  # fmt: skip


def encode(modality: str, number: int) -> dict[str, Any]:
    """Things a second through one tower, warm."""
    import torch

    from encoders.devices import pick_device

    device = pick_device(None)
    tower, batch, autocast = _text(device) if modality == "text" else _image(device)
    size = len(batch)
    with torch.inference_mode(), autocast(device):
        for _ in range(2):
            tower(batch)
        _wait(device)
        begun = time.perf_counter()
        for _ in range(max(1, number // size)):
            tower(batch)
        _wait(device)
    return {"things_a_second": max(1, number // size) * size / (time.perf_counter() - begun)}


def _text(device: Any) -> tuple[Callable[[Any], Any], Any, Callable[[Any], Any]]:
    import torch
    from transformers import BertConfig, BertModel

    from encoders.devices import text_autocast

    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    model = BertModel(config).eval().to(device)
    tokens = torch.randint(1, 30_000, (128, 128), generator=torch.Generator().manual_seed(0)).to(device)
    return lambda batch: model(input_ids=batch).last_hidden_state, tokens, text_autocast


def _image(device: Any) -> tuple[Callable[[Any], Any], Any, Callable[[Any], Any]]:
    import timm
    import torch

    from encoders.devices import image_autocast

    model = timm.create_model("vit_base_patch32_224", pretrained=False, num_classes=0).eval().to(device)
    pixels = torch.rand((64, 3, 224, 224), generator=torch.Generator().manual_seed(0)).to(device)
    return model, pixels, image_autocast


def _wait(device: Any) -> None:
    import torch

    if device.type == "cuda":
        torch.cuda.synchronize()


def _apart(arguments: list[str], *, gpu: bool) -> dict[str, Any]:
    environment = dict(os.environ) if gpu else {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments, "--inside"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return {"failed": done.returncode}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--encoders", nargs="*", default=list(ENCODERS))
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--things", type=int, default=2_000, help="texts and pictures a tower is timed on")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        found = (
            train(asked.folder, asked.models[0], asked.epochs)
            if asked.models
            else encode(asked.encoders[0], asked.things)
        )
        print(json.dumps(found))
        return
    base = [str(asked.folder), "--epochs", str(asked.epochs)]
    for name in asked.models:
        both = {gpu: _apart([*base, "--encoders", "--models", name], gpu=gpu) for gpu in (True, False)}
        ratio = _ratio(both[False], both[True], "seconds_an_epoch")
        print(json.dumps({"model": name, "gpu": both[True], "cpu": both[False], "times_faster": ratio}), flush=True)
    for name in asked.encoders:
        both = {
            gpu: _apart(
                [*base, "--models", "--encoders", name, "--things", str(asked.things * (50 if gpu else 1))], gpu=gpu
            )
            for gpu in (True, False)
        }
        ratio = _ratio(both[True], both[False], "things_a_second")
        print(json.dumps({"encoder": name, "gpu": both[True], "cpu": both[False], "times_faster": ratio}), flush=True)


def _ratio(above: Mapping[str, Any], below: Mapping[str, Any], name: str) -> float | None:
    return above[name] / below[name] if name in above and name in below and below[name] else None


if __name__ == "__main__":
    main()
