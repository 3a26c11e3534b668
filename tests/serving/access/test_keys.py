"""Keys: made once, kept as hashes, ended in time, seen by other processes; and the commands that do it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from graph.errors import Conflict, InvalidData, NotFound
from serving.access.caller import Caller, Role
from serving.access.keys import CHECK_SECONDS, FILE, KeyStore
from tests.conftest import ROOT
from tests.serving.cli.conftest import Interlace, interlace

__all__ = ["interlace"]


class Clock:
    """Both of a store's clocks, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path: Path, clock: Clock) -> KeyStore:
    return KeyStore(tmp_path, clock=clock, ticks=clock)


def test_a_key_is_known_by_its_whole_text_alone(keys: KeyStore) -> None:
    key, text = keys.create("shop", "writer", platform="p")
    found = keys.verify(text)
    assert found is not None
    assert found.caller == Caller(key.id, Role.WRITER, "p")
    for wrong in (
        text[:-1],
        text + "0",
        text.upper(),
        f"ilk_{key.id}_",
        f"ilk_{key.id}",
        "ilk_",
        "",
        "ilk__",
        f" {text}",
    ):
        assert keys.verify(wrong) is None, wrong


def test_the_file_is_the_owners_and_holds_no_secret(keys: KeyStore, tmp_path: Path) -> None:
    _, text = keys.create("shop", "writer")
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    secret = text.rpartition("_")[2]
    for path in tmp_path.iterdir():
        assert secret.encode() not in path.read_bytes()
        assert bytes.fromhex(secret) not in path.read_bytes()


def test_keys_end_in_time(keys: KeyStore, clock: Clock) -> None:
    _, text = keys.create("month", "reader", lifetime=60)
    clock.now += 59
    assert keys.verify(text) is not None
    clock.now += 1
    assert keys.verify(text) is None
    assert keys.all()[0].state(clock.now) == "expired"


def test_a_rotated_key_has_another_secret_and_the_old_one_for_its_grace(keys: KeyStore, clock: Clock) -> None:
    _, old = keys.create("shop", "reader", lifetime=100)
    clock.now += 50
    key, new = keys.rotate("shop", grace=20)
    clock.now += CHECK_SECONDS
    assert keys.verify(new) is not None
    assert keys.verify(old) is not None
    assert key.expires == clock.now - CHECK_SECONDS + 100
    clock.now += 20
    assert keys.verify(old) is None
    assert keys.verify(new) is not None
    _, newer = keys.rotate(key.id)
    clock.now += CHECK_SECONDS
    assert keys.verify(new) is None
    assert keys.verify(newer) is not None


def test_another_process_ends_a_key_within_a_second(keys: KeyStore, clock: Clock, tmp_path: Path) -> None:
    _, text = keys.create("shop", "reader")
    assert keys.verify(text) is not None
    command = [sys.executable, "-m", "serving.cli", "keys", "revoke", "shop", "--home", str(tmp_path)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    clock.now += CHECK_SECONDS
    assert CHECK_SECONDS < 1
    assert keys.verify(text) is None


def test_a_file_that_is_taken_away_ends_every_key(keys: KeyStore, clock: Clock, tmp_path: Path) -> None:
    _, text = keys.create("shop", "reader")
    assert keys.verify(text) is not None
    (tmp_path / FILE).unlink()
    clock.now += CHECK_SECONDS
    assert keys.verify(text) is None
    _, again = keys.create("shop", "reader")
    clock.now += CHECK_SECONDS
    assert keys.verify(again) is not None


def test_names_are_of_one_key_in_use(keys: KeyStore) -> None:
    keys.create("shop", "reader")
    with pytest.raises(Conflict, match="shop"):
        keys.create("shop", "admin")
    keys.revoke("shop")
    keys.create("shop", "admin")
    with pytest.raises(NotFound, match="nothing"):
        keys.revoke("nothing")


def test_a_users_token_is_bound_to_the_user_and_the_platform(keys: KeyStore) -> None:
    key, text = keys.create("app", "admin", user="p:u01")
    found = keys.verify(text)
    assert found is not None
    assert found.caller == Caller(key.id, Role.READER, "p", "p:u01")


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "a\nb"}, {"role": "root"}, {"platform": "a:b"}, {"user": "nobody"}, {"user": ":x"},
     {"user": "p:u", "platform": "q"}],
)  # fmt: skip
def test_wrong_wishes_are_refused(keys: KeyStore, wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidData):
        keys.create(wrong.pop("name", "shop"), wrong.pop("role", "reader"), **wrong)
    assert keys.all() == []


def test_a_home_that_cannot_be_written_can_be_read(keys: KeyStore, tmp_path: Path) -> None:
    _, text = keys.create("shop", "reader")
    (tmp_path / FILE).chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        assert KeyStore(tmp_path).verify(text) is not None
    finally:
        tmp_path.chmod(0o700)


def test_the_commands_make_show_rotate_and_end_keys(interlace: Interlace, tmp_path: Path) -> None:
    made = interlace("keys", "create", "shop", "--role", "writer", "--platform", "p", "--expires", "30d", "--json").json
    home = tmp_path / ".interlace"
    found = KeyStore(home).verify(made["key"])
    assert found is not None
    assert found.caller == Caller(made["id"], Role.WRITER, "p")
    assert round(made["expires"] - made["created"]) == 30 * 86_400
    listed = interlace("keys", "list", "--json").json["keys"]
    assert [(one["name"], one["state"]) for one in listed] == [("shop", "active")]
    assert "key" not in listed[0]
    assert "shop" in interlace("keys", "list").out
    rotated = interlace("keys", "rotate", "shop", "--json").json
    assert KeyStore(home).verify(made["key"]) is None
    assert interlace("keys", "revoke", rotated["id"], "--json").json["state"] == "revoked"
    assert KeyStore(home).verify(rotated["key"]) is None
    acts = [json.loads(line) for line in (home / "audit.jsonl").read_text().splitlines()]
    assert [(one["act"], one["target"]) for one in acts] == [
        (f"key-{act}", made["id"]) for act in ("create", "rotate", "revoke")
    ]
    assert interlace("keys", "create", "x", "--expires", "soon").code == 2
