"""The address at which a worker tells the metrics."""

from __future__ import annotations

import socket
import threading

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.metrics import serving
from pipeline.settings import Settings
from tests.scraping import free_port, get


@pytest.fixture
def settings(server_url: str, namespace: str) -> Settings:
    return Settings(redis_url=server_url, namespace=namespace, metrics_port=free_port())


def test_the_address_answers_as_long_as_the_block_runs(settings: Settings) -> None:
    with serving(settings) as address:
        assert address == f"http://127.0.0.1:{settings.metrics_port}/metrics"
        status, text = get(settings.metrics_port)
        assert (status, "\ngong_ingest_up 1.0\n" in text) == (200, True)

    with pytest.raises(ConnectionRefusedError):
        get(settings.metrics_port)


def test_several_may_ask_at_once(settings: Settings) -> None:
    answers: list[int] = []
    with serving(settings):
        threads = [
            threading.Thread(target=lambda: answers.append(get(settings.metrics_port)[0])) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert answers == [200] * 8


def test_nobody_else_is_told_unless_somebody_said_so(settings: Settings) -> None:
    with serving(settings), socket.socket() as elsewhere:
        elsewhere.settimeout(2)
        assert elsewhere.connect_ex(("127.0.0.2", settings.metrics_port)) != 0


def test_a_port_that_is_taken_is_refused_with_a_sentence(settings: Settings) -> None:
    with (
        serving(settings),
        pytest.raises(
            SettingsInvalid, match=r"cannot be served on 127\.0\.0\.1 port .* GONG_INGEST_METRICS_PORT"
        ),
        serving(settings),
    ):
        pass
