"""The settings of the Celery application: those on which the promises rest."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from tests.authorities import Authority
from workers.address import broker_url
from workers.app import configuration, make_app
from workers.chain import TASK_NAMES
from workers.dispatcher import Dispatcher
from workers.intake import IntakeDuty
from workers.message import INTAKE
from workers.starting import CheckServer
from workers.stopping import StopAtEndOfInput
from workers.webhook import WebhookDuty

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
        ("redis://host?db=2", "redis://host/2"),
        ("unix:///run/valkey.sock", "redis+socket:///run/valkey.sock"),
        ("unix:///run/valkey.sock?db=2", "redis+socket:///run/valkey.sock?virtual_host=2"),
        (
            "sentinels://user:wo%2Frd@a:1,[::1]:2/calls/3",
            "sentinel://user:wo%2Frd@a:1/3;sentinel://user:wo%2Frd@[::1]:2/3",
        ),
        ("sentinel://a,b/calls", "sentinel://a:26379/0;sentinel://b:26379/0"),
    ],
)
def test_the_address_is_written_as_celery_knows_it(address: str, known_as: str) -> None:
    assert broker_url(address) == known_as


def test_the_broker_finds_the_primary_as_the_ledger_does() -> None:
    settings = Settings(redis_url="sentinel://a,b/calls", redis_sentinel_password="word")
    conf = configuration(settings)

    for options in (conf["broker_transport_options"], conf["result_backend_transport_options"]):
        assert options["master_name"] == "calls"
        assert options["sentinel_kwargs"]["password"] == "word"
        assert 0 < options["sentinel_kwargs"]["socket_timeout"] <= 5
    assert "broker_use_ssl" not in conf


def test_broker_and_results_look_at_the_certificate_of_their_server(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = authority.give("own", ["worker"])
    settings = Settings(
        redis_url="sentinels://a/calls",
        redis_ca=authority.path,
        redis_certificate=own.path,
        redis_certificate_key=own.key,
    )

    conf = configuration(settings)

    expected = {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": str(authority.path),
        "ssl_certfile": str(own.path),
        "ssl_keyfile": str(own.key),
    }
    assert conf["broker_use_ssl"] == conf["redis_backend_use_ssl"] == expected
    asking = conf["broker_transport_options"]["sentinel_kwargs"]
    assert {name: asking[name] for name in expected} == expected
    assert asking["ssl"] is True


def test_a_file_that_holds_no_certificate_is_refused(tmp_path: Path) -> None:
    for name, what in {
        "redis_ca": "holds no certificates",
        "redis_certificate": "must hold a certif",
    }.items():
        (tmp_path / name).write_text("nothing of the kind")
        files: dict[str, Any] = {name: tmp_path / name}
        with pytest.raises(SettingsInvalid, match=f"GONG_INGEST_{name.upper()}: .*{what}"):
            configuration(Settings(redis_url="rediss://ledger", **files))


def test_without_a_server_there_is_no_application() -> None:
    with pytest.raises(SettingsInvalid, match="GONG_INGEST_REDIS_URL is not set"):
        configuration(Settings())


def test_every_worker_dispatches_and_can_take_over_what_one_does_for_all() -> None:
    app = make_app(Settings(redis_url=URL))

    assert {Dispatcher, IntakeDuty, WebhookDuty} <= app.steps["consumer"]


def test_no_worker_consumes_the_intake_through_celery(conf: dict[str, Any]) -> None:
    """It would lose messages; and who names that queue is refused, because no queue is made for a name."""
    assert INTAKE not in [queue.name for queue in conf["task_queues"]]
    assert conf["task_create_missing_queues"] is False


def test_every_worker_looks_at_its_server_and_can_end_with_whoever_started_it() -> None:
    app = make_app(Settings(redis_url=URL))

    assert {CheckServer, StopAtEndOfInput} <= app.steps["worker"]
    assert "--stop-at-end-of-input" in [name for each in app.user_options["worker"] for name in each.opts]
