"""Keys and several worker processes: what one command changes, all of them heed within a second."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest

from serving.access.keys import KeyStore
from tests.serving.access.test_abuse import running
from tests.serving.live_api import stop_encoders

pytestmark = pytest.mark.integration


def statuses(address: str, key: str, number: int) -> set[int]:
    """Of requests on connections of their own, which the workers share out."""
    headers = {"authorization": f"Bearer {key}"}
    return {httpx.get(f"{address}/v1/items?limit=1", headers=headers, timeout=30).status_code for _ in range(number)}


def test_every_worker_refuses_a_revoked_key_within_a_second(home: Path, tmp_path: Path) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    with running(tmp_path, WORKERS="2") as server:
        assert statuses(server.address, server.reader, 30) == {200}
        keys = KeyStore(tmp_path)
        _, fresh = keys.create("fresh", "reader")
        keys.revoke("reader")
        keys.close()
        time.sleep(1)
        assert statuses(server.address, server.reader, 30) == {401}
        assert statuses(server.address, fresh, 30) == {200}
    stop_encoders(tmp_path)
