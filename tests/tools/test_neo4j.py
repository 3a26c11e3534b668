"""The launcher of a real Neo4j: what it says when it cannot start one, and what it writes."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import psutil
import pytest

from tools import neo4j


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(neo4j, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert neo4j.missing_tools() == ["java", "mvn"]
    with pytest.raises(neo4j.LaunchError, match="java and mvn not found"):
        neo4j.fetch_jars()


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(neo4j, "fetch_jars", lambda: tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(neo4j.LaunchError, match=f"port {port} is in use"):
            neo4j.Neo4j(tmp_path / "home", port).start()


def test_the_settings_close_the_machine_s_files(tmp_path: Path) -> None:
    server = neo4j.Neo4j(tmp_path / "home", 7688)
    server._write_settings()
    settings = (tmp_path / "home" / "conf" / "neo4j.conf").read_text().splitlines()
    assert "dbms.security.allow_csv_import_from_file_urls=false" in settings
    assert "internal.dbms.cypher_ip_blocklist=0.0.0.0/0,::/0" in settings
    assert any(line.startswith("db.memory.transaction.max=") for line in settings)
    assert "server.bolt.listen_address=127.0.0.1:7688" in settings
    assert not [line for line in settings if "auth_enabled=false" in line]
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_state_file_of_a_dead_or_another_process_is_no_server(tmp_path: Path) -> None:
    state = tmp_path / "server.json"
    assert neo4j.running(state) is None
    state.write_text(json.dumps({"pid": 2**22 + 1, "since": 0.0, "uri": "bolt://x"}))
    assert neo4j.running(state) is None
    state.write_text(json.dumps({"pid": os.getpid(), "since": 0.0, "uri": "bolt://x"}))
    assert neo4j.running(state) is None
    alive = {"pid": os.getpid(), "since": psutil.Process().create_time(), "uri": "bolt://x"}
    state.write_text(json.dumps(alive))
    assert neo4j.running(state) == alive


def test_status_and_stop_without_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(neo4j, "CACHE", tmp_path)
    assert neo4j.main(["status"]) == 1
    assert neo4j.main(["stop"]) == 0
    assert capsys.readouterr().out == "Neo4j is not running\n" * 2


@pytest.mark.neo4j
def test_the_server_may_not_read_files_nor_shows_its_password(neo4j_server: tuple[str, str | None]) -> None:
    _, password = neo4j_server
    if password is None:
        pytest.skip("this Neo4j was not started by the tests")
    commands = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    assert any("CommunityEntryPoint" in command for command in commands)
    assert not any(password in command for command in commands)
