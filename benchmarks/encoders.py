"""Encoding with decoding, cache and all, beside the bare model's loop and beside the libraries' own loops, in one run.

    python -m benchmarks.encoders FOLDER [--count 256] [--rounds 3] [--device cpu]

FOLDER: a data set with texts and pictures (ml-100k with its posters and plots). `pipeline`: what `interlace encode`
does to a thing that is new: cleaned or decoded, encoded, written to the cache on disk. `bare`: the same network alone
on inputs made beforehand (token ids of texts of like length; pixels). `library`: sentence-transformers' `encode` of the
same MiniLM; the loop of open_clip's README (its transform, its `encode_image`) with the shipped CLIP, whose projection
costs next to nothing. `cached`: the pipeline again. Of pictures also `prepare`, from files to a batch's pixels, and
`by_transform`, the same picture by picture by the library's transform. Rounds take turns; each figure is the best
round's, in things a second. `of_bare`, `of_library`: the pipeline's rate over theirs, by the clock; `cpu_of_…`: the
same by seconds on the processor, of all threads together: what the pipeline would reach with no core to spare. Prints
one JSON object.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from encoders.cache import VectorCache
from encoders.clip import build_clip, text_folder
from encoders.devices import image_autocast, pick_device, text_autocast
from encoders.image import ImageEncoder, efficientnet_lite0
from encoders.minilm import MiniLM, _alike, minilm
from encoders.pictures import open_picture
from encoders.pipeline import Content, encode_contents
from encoders.sources import item_text
from graph.snapshot_read import read_folder

Loop = Callable[[], object]
Spent = tuple[float, float]
"""Seconds by the clock, and on the processor."""
Timed = Callable[[], Spent]


def contents(folder: Path, count: int) -> tuple[list[str], list[bytes]]:
    """Texts and pictures of the first items that have them."""
    columns = read_folder(folder).snapshot.item_properties.select(["title", "text", "image"]).to_pylist()
    texts = [text for row in columns if (text := item_text(row["title"], row["text"]))]
    images = [(folder / row["image"]).read_bytes() for row in columns if row["image"]]
    return list(dict.fromkeys(texts))[:count], list(dict.fromkeys(images))[:count]


def pipeline(encoder: Any, things: Sequence[Content], *, twice: bool = False) -> Timed:
    """A run with a new cache on disk; `twice`: the second run with it."""

    def loop() -> Spent:
        with tempfile.TemporaryDirectory() as folder, VectorCache(Path(folder) / "cache.sqlite") as cache:
            if twice:
                encode_contents(encoder, things, cache)
            return spent(lambda: encode_contents(encoder, things, cache))

    return loop


def timed(loop: Loop) -> Timed:
    return lambda: spent(loop)


def spent(loop: Loop) -> Spent:
    """Of all threads together, on the processor."""
    began, used = time.perf_counter(), time.process_time()
    loop()
    return time.perf_counter() - began, time.process_time() - used


def text_loops(texts: list[str], device: torch.device) -> dict[str, Timed]:
    from sentence_transformers import SentenceTransformer

    encoder: MiniLM = minilm("", str(device))
    tokenizer, network = encoder._network.get()  # noqa: SLF001 - the loop inside is what is measured
    ids = [encoding.ids for encoding in tokenizer.encode_batch([encoder.prepare(text) for text in texts])]
    batches = [[ids[place] for place in places] for places in _alike([len(one) for one in ids])]

    def bare() -> None:
        with torch.inference_mode(), text_autocast(device):
            for batch in batches:
                network(batch).float().cpu()

    library = SentenceTransformer(str(text_folder()), device=str(device))
    return {
        "bare": timed(bare),
        "pipeline": pipeline(encoder, texts),
        "library": timed(lambda: library.encode(texts, batch_size=32, show_progress_bar=False)),
        "cached": pipeline(encoder, texts, twice=True),
    }


def image_loops(images: list[bytes], device: torch.device) -> dict[str, Timed]:
    from open_clip.transform import PreprocessCfg, image_transform_v2
    from PIL import Image

    encoder: ImageEncoder = efficientnet_lite0("", str(device))
    tower = encoder._tower.get()  # noqa: SLF001 - the loop inside is what is measured
    size = encoder.at_once
    prepared = [encoder.prepare(image) for image in images]
    batches = [encoder.pixels(prepared[begin : begin + size]).cpu() for begin in range(0, len(prepared), size)]

    def bare() -> None:
        for batch in batches:
            with torch.inference_mode(), image_autocast(device):
                tower.features(batch.to(device)).float().cpu()

    clip = build_clip().to(device)
    transform = image_transform_v2(PreprocessCfg(**clip.visual.preprocess_cfg), is_train=False)

    def library() -> None:
        for begin in range(0, len(images), size):
            opened = [transform(Image.open(io.BytesIO(image))) for image in images[begin : begin + size]]
            with torch.inference_mode(), image_autocast(device):
                clip.encode_image(torch.stack(opened).to(device), normalize=True).float().cpu()

    def prepare() -> None:
        for begin in range(0, len(images), size):
            encoder.pixels([encoder.prepare(image) for image in images[begin : begin + size]])

    def by_transform() -> None:
        for begin in range(0, len(images), size):
            pictures = [tower.transform(open_picture(image)) for image in images[begin : begin + size]]
            torch.stack(pictures).contiguous(memory_format=torch.channels_last)

    return {
        "bare": timed(bare),
        "prepare": timed(prepare),
        "by_transform": timed(by_transform),
        "pipeline": pipeline(encoder, images),
        "library": timed(library),
        "cached": pipeline(encoder, images, twice=True),
    }


def measured(loops: dict[str, Timed], count: int, rounds: int) -> dict[str, Any]:
    for name in ("bare", "pipeline", "library"):
        loops[name]()  # what is made on the first call is not measured
    rounds_of: dict[str, list[Spent]] = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            rounds_of[name].append(loop())
    rate = {name: count / min(wall for wall, _ in each) for name, each in rounds_of.items()}
    used = {name: min(cpu for _, cpu in each) for name, each in rounds_of.items()}
    return {
        "things": count,
        **{f"{name}_a_second": round(value, 1) for name, value in rate.items()},
        "of_bare": round(rate["pipeline"] / rate["bare"], 3),
        "of_library": round(rate["pipeline"] / rate["library"], 3),
        "cpu_of_bare": round(used["bare"] / used["pipeline"], 3),
        "cpu_of_library": round(used["library"] / used["pipeline"], 3),
        "seconds": {name: [round(wall, 3) for wall, _ in each] for name, each in rounds_of.items()},
        "cpu_ms_a_thing": {name: round(1000 * one / count, 3) for name, one in used.items()},
    }


def run(folder: Path, count: int, rounds: int, device: str | None) -> dict[str, Any]:
    place = pick_device(device)
    texts, images = contents(folder, count)
    return {
        "device": torch.cuda.get_device_name(place) if place.type == "cuda" else platform.processor(),
        "threads": torch.get_num_threads(),
        "text": measured(text_loops(texts, place), len(texts), rounds),
        "image": measured(image_loops(images, place), len(images), rounds),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device")
    given = parser.parse_args()
    print(json.dumps(run(given.folder, given.count, given.rounds, given.device)))
