"""Asks for known vulnerabilities of everything that is locked: `python -m tests.supply.audit`.

pip-audit asks PyPI, or whatever its own variables name (`PIP_AUDIT_VULNERABILITY_SERVICE=osv`). It takes a
package that the service does not answer for as one without vulnerabilities; here that is no audit. Exit
codes: 0 everything was looked up and nothing is known, 1 something is known, 2 not all could be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.supply.locks import TREE

PROGRAM = Path(sys.prefix) / "supply" / "bin" / "pip-audit"
CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 2


class Audit(NamedTuple):
    """What came of it.

    Attributes:
        audited: How many packages the service answered for.
        known: A line for each known vulnerability.
        missing: Why packages were not looked up, a line for each, or one for all.
    """

    audited: int
    known: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def code(self) -> int:
        """The exit code."""
        if self.known:
            return VULNERABLE
        return NOT_AUDITED if self.missing else CLEAN


def audit(locks: Sequence[Path]) -> Audit:
    """Ask for the packages of these lock files."""
    options = ("--format=json", "--require-hashes", "--disable-pip", "--progress-spinner=off")
    files = [word for lock in locks for word in ("--requirement", str(lock))]
    try:
        process = subprocess.run([PROGRAM, *options, *files], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return Audit(0, (), (f"{PROGRAM} is not there: make audit",))
    return read_answer(process.stdout, process.stderr)


def read_answer(output: str, errors: str) -> Audit:
    """Read what pip-audit printed."""
    try:
        packages = json.loads(output)["dependencies"]
    except ValueError:
        last = errors.strip().rpartition("\n")[2]
        return Audit(0, (), (last or "pip-audit said nothing",))
    known = [
        f"{package['name']} {package['version']}: {found['id']}, mended in "
        + (", ".join(found["fix_versions"]) or "no version yet")
        for package in packages
        for found in package.get("vulns", ())
    ]
    missing = [package["skip_reason"] for package in packages if "skip_reason" in package]
    return Audit(len(packages) - len(missing), tuple(known), tuple(missing))


def main() -> int:
    """Audit every lock file of the tree, and tell."""
    locks = sorted(TREE.glob("requirements*.lock"))
    found = audit(locks)
    say(f"{len(locks)} lock files: {found.audited} packages looked up, {len(found.known)} vulnerabilities.")
    for line in found.known:
        say(f"VULNERABLE: {line}")
    if found.missing:
        say(f"NOT AUDITED: {len(found.missing)} could not be looked up; nothing is known of them. One:")
        say(f"  {found.missing[0]}")
        say("The service must be reached; PIP_AUDIT_VULNERABILITY_SERVICE names another one (pypi, osv).")
    return found.code


def say(line: str) -> None:
    """Print a line."""
    print(line)  # noqa: T201 - this is what the command says


if __name__ == "__main__":
    sys.exit(main())
