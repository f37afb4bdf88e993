"""A patient that lacks nothing, on a server and with an API of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import __version__
from pipeline.doctor import Patient
from pipeline.settings import Settings
from pipeline.settings.fingerprint import fingerprint_of
from pipeline.store import Store
from tests.servers import Server, running_server
from tests.simulators import Simulator, running_simulator

MakePatient = Callable[..., Patient]


@pytest.fixture(scope="package")
def api() -> Iterator[Simulator]:
    with running_simulator(requests_per_second=1000) as running:
        yield running


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """A server that is set up as one of the ledger should be."""
    with running_server() as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may spoil."""
    with running_server() as running:
        yield running


@pytest.fixture
def settings(server: Server, api: Simulator, namespace: str, tmp_path: Path) -> Settings:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "one.wav").touch()
    return Settings(
        base_url=api.url,
        access_key="demo-key",
        access_key_secret="demo-secret",
        redis_url=server.url,
        namespace=namespace,
        data_dir=tmp_path,
        media_roots=(tmp_path / "media",),
        requests_per_second=100,
    )


@pytest.fixture
def make_patient(settings: Settings) -> Iterator[MakePatient]:
    """Make a patient, with other settings perhaps, and with a worker that is alive."""
    stores = []

    def make(*, asks_api: bool = False, worker: bool = True, **overrides: Any) -> Patient:
        chosen = replace(settings, **overrides)
        store = Store.from_settings(chosen, retries=0, answer_within_s=2)
        stores.append(store)
        patient = Patient.of(
            chosen, store, profile="The environment alone", is_embedded=False, asks_api=asks_api
        )
        if worker:
            told = f"{__version__} {fingerprint_of(chosen)}"
            patient.ledger.join_fleet("both@here", calls=4, media=4, ttl_s=60, told=told)
        return patient

    yield make
    for store in stores:
        store.close()
