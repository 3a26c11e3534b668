"""The lock as data, its bill of materials, and the licences of what it installs."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tools.audit import FOUND, NOT_LOOKED, verdict
from tools.licences import EXCEPTIONS, excepted, is_allowed, refused
from tools.lock import LOCK, read_lock
from tools.sbom import bill


def test_every_package_of_the_lock_is_read_with_its_hashes() -> None:
    locked = read_lock()
    assert len(locked) == sum("==" in line and line[0] not in " #" for line in LOCK.read_text().splitlines())
    assert sum(len(one.hashes) for one in locked) == LOCK.read_text().count("--hash=sha256:")
    assert all(one.hashes and one.via for one in locked)
    uvicorn = next(one for one in locked if one.name == "uvicorn")
    assert uvicorn.version == version("uvicorn")
    assert "interlace" in uvicorn.via


def test_the_bill_holds_the_whole_lock_and_its_dependencies() -> None:
    found = bill()
    assert json.dumps(found) == json.dumps(bill()), "the same lock, the same bytes"
    assert {(one["name"], one["version"]) for one in found["components"]} == {
        (one.name, one.version) for one in read_lock()
    }
    refs = [one["bom-ref"] for one in (found["metadata"]["component"], *found["components"])]
    assert len(refs) == len(set(refs)) == len(found["dependencies"])
    assert {ref for one in found["dependencies"] for ref in (one["ref"], *one["dependsOn"])} == set(refs)
    ours = next(one for one in found["dependencies"] if one["ref"] == refs[0])
    assert any(ref.startswith("pkg:pypi/fastapi@") for ref in ours["dependsOn"])


def test_every_licence_is_allowed_or_excepted_with_a_reason() -> None:
    assert refused() == {}
    assert set(EXCEPTIONS) <= {one.name for one in read_lock()}, "an exception for what is no longer there"
    assert excepted("nvidia-cublas")
    assert not excepted("fastapi")


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("AGPL-3.0-or-later", False),
        ("UNKNOWN", False),
        ("", False),
    ],
)
def test_how_expressions_are_read(expression: str, allowed: bool) -> None:
    assert is_allowed(expression) is allowed


@pytest.mark.parametrize(
    ("told", "meaning"),
    [
        ("No known vulnerabilities found\n", 0),
        ("Found 2 known vulnerabilities in 1 package\nName Version ID\n", FOUND),
        ("No known vulnerabilities found\nName Skip Reason\nzipp Dependency not found and could not be audited\n", 2),
        ("error: Failed to fetch pip-audit", NOT_LOOKED),
        ("", NOT_LOOKED),
    ],
)
def test_not_looked_at_is_not_nothing_found(told: str, meaning: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(told) == meaning
    assert ("NOT LOOKED AT" in capsys.readouterr().out) is (meaning == NOT_LOOKED)


def test_make_has_both() -> None:
    makefile = (Path(LOCK).parent / "Makefile").read_text()
    assert "tools.sbom" in makefile
    assert "tools.audit" in makefile
