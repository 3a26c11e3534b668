"""Several processes through Ray give the bytes that one gives."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from encoders.cache import VectorCache, content_key
from encoders.pipeline import Team, encode_chunks, encode_contents
from encoders.ray_pool import ray_pool
from encoders.registry import open_encoder
from encoders.sources import encode_sources, source_of
from graph.errors import Unsupported
from tests.encoders.tiny import picture, saved

HERE = find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not HERE, reason="Ray is not installed: pip install 'interlace[ray]'")
ours = pytest.mark.filterwarnings("ignore:.*:FutureWarning", "ignore::ResourceWarning")  # Ray's own


@pytest.mark.skipif(HERE, reason="Ray is installed here")
def test_without_ray_the_extra_is_named() -> None:
    with pytest.raises(Unsupported, match="Ray is not installed"), ray_pool(2, "local"):
        pass


@pytest.mark.slow
@needs_ray
@ours
def test_processes_of_ray_give_the_bytes_of_one(tmp_path: Path) -> None:
    texts = [f"film number {place} " + "of words " * (place % 7) for place in range(300)] + ["   "]
    pictures = [saved(picture(seed)) for seed in range(20)] + [b"no picture"]
    for place, data in enumerate(pictures):
        (tmp_path / f"{place}.jpg").write_bytes(data)
    rows = [{"image": f"{place}.jpg"} for place in range(len(pictures))]
    sources = [one for place, row in enumerate(rows) if (one := source_of("image", str(place), row))]
    text, image = open_encoder("minilm"), open_encoder("efficientnet-lite0")
    with VectorCache(None) as cache:
        alone = encode_contents(text, texts, cache)
        looked_at = encode_sources(image, sources, tmp_path, cache)
    with ray_pool(2, "local") as team, VectorCache(None) as cache:
        shared = encode_contents(text, texts, cache, team)
        again = encode_contents(text, texts, cache, team)
        seen = encode_sources(image, sources, tmp_path, cache, team=team)
    assert shared.vectors.keys() == alone.vectors.keys()
    assert shared.refused == alone.refused
    assert len(shared.refused) == 1
    for key, vector in alone.vectors.items():
        np.testing.assert_array_equal(shared.vectors[key], vector)
    assert (shared.computed, again.computed) == (300, 0), "what is cached reaches no process"
    assert seen.refused == looked_at.refused
    for item, vector in looked_at.vectors.items():
        np.testing.assert_array_equal(seen.vectors[item], vector)


def test_a_team_gets_the_chunks_that_one_process_would_encode() -> None:
    asked: list[list[int]] = []

    def run(encoder, chunks):
        asked.append([len(chunk) for chunk in chunks])
        return encode_chunks(encoder, chunks)

    texts = [f"text {place}" for place in range(300)]
    with VectorCache(None) as cache:
        found = encode_contents(open_encoder("minilm"), texts, cache, Team(5, run))
    assert asked == [[128, 128, 44]]
    assert found.vectors.keys() == {content_key(text) for text in texts}
