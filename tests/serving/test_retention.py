"""retention.yaml: read with the line of what is wrong; what is too old goes from everything that keeps it."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from graph.errors import InvalidData, NotFound
from graph.local_store import LocalStore
from graph.schema import KINDS
from serving.access.audit import FILE as AUDIT_FILE
from serving.access.audit import STRANGERS, AuditLog
from serving.access.audit_age import audit_files, expire_audit
from serving.cli.main import app as command
from serving.events import Event, EventLog
from serving.exposures import Exposure, ExposureLog, Shadowed
from serving.retention import policy_of, retain
from serving.retention_file import DAY, EXAMPLE, FILE, Policy, cut, read_policy

NOW = 1000.5 * DAY


def written(folder: Path, text: str) -> Path:
    path = folder / FILE
    path.write_text(text)
    return path


def test_the_example_of_the_guide(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, EXAMPLE))
    assert policy.interactions == {**dict.fromkeys(KINDS, 730), "impressed": 30, "viewed": 180}
    assert (policy.exposures, policy.audit, policy.logs) == (90, 365, 30)
    guide = Path(__file__).parents[2] / "docs" / "guide" / "retention.md"
    assert EXAMPLE in guide.read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("retention:\n  interactions:\n    seen: 3d\n", "line 3: unknown key 'seen' of interactions"),
        ("retention:\n  audit: 1y\n", "line 2: audit cannot be '1y'"),
        ("retention:\n  audit: 30\n", "line 2: audit cannot be 30"),
        ("retention:\n  interactions:\n    viewed: 0d\n", "line 3: viewed cannot be '0d'"),
        ("retention:\n  logs: 1d\n  logs: 2d\n", "line 3: 'logs' is there twice"),
        ("keep: everything\n", "line 1: unknown key 'keep' of the file"),
        ("retention: [a\n", "line 2"),
    ],
)
def test_an_error_names_the_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidData, match=r"retention\.yaml") as caught:
        read_policy(written(tmp_path, text))
    assert words in str(caught.value)


def test_no_file_is_no_policy_and_an_empty_one_asks_for_nothing(tmp_path: Path) -> None:
    assert policy_of(tmp_path) is None
    with pytest.raises(NotFound, match=r"docs/guide/retention.md"):
        read_policy(tmp_path / FILE)
    assert read_policy(written(tmp_path, "")) == read_policy(written(tmp_path, "retention: {}\n")) == Policy()


def test_within_a_day_a_policy_asks_for_the_same() -> None:
    assert cut(3, NOW) == cut(3, NOW + 0.4 * DAY) == 997 * DAY


def exposed(at: int) -> Exposure:
    return Exposure("r", "p:u1", at, "v", {}, ["p:i1"])


@pytest.mark.integration
def test_what_is_too_old_goes_from_everywhere(local_store: LocalStore, tmp_path: Path) -> None:
    policy = Policy({"viewed": 10, "liked": 100}, exposures=10, audit=10, logs=10)
    old, new = int(NOW) - 20 * DAY, int(NOW) - 5 * DAY
    with closing(EventLog(tmp_path)) as events:
        events.add([Event(f"{kind}{at}", "p:u1", "p:i1", KINDS.index(kind), None, at)
                    for kind in ("viewed", "liked") for at in (old, new)])  # fmt: skip
    with closing(ExposureLog(tmp_path)) as log:
        log.add([exposed(old), exposed(new), Shadowed("r", "p:u1", old, "a", "b", [], [], 1.0, 1.0)])
    with closing(AuditLog(tmp_path / AUDIT_FILE, 1 << 20, clock=lambda: old)) as audit:
        audit.write({"path": "/old"})
    with closing(AuditLog(tmp_path / AUDIT_FILE, 1 << 20, clock=lambda: new)) as audit:
        audit.write({"path": "/new"})
    (tmp_path / "log").mkdir()
    for name, at in (("refresh-a.log", old), ("refresh-b.log", new)):
        (tmp_path / "log" / name).write_text("said")
        os.utime(tmp_path / "log" / name, (at, at))
    expected = {"events": 1, "viewed": 0, "liked": 0, "exposures": 2, "audit": 1, "logs": 1}
    assert retain(local_store, tmp_path, policy, clock=lambda: NOW, dry_run=True) == expected
    assert retain(local_store, tmp_path, policy, clock=lambda: NOW) == expected
    assert retain(local_store, tmp_path, policy, clock=lambda: NOW) == dict.fromkeys(expected, 0)
    with closing(EventLog(tmp_path)) as events:
        assert [one.id for one in events.of("p:u1")] == [f"liked{old}", f"viewed{new}", f"liked{new}"]
    assert [json.loads(line)["path"] for line in (tmp_path / AUDIT_FILE).read_text().splitlines()] == ["/new"]
    assert [path.name for path in (tmp_path / "log").iterdir()] == ["refresh-b.log"]


def test_audit_lines_that_are_written_meanwhile_are_kept(tmp_path: Path) -> None:
    """Four writers with their own handles, as workers have, while old lines go again and again."""
    many, writers = 500, 4

    def write(number: int) -> None:
        with closing(AuditLog(tmp_path / STRANGERS, 16 << 10, clock=lambda: NOW)) as log:
            for line in range(many):
                log.write({"path": f"/{number}/{line}"})

    with closing(AuditLog(tmp_path / STRANGERS, 1 << 20, clock=lambda: 1.0)) as log:
        for line in range(100):
            log.write({"path": f"/old/{line}"})
    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    gone = 0
    while any(thread.is_alive() for thread in threads):
        gone += expire_audit(tmp_path, int(NOW) - DAY)
        time.sleep(0.001)
    assert gone + expire_audit(tmp_path, int(NOW) - DAY) == 100
    paths = [json.loads(line)["path"] for path in audit_files(tmp_path) for line in path.read_text().splitlines()]
    kept = {path for path in paths if not path.startswith("/old")}
    assert len(paths) == len(kept)
    assert {f"/{number}/{many - 1}" for number in range(writers)} <= kept
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in audit_files(tmp_path))


def test_the_command_names_the_line(tmp_path: Path) -> None:
    written(tmp_path, "retention:\n  logs: soon\n")
    done = CliRunner().invoke(command, ["retain", "--home", str(tmp_path)])
    assert done.exit_code == 2
    assert "retention.yaml, line 2" in done.output
