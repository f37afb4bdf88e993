"""The settings of the Celery application: those on which the promises rest."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from pipeline.steps.settle import COUNTDOWN_MAX_S
from workers.app import broker_url, configuration, make_app
from workers.chain import TASK_NAMES
from workers.dispatcher import Dispatcher
from workers.starting import CheckServer
from workers.stopping import StopAtEndOfInput

URL = "redis://127.0.0.1:1/0"


@pytest.fixture
def conf() -> dict[str, Any]:
    return configuration(Settings(redis_url=URL, namespace="calls-of-acme"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # nobody's pickle is opened
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        # the ledger's lease, and not the broker, finds what was lost
        ("task_acks_late", False),
        # no message waits behind a long upload
        ("worker_prefetch_multiplier", 1),
        ("worker_disable_prefetch", True),
        # the broker keeps nothing
        ("task_ignore_result", True),
        ("task_create_missing_queues", False),
        # a broker that is away is waited for
        ("broker_connection_retry_on_startup", True),
        ("broker_connection_max_retries", None),
        ("worker_cancel_long_running_tasks_on_connection_loss", False),
        # what Flower lives on
        ("worker_send_task_events", True),
        ("task_track_started", True),
    ],
)
def test_settings_on_which_the_promises_rest(conf: dict[str, Any], name: str, value: object) -> None:
    assert conf[name] == value


def test_only_uploads_go_to_the_queue_of_uploads(conf: dict[str, Any]) -> None:
    assert [queue.name for queue in conf["task_queues"]] == ["calls", "media"]
    routed = {
        name: conf["task_routes"].get(name, {"queue": "calls"})["queue"] for name in TASK_NAMES.values()
    }
    assert routed == {"calls.validate": "calls", "calls.create": "calls", "calls.upload": "media"}
    assert conf["task_default_queue"] == "calls"


def test_no_countdown_comes_near_the_visibility_timeout(conf: dict[str, Any]) -> None:
    """A message that waits longer than that would be delivered again and again."""
    assert conf["broker_transport_options"]["visibility_timeout"] > 10 * COUNTDOWN_MAX_S


def test_a_broker_that_hangs_is_noticed(conf: dict[str, Any]) -> None:
    options = conf["broker_transport_options"]
    assert 0 < options["socket_connect_timeout"] <= options["socket_timeout"] <= 30
    assert options["socket_keepalive"]
    assert 0 < conf["broker_pool_acquire_timeout"] <= 60


def test_everything_in_the_server_lies_below_the_namespace(conf: dict[str, Any]) -> None:
    for options in (conf["broker_transport_options"], conf["result_backend_transport_options"]):
        assert options["global_keyprefix"] == "calls-of-acme:celery:"


@pytest.mark.parametrize(
    ("address", "known_as"),
    [
        (URL, URL),
        ("rediss://user:word@host:6380/1", "rediss://user:word@host:6380/1"),
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
    ],
)
def test_the_address_is_written_as_celery_knows_it(address: str, known_as: str) -> None:
    assert broker_url(address) == known_as


def test_without_a_server_there_is_no_application() -> None:
    with pytest.raises(SettingsInvalid, match="GONG_INGEST_REDIS_URL is not set"):
        configuration(Settings())


def test_every_worker_has_a_dispatcher() -> None:
    app = make_app(Settings(redis_url=URL))

    assert Dispatcher in app.steps["consumer"]


def test_every_worker_looks_at_its_server_and_can_end_with_whoever_started_it() -> None:
    app = make_app(Settings(redis_url=URL))

    assert {CheckServer, StopAtEndOfInput} <= app.steps["worker"]
    assert "--stop-at-end-of-input" in [name for each in app.user_options["worker"] for name in each.opts]
