"""The audit of what is locked, by pip-audit, before services that know something, nothing, or are gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.supply.audit import CLEAN, NOT_AUDITED, VULNERABLE
from tests.supply.locks import TREE, read_lock

pytestmark = pytest.mark.long

FOUND = {
    "id": "PYSEC-2026-1",
    "summary": "Bytes leak",
    "affected": [
        {
            "package": {"name": "werkzeug", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


class Service(ThreadingHTTPServer):
    """Answers as OSV does: by name and version, what is known of a package."""

    def __init__(self, known: dict[str, object]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.known = known
        self.asked = set[str]()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/query"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = query["package"]["name"]
        self.server.asked.add(name)
        found = self.server.known.get(name)
        body = json.dumps({"vulns": [found]} if found else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with Service(request.param) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audited(address: str = "") -> subprocess.CompletedProcess[str]:
    """Run what `make audit` runs, before the service at an address, or the one of pip-audit."""
    own = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv", "PIP_AUDIT_OSV_URL": address} if address else {}
    return subprocess.run(
        [sys.executable, "-m", "tests.supply.audit"],
        cwd=TREE,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("service", [{}], indirect=True)
def test_every_package_of_every_lock_file_is_asked_for(service: Service) -> None:
    process = audited(service.address)

    assert process.returncode == CLEAN, process.stdout + process.stderr
    everywhere = {
        package.name
        for lock in TREE.glob("requirements*.lock")
        for package in read_lock(lock.read_text("utf-8"))
        if not package.marker
    }
    assert everywhere <= service.asked
    assert ", 0 vulnerabilities" in process.stdout


@pytest.mark.parametrize("service", [{"werkzeug": FOUND}], indirect=True)
def test_what_is_known_fails_the_audit(service: Service) -> None:
    process = audited(service.address)

    assert process.returncode == VULNERABLE
    assert "VULNERABLE: werkzeug " in process.stdout
    assert "PYSEC-2026-1, mended in 99.1" in process.stdout


def test_without_a_service_nothing_passes_for_audited() -> None:
    with Service({}) as closed:
        pass

    process = audited(closed.address)

    assert process.returncode == NOT_AUDITED
    assert "NOT AUDITED" in process.stdout


def test_nothing_is_known_of_what_is_locked() -> None:
    """Of the real service; where that cannot be reached this says so instead of passing."""
    process = audited()

    if process.returncode == NOT_AUDITED:
        pytest.skip(process.stdout)
    assert process.returncode == CLEAN, process.stdout
