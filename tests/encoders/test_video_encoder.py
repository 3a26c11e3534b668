"""Videos through the encoders of pictures and sounds, from bytes and from the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders.base import Absent, unit_rows
from encoders.cache import VectorCache, content_key
from encoders.encode import embed_folder, encode_items
from encoders.pipeline import encode_contents
from encoders.registry import open_encoder
from encoders.report import EncodeReport
from encoders.sources import MAX_BYTES, source_of
from encoders.video_encoder import WAYS, VideoEncoder, of_videos
from encoders.video_frames import video_frames
from encoders.zeroshot import tag_items
from graph.local_store import LocalStore
from graph.schema import Entity
from graph.store import GraphStore
from tests.encoders.counting import CountingEncoder
from tests.encoders.test_encode import properties, snapshot
from tests.encoders.tiny import make_open_clip, make_projections, picture, saved, saved_sound, sound
from tests.encoders.video_files import ramp, saved_video, striped

SCENES = [striped(), picture(2, size=(240, 180))]
TONE = sound(1, seconds=2)
SILENT_FILM, SOUND_FILM, OTHER_FILM = (
    saved_video(SCENES[:1] * 20),
    saved_video(SCENES[:1] * 20, sound=(TONE, "aac")),
    saved_video(SCENES[1:] * 20),
)


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"open-clip:{make_open_clip(tmp_path_factory.mktemp('videos') / 'clip')}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    media = tmp_path / "home" / "media" / "ab"
    media.mkdir(parents=True)
    (media / "silent.mp4").write_bytes(SILENT_FILM)
    (media / "sound.mp4").write_bytes(SOUND_FILM)
    (media / "other.mp4").write_bytes(OTHER_FILM)
    (media / "broken.mp4").write_bytes(SILENT_FILM[:200])
    (media / "one.jpg").write_bytes(saved(SCENES[1]))
    (media / "one.flac").write_bytes(saved_sound(sound(2), "FLAC"))
    return tmp_path / "home"


def encode(store: GraphStore, home: Path, clip: str) -> EncodeReport:
    return encode_items(store, home=home, names={"image": clip}, modalities=("image", "audio"), device="cpu")


def test_two_scenes_lie_between_the_scenes_with_the_shipped_encoder() -> None:
    encoder = open_encoder("efficientnet-lite0", device="cpu")
    first, second = encoder.encode([saved(scene, "PNG") for scene in SCENES])
    both = of_videos(encoder).encode([saved_video(SCENES[:1] * 40 + SCENES[1:] * 40), SILENT_FILM])
    np.testing.assert_allclose(np.linalg.norm(both, axis=1), 1, atol=1e-5)
    apart = float(first @ second)
    to_first, to_second = float(both[0] @ first), float(both[0] @ second)
    assert apart + 0.1 < min(to_first, to_second)
    assert abs(to_first - to_second) < 0.1
    assert float(both[0] @ unit_rows((first + second)[None])[0]) > 0.95
    assert float(both[1] @ first) > 0.95


def test_a_vector_is_the_mean_over_frames_however_videos_are_batched(tiny_clip: str) -> None:
    encoder = open_encoder(tiny_clip, device="cpu")
    films = [saved_video([*SCENES, *ramp(30, (240, 180))]), SILENT_FILM]
    together = of_videos(encoder).encode(films)
    for film, vector in zip(films, together, strict=True):
        frames = encoder.encode(video_frames(film))
        np.testing.assert_allclose(vector, unit_rows(frames.mean(axis=0, keepdims=True))[0], atol=2e-3)
    assert of_videos(encoder).encode([]).shape == (0, 24)


def test_a_projected_encoder_projects_the_mean_of_its_base(tmp_path: Path) -> None:
    projected = open_encoder(f"catalogue-image:{make_projections(tmp_path / 'one.safetensors')}", device="cpu")
    found = of_videos(projected).encode([SILENT_FILM])
    base = of_videos(open_encoder("efficientnet-lite0", device="cpu")).encode([SILENT_FILM])
    np.testing.assert_allclose(found, projected.project(list(base)), atol=2e-3)  # type: ignore[attr-defined]
    assert (found.shape, of_videos(projected).name, of_videos(projected).dim) == ((1, 256), projected.name, 256)
    with VectorCache(None) as cache:
        cached = encode_contents(of_videos(projected), [SILENT_FILM], cache)
    np.testing.assert_allclose(cached.vectors[content_key(SILENT_FILM)], found[0], atol=2e-3)


def test_the_cache_knows_content_encoder_and_how_frames_are_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    base = CountingEncoder("image")
    with VectorCache(None) as cache:
        first = encode_contents(of_videos(base), [SILENT_FILM], cache)
        assert (first.computed, base.count) == (1, 16)
        assert encode_contents(of_videos(base), [SILENT_FILM], cache).computed == 0
        assert encode_contents(of_videos(base), [OTHER_FILM], cache).computed == 1
        assert encode_contents(base, [SILENT_FILM], cache).computed == 1  # the file itself is another thing
        assert encode_contents(of_videos(CountingEncoder("image", version="2")), [SILENT_FILM], cache).computed == 1
        monkeypatch.setattr("encoders.video_encoder.WAYS", {"image": "video frames 9 1"})
        assert encode_contents(of_videos(base), [SILENT_FILM], cache).computed == 1


def test_a_video_without_sound_is_absent_and_no_error() -> None:
    encoder = VideoEncoder(open_encoder("signal"))
    with pytest.raises(Absent):
        encoder.prepare(SILENT_FILM)
    with VectorCache(None) as cache:
        found = encode_contents(encoder, [SILENT_FILM, SOUND_FILM, b"broken"], cache)
    assert found.absent == {content_key(SILENT_FILM)}
    assert set(found.vectors) == {content_key(SOUND_FILM)}
    assert set(found.refused) == {content_key(b"broken")}


@pytest.mark.parametrize("modality", ["image", "audio"])
def test_a_mark_changes_with_the_video_and_its_own_file_comes_first(modality: Any) -> None:
    first, second = (source_of(modality, "i", {"video": f"ab/{name}.mp4"}) for name in "xy")
    assert first is not None
    assert second is not None
    assert (first.content, first.sort) == ("ab/x.mp4", "video")
    assert first.mark != second.mark
    assert WAYS[modality] in first.mark
    own = source_of(modality, "i", {"video": "ab/x.mp4", modality: "ab/own"})
    assert own is not None
    assert (own.content, own.mark, own.sort) == ("ab/own", "ab/own", modality)
    assert source_of("text", "i", {"video": "ab/x.mp4"}) is None


def items() -> list[Entity]:
    return [
        Entity("Item", "shop:1", {"video": "ab/sound.mp4"}),
        Entity("Item", "shop:2", {"video": "ab/silent.mp4"}),
        Entity("Item", "shop:3", {"video": "ab/broken.mp4"}),
        Entity("Item", "shop:4", {"video": "ab/sound.mp4", "image": "ab/one.jpg", "audio": "ab/one.flac"}),
        Entity("Item", "shop:5", {"video": "ab/gone.mp4"}),
        Entity("Item", "shop:6", {"video": "../../secret.mp4"}),
        Entity("Item", "shop:7", {"title": "nothing to see"}),
    ]


@pytest.mark.integration
def test_items_with_videos_get_both_vectors(any_store: GraphStore, home: Path, tiny_clip: str) -> None:
    any_store.write(items())
    report = encode(any_store, home, tiny_clip)
    image, audio = report.of("image"), report.of("audio")
    assert (image.encoded, image.missing, image.refused) == (3, 1, 3)
    assert (audio.encoded, audio.missing, audio.refused) == (2, 2, 3)
    for report_of in (image, audio):
        reasons = dict(report_of.reasons)
        assert "ab/broken.mp4: " in reasons["shop:3"]
        assert "ab/gone.mp4" in reasons["shop:5"]
        assert "leaves its folder" in reasons["shop:6"]
    first = properties(any_store, "shop:1")
    encoder = open_encoder(tiny_clip, device="cpu")
    np.testing.assert_allclose(first["image_embedding"], of_videos(encoder).encode([SOUND_FILM])[0], atol=2e-3)
    assert (first["image_embedding_encoder"], first["image_embedding_version"]) == (encoder.name, encoder.version)
    heard = open_encoder("signal").encode([saved_sound(TONE)])[0]
    assert float(np.dot(first["audio_embedding"], heard)) > 0.98
    assert "audio_embedding" not in properties(any_store, "shop:2")
    own = encoder.encode([saved(SCENES[1])])[0]
    np.testing.assert_allclose(properties(any_store, "shop:4")["image_embedding"], own, atol=2e-3)
    assert any_store.nearest("Item", "image_embedding", first["image_embedding"], 2).rows[0][0] in {"shop:1", "shop:2"}


@pytest.mark.integration
def test_only_a_changed_video_is_encoded_and_a_lost_one_loses_its_vectors(
    local_store: LocalStore, home: Path, tiny_clip: str
) -> None:
    local_store.write(items()[:4])
    encode(local_store, home, tiny_clip)
    again = encode(local_store, home, tiny_clip)
    assert [one.encoded for one in again.modalities] == [0, 0]
    changes = {"shop:1": {"video": "ab/other.mp4"}, "shop:2": {"video": None}, "shop:4": {"image": None}}
    local_store.write([Entity("Item", item, change) for item, change in changes.items()])
    report = encode(local_store, home, tiny_clip)
    assert (report.of("image").encoded, report.of("image").missing) == (1, 1)  # shop:4's video is in the cache
    first = properties(local_store, "shop:1")
    assert "ab/other.mp4" in first["image_embedding_source"]
    assert not any(name.startswith("audio_embedding") for name in first)  # the new video has no sound
    assert not any(name.startswith("image_embedding") for name in properties(local_store, "shop:2"))
    assert "ab/sound.mp4" in properties(local_store, "shop:4")["image_embedding_source"]


@pytest.mark.integration
def test_an_item_with_a_video_alone_is_tagged(local_store: LocalStore, home: Path, tiny_clip: str) -> None:
    local_store.write(items()[:4])
    encode(local_store, home, tiny_clip)
    report = tag_items(local_store, home=home, labels=["red", "green", "blue"], threshold=0.0, device="cpu")
    assert report.compared == 4
    rows = local_store.query(
        "MATCH (i:Item)-[r:TAGGED]->() RETURN DISTINCT i.id AS id, r.encoder AS encoder, r.modality AS modality"
    ).dicts()
    assert {row["id"] for row in rows} == {"shop:1", "shop:2", "shop:4"}
    assert {(row["encoder"], row["modality"]) for row in rows} == {(tiny_clip, "image")}


def test_a_folder_of_videos_gives_tables_without_a_store(home: Path, tiny_clip: str) -> None:
    columns = {"video": ["ab/silent.mp4", None, "ab/sound.mp4"], "image": [None, "ab/one.jpg", None]}
    tables = embed_folder(snapshot(columns, 3), home / "media", names={"image": tiny_clip}, device="cpu")
    np.testing.assert_array_equal(tables["image"].present, [True, True, True])
    np.testing.assert_array_equal(tables["audio"].present, [False, False, True])


def test_a_file_above_the_limit_is_refused_unread(home: Path, tiny_clip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoders.sources.MAX_BYTES", {**MAX_BYTES, "video": 100})
    columns = {"video": ["ab/silent.mp4"]}
    assert embed_folder(snapshot(columns, 1), home / "media", names={"image": tiny_clip}, device="cpu") == {}
