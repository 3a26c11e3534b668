"""`interlace doctor` says who could do what, before the server starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serving.access.keys import KeyStore
from serving.doctor import _access
from serving.settings import Settings


@pytest.mark.parametrize(
    ("options", "keys", "status", "said"),
    [
        ({}, 0, "ok", "everybody on this machine is an administrator"),
        ({}, 1, "warn", "would be open"),
        ({"allowed_hosts": "reco.example"}, 0, "warn", "would be open"),
        ({"require_keys": True}, 0, "warn", "no key yet"),
        ({"require_keys": True}, 2, "ok", "2 keys in use"),
        ({"host": "0.0.0.0"}, 0, "fail", "no key yet"),
        ({"host": "0.0.0.0"}, 1, "ok", "1 keys in use"),
    ],
)
def test_who_could_do_what(tmp_path: Path, options: dict[str, Any], keys: int, status: str, said: str) -> None:
    store = KeyStore(tmp_path)
    for number in range(keys):
        store.create(f"key {number}", "reader")
    store.close()
    found = _access(Settings(home=tmp_path, **options))
    assert found.status == status
    assert said in found.detail
    assert bool(found.remedy) == (status != "ok")
