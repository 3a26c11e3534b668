"""`make audit`: licences of what is installed, and known vulnerabilities of what is locked.

Vulnerabilities come from PyPI's advisory data through pip-audit, which `uv` fetches for the occasion. Where either
cannot be reached, that is said, and the exit code is 2: not looked at is not the same as nothing found.
"""

from __future__ import annotations

import subprocess
import sys

from tools import licences
from tools.lock import LOCK

COMMAND = ("uv", "tool", "run", "pip-audit", "--requirement", str(LOCK), "--require-hashes", "--disable-pip")
FOUND, NOT_LOOKED = 1, 2
WAIT_SECONDS = 600
NONE, SOME = "No known vulnerabilities found", "Found "
"""How pip-audit's word begins; without one of them it could not look."""
SKIPPED = "could not be audited"
"""What it says of a package that its source of advisories did not answer for, and still exits 0."""


def vulnerabilities() -> int:
    """Runs pip-audit; 0 for none, `FOUND`, or `NOT_LOOKED`."""
    try:
        done = subprocess.run([sys.executable, "-m", *COMMAND], capture_output=True, text=True,
                              timeout=WAIT_SECONDS, check=False)  # fmt: skip
        told = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        told = f"no answer within {error.timeout:g} s"
    return verdict(told)


def verdict(told: str) -> int:
    """What pip-audit's words mean; printed."""
    lines = told.strip().splitlines() or ["it said nothing"]
    skipped = sum(SKIPPED in line for line in lines)
    if any(line.startswith(SOME) for line in lines):
        print(told.strip())
        return FOUND
    if skipped:
        print(f"vulnerabilities: NOT LOOKED AT in {skipped} packages: no advisories of theirs could be reached")
        return NOT_LOOKED
    if any(line.startswith(NONE) for line in lines):
        print(f"vulnerabilities: {NONE}")
        return 0
    print(f"vulnerabilities: NOT LOOKED AT: pip-audit cannot be reached or did not end ({lines[-1][:200]})")
    return NOT_LOOKED


def main() -> None:
    """Exits 1 for a licence that is refused or a vulnerability, 2 where vulnerabilities were not looked at."""
    wrong = licences.refused()
    for name, licence in wrong.items():
        print(f"licences: {name} is under {licence}")
    if not wrong:
        print("licences: all allowed")
    known = vulnerabilities()
    sys.exit(FOUND if wrong or known == FOUND else known)


if __name__ == "__main__":
    main()
