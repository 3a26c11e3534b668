import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graph.errors import Conflict, InvalidData, NotFound
from graph.snapshot import Snapshot
from serving.index import FOLDER, MANIFEST, ModelInfo, open_index
from serving.publish import publish
from serving.publish_version import KEEP
from tests.serving.conftest import INFO
from tests.serving.samples import HIDER, HOSTILE, ITEMS, LONELY, USERS, sample_snapshot
from training.data import UserBatch
from training.recommender import Recommender
from training.train import everything


def test_an_index_holds_what_was_published(index, snapshot: Snapshot) -> None:
    assert (index.num_users, index.num_items) == (len(USERS), len(ITEMS))
    assert index.model == INFO
    card = json.loads(index.item_cards[index.item(HOSTILE)])
    assert card["id"] == HOSTILE
    assert card["title"] == 'Amélie "la\nfille" <b>'
    assert card["attributes"] == {"Genre": ["Comedy"]}
    page = json.loads(index.item_pages[index.item("p:i03")])
    assert page["text"] == "About p:i03"
    assert page["properties"] == {"runtime": ITEMS.index("p:i03")}
    assert json.loads(index.user_cards[index.user(LONELY)])["interactions"] == 0
    assert index.popularity.sum() == len(snapshot.interactions)


def test_titles_years_and_images_may_be_missing(index) -> None:
    card = json.loads(index.item_cards[index.item("p:i02")])
    assert (card["title"], card["image"]) == ("p:i02", None)


def test_seen_items_are_left_out_and_impressions_are_not(index, snapshot: Snapshot) -> None:
    for user in range(index.num_users):
        assert not set(index.list_items[user].tolist()) & set(index.seen[user].tolist())
    assert index.seen[index.user(HIDER)].tolist() == [0]
    assert 3 in index.list_items[index.user("p:u00")] or 3 in index.known[index.user("p:u00")]
    assert snapshot.interactions is not None


def test_list_scores_are_the_model_s_own(index, ease: Recommender, training) -> None:
    users = np.flatnonzero(np.diff(training.histories.indptr) > 0)
    scores = ease.score(UserBatch(users, training.histories.take(users)))
    for row, user in enumerate(users.tolist()):
        found = index.list_items[user][index.list_items[user] >= 0]
        allowed = np.setdiff1d(np.arange(index.num_items), index.seen[user])
        assert sorted(found.tolist()) == allowed.tolist()
        np.testing.assert_array_equal(index.list_scores[user, : len(found)], scores[row, found])
        assert (np.diff(index.list_scores[user, : len(found)]) <= 0).all()


def test_history_is_newest_first(index) -> None:
    times = index.history.time[index.history.rows.span(index.user("p:u05"))]
    assert len(times) == 6
    assert (np.diff(times) <= 0).all()


def test_publishing_the_same_again_changes_nothing(tmp_path: Path, snapshot, ease) -> None:
    first = publish(snapshot, ease, home=tmp_path, model=INFO)
    manifest = (first / MANIFEST).read_bytes()
    assert publish(snapshot, ease, home=tmp_path, model=INFO) == first
    assert (first / MANIFEST).read_bytes() == manifest
    assert [path.name for path in (tmp_path / FOLDER).iterdir() if path.is_dir()] == [first.name]


def test_the_last_three_versions_are_kept(tmp_path: Path, snapshot, ease) -> None:
    made = [publish(snapshot, ease, home=tmp_path, model=replace(INFO, version=str(n))).name for n in range(5)]
    kept = {path.name for path in (tmp_path / FOLDER).iterdir() if path.is_dir()}
    assert kept == set(made[-KEEP:])
    assert open_index(tmp_path).version == made[-1]
    assert open_index(tmp_path, made[-2]).model.version == "3"


def test_a_failed_publish_leaves_the_old_index_alone(tmp_path: Path, snapshot, ease) -> None:
    published = publish(snapshot, ease, home=tmp_path, model=INFO)
    with pytest.raises(InvalidData, match="not finite"):
        publish(snapshot, Broken(), home=tmp_path, model=INFO)
    assert open_index(tmp_path, verify=True).folder == published
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == sorted([published.name, "current"])


def test_a_model_of_another_snapshot_is_refused(tmp_path: Path, snapshot, ease) -> None:
    users = everything(sample_snapshot(), None).histories.take(np.arange(3))
    with pytest.raises(Conflict, match="knows 3 users"):
        publish(snapshot, ease, home=tmp_path, model=INFO, histories=users)


def test_without_an_index_the_error_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="interlace train"):
        open_index(tmp_path)


@pytest.mark.parametrize("harm", ["cut", "missing", "manifest", "format", "flip"])
def test_a_damaged_index_is_refused(tmp_path: Path, snapshot, ease, harm: str) -> None:
    folder = publish(snapshot, ease, home=tmp_path, model=INFO)
    target = folder / "list.items.npy"
    match harm:
        case "cut":
            target.write_bytes(target.read_bytes()[:-4])
        case "missing":
            target.unlink()
        case "manifest":
            (folder / MANIFEST).write_text("{")
        case "format":
            (folder / MANIFEST).write_text('{"format": 99}')
        case "flip":
            content = bytearray(target.read_bytes())
            content[-1] ^= 1
            target.write_bytes(content)
    with pytest.raises(Conflict, match="damaged"):
        open_index(tmp_path, verify=True)


def test_publishing_over_a_damaged_version_mends_it(tmp_path: Path, snapshot, ease) -> None:
    folder = publish(snapshot, ease, home=tmp_path, model=INFO)
    (folder / "popular.npy").unlink()
    assert publish(snapshot, ease, home=tmp_path, model=INFO) == folder
    assert open_index(tmp_path, verify=True).version == folder.name


class Broken:
    """A model whose training diverged."""

    name = "broken"

    def score(self, users: UserBatch) -> np.ndarray:
        return np.full((len(users), len(ITEMS)), np.nan, np.float32)

    def forms(self) -> tuple[()]:
        return ()


def test_model_info_goes_to_json() -> None:
    assert json.dumps(ModelInfo("ease", "1", {"hr": 0.5}).json())
