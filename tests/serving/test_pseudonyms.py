"""No log of a server that ran, and nothing that training leaves in MLflow, holds a user's id."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from serving.access.audit_age import audit_files
from serving.access.gate import named_path
from serving.access.keys import KeyStore
from serving.observe.logs import log_key, pseudonym
from tests.serving.access.test_abuse import running
from tests.serving.live_api import stop_encoders

USERS = ("p:u03", "p:u04")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/users/p%3Au1/consent", ("/v1/users/PU1/consent", True)),
        ("/v1/users/p:u1", ("/v1/users/PU1", True)),
        ("/v1/graph/User/p%3Au1", ("/v1/graph/User/PU1", True)),
        ("/v1/users", ("/v1/users", False)),
        ("/v1/items/p%3Au1", ("/v1/items/p%3Au1", False)),
    ],
)
def test_paths_name_users_otherwise(path: str, expected: tuple[str, bool]) -> None:
    assert named_path(path, lambda user: user.replace(":", "").upper()) == expected


@pytest.mark.integration
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_the_logs_of_a_server_hold_no_id(home: Path, tmp_path: Path, log_format: str) -> None:
    (tmp_path / "index").symlink_to(home / "index")
    with running(tmp_path, LOG_FORMAT=log_format, LOG_REQUESTS="all", LOG_LEVEL="debug") as server:
        keys = KeyStore(tmp_path)
        _, own = keys.create("own", "writer", user=USERS[0])
        keys.close()
        with httpx.Client(base_url=server.address, timeout=30) as client:
            for key in (server.writer, own):
                client.headers["authorization"] = f"Bearer {key}"
                for user in USERS:
                    path = f"/v1/users/{user.replace(':', '%3A')}"
                    client.get(f"{path}/recommendations?explain=true")
                    client.put(f"{path}/consent", json={"transfer": False})
                    client.put(path, json={"properties": {"town": "Paris"}})
                    client.get(f"{path}/nothing")
                    client.post("/v1/events", json={"events": [{"user": user, "item": "p:i01", "kind": "liked"}]})
                    client.post("/v1/events", json={"events": [{"user": user, "item": "p:i01", "kind": "loved"}]})
    logs = [tmp_path / "server.log", *audit_files(tmp_path)]
    text = "".join(path.read_text() for path in logs)
    assert len(logs) >= 2
    assert pseudonym(log_key(tmp_path), USERS[0]) in text
    for user in USERS:
        assert user not in text
        assert user.partition(":")[2] not in text
    stop_encoders(tmp_path)
