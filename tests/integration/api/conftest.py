"""One API for the tests that only ask it: open, on the shared server, with a place for uploads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.job import Claim, Lane, job_id_of
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.apis import Api, running_api


@pytest.fixture(scope="session")
def namespace() -> str:
    """A name below which nobody else has keys, for all tests of the API."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the API has its data; the media root is `media` below it."""
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="session")
def lone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the API of one process."""
    return tmp_path_factory.mktemp("lone-api")


@pytest.fixture(scope="session")
def api(folder: Path, server_url: str, namespace: str) -> Iterator[Api]:
    """An API that any test may ask."""
    with running_api(folder, server_url, **settings_of(folder, namespace)) as running:
        yield running


@pytest.fixture(scope="session")
def lone_api(lone_folder: Path, server_url: str, namespace: str) -> Iterator[Api]:
    """One of a single process, for a test that must know which process answers."""
    settings = settings_of(lone_folder, namespace)
    with running_api(lone_folder, server_url, "--processes", "1", **settings) as running:
        yield running


def settings_of(folder: Path, namespace: str) -> dict[str, str]:
    root = folder / "media"
    return {
        "namespace": namespace,
        "media_roots": str(root),
        "api_uploads": str(root / "uploads"),
        "requests_per_second": "10",
    }


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A clientUniqueId of a test's own."""
    return f"{request.node.name}-{uuid.uuid4().hex[:6]}"


def claimed(ledger: Ledger, name: str, lane: Lane) -> Claim:
    """Claim one recording, and whatever has its turn before."""
    for window in range(500, 5000, 500):
        for claim in ledger.claim([lane], window=window).jobs:
            if claim.job_id == job_id_of(name):
                return claim
    raise LookupError(name)


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """The ledger on which the API works."""
    return Ledger(store, lease_ttl_s=30.0, attempts_max=3)
