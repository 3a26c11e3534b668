"""A small catalogue that real encoders can tell apart: four themes by words and colours, users who like one each."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from encoders.encode import embed_folder
from graph.schema import KINDS
from graph.snapshot import IdMap, Interactions, Snapshot, Triples
from serving.publish import publish
from tests.serving.conftest import INFO
from training.train import everything
from training.zoo import find

THEMES = {
    "space": ("a crew aboard a starship", "astronauts on a distant planet", "a signal from another galaxy",
              "a rocket bound for the moon", "aliens land on earth", "a station that orbits a dying star"),
    "kitchen": ("a chef opens a restaurant", "baking bread in a village", "a contest between two cooks",
                "the secret of a family recipe", "a critic tastes a perfect soup", "a bakery saved by its customers"),
    "war": ("soldiers cross a frozen river", "a general betrays his army", "letters from the trenches",
            "a tank crew behind the lines", "the siege of a city", "a medic on the battlefield"),
    "romance": ("two strangers fall in love on a train", "a wedding that nobody wanted", "love letters never sent",
                "a summer romance by the sea", "she meets her first love again", "a kiss at midnight in paris"),
}  # fmt: skip
COLOURS = {"space": (10, 10, 40), "kitchen": (240, 200, 120), "war": (70, 90, 40), "romance": (220, 60, 90)}
NAMES = tuple(THEMES)
USERS = 48


def picture(theme: str, seed: int = 0) -> bytes:
    """A picture in the colours of a theme, with a pattern of its own."""
    rng = np.random.default_rng(seed)
    pixels = np.full((96, 96, 3), COLOURS[theme], np.float64) + 25 * rng.standard_normal((96, 96, 1))
    data = BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def themed_snapshot(media: Path) -> Snapshot:
    """Items `p:THEME0…5`, pictures below `media`, vectors by the shipped encoders; user u likes theme u % 4."""
    rows = sorted(
        (f"p:{theme}{place}", theme, text) for theme, texts in THEMES.items() for place, text in enumerate(texts)
    )
    ids, themes, texts = (tuple(column) for column in zip(*rows, strict=True))
    media.mkdir(parents=True)
    for place, (name, theme) in enumerate(zip(ids, themes, strict=True)):
        (media / f"{name[2:]}.png").write_bytes(picture(theme, place))
    rng = np.random.default_rng(5)
    user, item = [], []
    for one in range(USERS):
        mine = [place for place, theme in enumerate(themes) if theme == NAMES[one % 4]]
        for place in sorted({*rng.permutation(mine)[:4].tolist(), int(rng.integers(len(ids)))}):
            user.append(one)
            item.append(place)
    entities = IdMap(tuple(sorted(f"Genre:Genre:{theme.title()}" for theme in NAMES)), "entity")
    tails = [len(ids) + entities.position(f"Genre:Genre:{theme.title()}") for theme in themes]
    snapshot = Snapshot(
        users=IdMap(tuple(f"p:u{one:02d}" for one in range(USERS)), "user"),
        items=IdMap(ids, "item"),
        entities=entities,
        relations=("HAS_GENRE",),
        interactions=Interactions(
            np.array(user, np.int32), np.array(item, np.int32), np.full(len(user), KINDS.index("liked"), np.int8),
            np.full(len(user), np.nan, np.float32), np.arange(len(user), dtype=np.int64),
        ),
        triples=Triples(np.arange(len(ids), dtype=np.int32), np.zeros(len(ids), np.int16), np.array(tails, np.int32)),
        friendships=np.empty((0, 2), np.int32),
        identities={},
        item_properties=pa.table({
            "title": [text.title() for text in texts], "text": list(texts), "kind": ["movie"] * len(ids),
            "year": [1980 + place for place in range(len(ids))], "image": [f"{name[2:]}.png" for name in ids],
        }),
        user_properties=pa.table({
            "age": pa.array([20 + one % 4 for one in range(USERS)], pa.int64()),
            "town": ["north" if one % 4 < 2 else "south" for one in range(USERS)],
        }),
        embeddings={},
    )  # fmt: skip
    return snapshot.with_embeddings(embed_folder(snapshot, media))


def publish_themed(home: Path) -> Snapshot:
    """Published in `home`; returns the snapshot."""
    snapshot = themed_snapshot(home / "pictures")
    publish(snapshot, find("ease").build().fit(everything(snapshot, None)), home=home, model=INFO)
    return snapshot
