"""What pip-audit answers is told for what it is; what was not looked up is no audit."""

from __future__ import annotations

import json

from tests.supply.audit import CLEAN, NOT_AUDITED, VULNERABLE, read_answer

FINE = {"name": "fine", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
SKIPPED = {"name": "gone", "skip_reason": "Dependency not found on PyPI and could not be audited: gone (3)"}


def answer(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_everything_was_looked_up() -> None:
    found = read_answer(answer(FINE, FINE), "")

    assert (found.code, found.audited) == (CLEAN, 2)


def test_what_is_known_is_told_with_where_it_is_mended() -> None:
    found = read_answer(answer(FINE, BAD, SKIPPED), "")

    assert (found.code, found.known) == (VULNERABLE, ("bad 2: CVE-1, mended in 2.1",))


def test_a_package_that_was_not_found_is_not_audited() -> None:
    found = read_answer(answer(FINE, SKIPPED), "")

    assert (found.code, found.audited, len(found.missing)) == (NOT_AUDITED, 1, 1)


def test_a_service_that_is_not_there_is_told_by_its_own_words() -> None:
    found = read_answer("", "Traceback\n  somewhere\nConnectionError: no such host\n")

    assert (found.code, found.missing) == (NOT_AUDITED, ("ConnectionError: no such host",))
