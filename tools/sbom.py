"""A bill of materials of what `requirements.lock` installs, CycloneDX 1.6 JSON: `python -m tools.sbom [FILE]`.

The same lock gives the same bytes: no time of making, and a serial number from the lock's hash. Licences are those of
the distributions that are installed here; hashes are those of all files (wheels for several systems) that it takes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
import uuid
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tools.licences import licence_of
from tools.lock import LOCK, Locked, normal, read_lock

ROOT = Path(__file__).parents[1]
DEFAULT = ROOT / "dist" / "interlace.cdx.json"
NAMESPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def bill() -> dict[str, Any]:
    """The document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = read_lock()
    licences = {normal(one.name): licence_of(one) for one in distributions()}
    ours = f"pkg:pypi/{project['name']}@{project['version']}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, hashlib.sha256(LOCK.read_bytes()).hexdigest())}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": ours, "name": project["name"], "version": project["version"],
                "purl": ours, "licenses": [{"license": {"id": project["license"]}}],
            },
        },
        "components": [_component(one, licences.get(one.name, "")) for one in locked],
        "dependencies": _dependencies(locked, project["name"], ours),
    }  # fmt: skip


def _component(one: Locked, licence: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library", "bom-ref": _purl(one), "name": one.name, "version": one.version, "purl": _purl(one),
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.hashes],
    }  # fmt: skip
    if licence:
        found["licenses"] = [{"license": {"name": licence}}]
    if one.marker:
        found["properties"] = [{"name": "interlace:marker", "value": one.marker}]
    return found


def _purl(one: Locked) -> str:
    return f"pkg:pypi/{one.name}@{one.version.replace('+', '%2B')}"


def _dependencies(locked: list[Locked], name: str, ours: str) -> list[dict[str, Any]]:
    asked: dict[str, set[str]] = {ours: set(), **{_purl(one): set() for one in locked}}
    refs: dict[str, list[str]] = {name: [ours]}
    for one in locked:
        refs.setdefault(one.name, []).append(_purl(one))
    for one in locked:
        for parent in one.via:
            for ref in refs.get(parent, ()):
                asked[ref].add(_purl(one))
    return [{"ref": ref, "dependsOn": sorted(needs - {ref})} for ref, needs in sorted(asked.items())]


def main() -> None:
    """Writes the file that is named, else `dist/interlace.cdx.json`."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    path.parent.mkdir(parents=True, exist_ok=True)
    found = bill()
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(found['components'])} components")


if __name__ == "__main__":
    main()
