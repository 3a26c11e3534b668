"""Signed indexes: what changed since it was published is refused by name, and nothing is hashed twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from graph.errors import Conflict
from graph.snapshot import Snapshot
from serving.doctor import Check, examine
from serving.index import FOLDER, MANIFEST, open_index
from serving.index_trust import SIGNATURE, record_of
from serving.publish import publish
from serving.settings import Settings
from serving.signing import KEY, PUBLIC, sign, verify
from tests.serving.conftest import INFO
from training.recommender import Recommender

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path, snapshot: Snapshot, ease: Recommender) -> Path:
    """A home with an index of its own."""
    publish(snapshot, ease, home=tmp_path, model=INFO)
    return tmp_path


def folder_of(home: Path) -> Path:
    return home / FOLDER / (home / FOLDER / "current").read_text().strip()


def flip(path: Path) -> None:
    """One bit, in place: the size stays, and the time that a program can set too."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_the_key_is_its_owners_alone(place: Path) -> None:
    assert (place / KEY).stat().st_mode & 0o777 == 0o600
    assert verify(place, b"said", sign(place, b"said"))
    assert not verify(place, b"said otherwise", sign(place, b"said"))


@pytest.mark.parametrize("name", ["list.items.npy", "user_ids.bytes", "popular.npy"])
def test_a_changed_byte_is_refused_by_name(place: Path, name: str) -> None:
    open_index(place)
    flip(folder_of(place) / name)
    with pytest.raises(Conflict, match=f"the content of {name} is not what was published") as caught:
        open_index(place)
    assert "publish it again" in str(caught.value)


def test_who_changes_the_manifest_too_cannot_sign_it(place: Path) -> None:
    folder = folder_of(place)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["model"]["version"] = "forged"
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(Conflict, match=f"{MANIFEST} was not signed with the key of"):
        open_index(place)


def test_a_signature_cannot_be_taken_away(place: Path) -> None:
    (folder_of(place) / SIGNATURE).unlink()
    (folder_of(place) / MANIFEST).touch()
    with pytest.raises(Conflict, match=f"{SIGNATURE} is missing"):
        open_index(place)


def test_a_version_cannot_stand_in_for_another(place: Path, snapshot: Snapshot, ease: Recommender) -> None:
    old = folder_of(place)
    new = publish(snapshot, ease, home=place, model=replace(INFO, version="8"))
    shutil.rmtree(new)
    shutil.copytree(old, new)
    with pytest.raises(Conflict, match=f"is that of version {old.name}"):
        open_index(place)


def test_an_index_of_another_home_needs_its_public_key(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(place / FOLDER, other / FOLDER)
    assert open_index(other).version, "no key, so nobody to ask"
    sign(other, b"something else, so that there is a key")
    with pytest.raises(Conflict, match=f"copy {PUBLIC} from there"):
        open_index(other)
    (other / KEY).unlink()
    shutil.copy(place / PUBLIC, other / PUBLIC)
    assert open_index(other).version
    with pytest.raises(Conflict, match="can check signatures and make none"):
        sign(other, b"anything")


def test_an_index_that_is_older_than_the_key_is_taken_until_it_is_published_again(
    place: Path, snapshot: Snapshot, ease: Recommender
) -> None:
    for name in (KEY, PUBLIC):
        (place / name).unlink()
    (folder_of(place) / SIGNATURE).unlink()
    (folder_of(place) / MANIFEST).touch()
    sign(place, b"the first signature")
    assert open_index(place).version
    assert health(place).status == "warn"
    publish(snapshot, ease, home=place, model=INFO)
    assert (folder_of(place) / SIGNATURE).is_file()
    assert health(place).status == "ok"


def test_what_was_found_right_is_noted_and_goes_with_its_version(
    place: Path, snapshot: Snapshot, ease: Recommender
) -> None:
    folder = folder_of(place)
    record = record_of(place, folder.name)
    assert set(json.loads(record.read_text())) == set(json.loads((folder / MANIFEST).read_text())["files"])
    record.unlink()
    open_index(place)
    assert record.is_file(), "an index that was copied here is hashed once"
    record.write_text("{")
    open_index(place)
    assert json.loads(record.read_text()), "a record that cannot be read is none"
    for version in range(4):
        publish(snapshot, ease, home=place, model=replace(INFO, version=str(version)))
    assert not record.exists()


@pytest.mark.parametrize("harm", [flip, Path.unlink])
def test_the_doctor_reads_every_byte(place: Path, harm: Callable[[Path], None]) -> None:
    found = health(place)
    assert found.status == "ok"
    assert "signed with" in found.detail
    harm(folder_of(place) / "known.columns.npy")
    found = health(place)
    assert (found.status, found.remedy[:16]) == ("fail", "publish it again")
    assert "known.columns.npy" in found.detail


def test_the_doctor_sees_a_key_that_others_can_read(place: Path) -> None:
    (place / KEY).chmod(0o644)
    assert health(place).remedy.startswith("chmod 600")


def health(home: Path) -> Check:
    """The doctor's word on the index."""
    return next(one for one in examine(Settings(home=home, store="bolt://127.0.0.1:1")) if one.name == "index")


@pytest.mark.integration
def test_no_server_starts_on_a_changed_index(place: Path) -> None:
    flip(folder_of(place) / "list.scores.npy")
    environment = {**os.environ, "INTERLACE_HOME": str(place), "INTERLACE_PORT": "0"}
    done = subprocess.run([sys.executable, "-m", "serving.run"], cwd=ROOT, env=environment, capture_output=True,
                          text=True, timeout=120, check=False)  # fmt: skip
    assert done.returncode
    assert "list.scores.npy" in done.stderr
