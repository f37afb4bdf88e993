"""docker-compose.yml says what the program does: its settings, commands and times are held to the code."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.fleet import STOP_MARGIN_S
from pipeline.settings import Settings
from pipeline.settings.environment import FILE_SUFFIX
from tests.command_lines import check_command_line

TREE = Path(__file__).parents[3]
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
TEXT = (TREE / "docker-compose.yml").read_text("utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(VARIABLE.sub(lambda match: match[2], TEXT))
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
# Those that run images of other people.
OTHERS = ("redis", "prometheus", "grafana")
OWN = sorted(SERVICES.keys() - set(OTHERS))
WORKERS = ("calls", "media")


def environment_of(service: str) -> dict[str, str]:
    found: dict[str, str] = SERVICES[service].get("environment", {})
    return found


@pytest.mark.parametrize("service", OWN)
def test_it_names_only_settings_that_exist(service: str) -> None:
    known = {form.variable for form in Settings.forms().values()}

    named = {name.removesuffix(FILE_SUFFIX) for name in environment_of(service)}

    assert named <= known


@pytest.mark.parametrize("service", OWN)
def test_every_command_would_be_taken(service: str) -> None:
    check_command_line([str(word) for word in SERVICES[service].get("command", ["status"])])
    test = SERVICES[service].get("healthcheck", {}).get("test", [])
    if "gong-ingest" in test:
        check_command_line(test[test.index("gong-ingest") + 1 :])


SENTINELS = "GONG_INGEST_REDIS_SENTINEL_PASSWORD"


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_gets_every_secret_as_a_file(service: str) -> None:
    # It brings a server of its own, which no Sentinels watch.
    secrets = {form.variable for form in Settings.forms().values() if form.is_secret} - {SENTINELS}

    environment = environment_of(service)

    assert not secrets & environment.keys()
    files = {environment[name + FILE_SUFFIX].removeprefix("/run/secrets/") for name in secrets}
    assert files == set(SERVICES[service]["secrets"])
    for name in files:
        assert (TREE / DOCUMENT["secrets"][name]["file"]).is_file(), f"the demo has no {name}"


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GONG")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONG_INGEST_CONFIG", os.devnull)


@pytest.mark.usefixtures("no_settings")
@pytest.mark.parametrize("service", OWN)
def test_settings_of_the_fleet_are_taken_by_who_has_none_of_its_secrets(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        "redis-url": "redis://redis:6379/0",
        "oauth-client-secret": "secret",
        "store-key": base64.b64encode(bytes(32)).decode(),
        "webhook-secret": f"whsec_{base64.b64encode(bytes(32)).decode()}",
    }
    # As `env_file` gives them to each.
    monkeypatch.setenv("GONG_OAUTH_CLIENT_ID", "client")
    monkeypatch.setenv("GONG_INGEST_WEBHOOK_URL", "https://hooks.example.com/gong")
    for name, text in environment_of(service).items():
        if name.endswith(FILE_SUFFIX):
            path = tmp_path / Path(text).name
            path.write_text(secrets.get(path.name, ""), "utf-8")
            monkeypatch.setenv(name, str(path))

    settings = Settings.from_env()

    if service in WORKERS:
        assert settings.oauth()
        assert settings.webhook_key() == bytes(32)


@pytest.mark.usefixtures("no_settings")
def test_the_settings_of_the_demo_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (TREE / "ops" / "docker" / "demo" / "settings.env").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            monkeypatch.setenv(*line.split("=", 1))
    for name, text in environment_of("media").items():
        secret = DOCUMENT["secrets"].get(str(text).removeprefix("/run/secrets/"))
        monkeypatch.setenv(name, str(TREE / secret["file"] if secret else text))

    settings = Settings.from_env()

    assert settings.require_credentials()["access_key"] == "demo-key"
    assert settings.redis_url == "redis://:demo@redis:6379/0"


@pytest.mark.parametrize("service", [name for name in OWN if name not in WORKERS])
def test_nobody_else_gets_the_credentials_of_the_api(service: str) -> None:
    assert set(SERVICES[service].get("secrets", [])) <= {"redis-url"}


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_is_given_more_time_to_stop_than_it_takes(service: str) -> None:
    grace_s = float(environment_of(service)["GONG_INGEST_STOP_GRACE_S"])
    given_s = float(SERVICES[service]["stop_grace_period"].removesuffix("s"))

    # It finishes, is waited for, is killed by its command, and that is waited for.
    assert given_s > grace_s + 2 * STOP_MARGIN_S


def test_workers_read_recordings_and_write_none() -> None:
    for service in WORKERS:
        written = [each for each in SERVICES[service]["volumes"] if not each.endswith(":ro")]
        # What OAuth gave them.
        assert written == ["workers:/data"]


def test_only_this_machine_is_let_in_and_to_the_ledger_nobody() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "ports" not in SERVICES["redis"]
    assert SERVICES["redis"]["networks"] == ["ledger"]
    assert DOCUMENT["networks"]["ledger"]["internal"] is True


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_container_is_confined(service: str) -> None:
    found = SERVICES[service]

    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["init"] is True
    assert found["mem_limit"]
    assert found["pids_limit"]
    assert found["logging"]["options"]["max-size"]


def test_everything_that_may_be_set_stands_in_the_docs_with_its_default() -> None:
    rows = re.findall(
        r"^\| (`[A-Z].*?) \| (.*?) \|", (TREE / "docs" / "server.md").read_text("utf-8"), re.MULTILINE
    )
    told: dict[str, str] = {}
    for names, defaults in rows:
        named, values = re.findall(r"`(\w+)`", names), defaults.split(", ")
        told |= dict(zip(named, values * len(named), strict=False))

    assert told == dict(VARIABLE.findall(TEXT))
