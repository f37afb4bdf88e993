"""Secrets that lie elsewhere: read when they are needed, once, and told of without being shown."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings, environment_of, secret
from tests.unit.settings.conftest import WriteConfig
from tests.waiting import await_true

SECRET = "hunter2"
WriteSecret = Callable[[str], Path]


@pytest.fixture(autouse=True)
def nothing_read_before() -> None:
    secret._printed_by.cache_clear()


@pytest.fixture
def write_secret(write_config: WriteConfig) -> WriteSecret:
    """Give a function that writes a profile whose token is given so."""

    def write(text: str) -> Path:
        return write_config(f'[default]\nbase_url = "https://us-1.api.gong.io"\naccess_token = {text}')

    return write


def sh(script: str) -> str:
    return f"{{ command = ['sh', '-c', '''{script}'''] }}"


def token() -> str | None:
    return Settings.from_env().require_credentials()["access_token"]


def refusal() -> str:
    settings = Settings.from_env()
    with pytest.raises(SettingsInvalid) as caught:
        settings.require_credentials()
    return str(caught.value)


@pytest.mark.parametrize("script", [f"echo {SECRET}", f"printf {SECRET}", f"printf '\\n  {SECRET} \\n\\n'"])
def test_a_secret_is_what_its_command_prints(write_secret: WriteSecret, script: str) -> None:
    write_secret(sh(script))

    assert token() == SECRET


def test_a_secret_is_what_its_file_holds(write_secret: WriteSecret, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_secret('{ file = "token" }')
    (path.parent / "token").write_text(f"{SECRET}\n")
    assert token() == SECRET

    monkeypatch.setenv("HOME", str(path.parent))
    write_secret('{ file = "~/token" }')
    assert token() == SECRET


def test_a_command_is_run_when_its_secret_is_needed_and_once(
    write_secret: WriteSecret, tmp_path: Path
) -> None:
    write_secret(sh(f"echo x >> {tmp_path}/asked; echo {SECRET}"))

    settings = Settings.from_env()
    repr(settings)
    environment_of(settings, credentials=False)
    assert not (tmp_path / "asked").exists()

    assert [token(), token()] == [SECRET, SECRET]
    assert environment_of(settings, credentials=True)["GONG_ACCESS_TOKEN"] == SECRET
    assert (tmp_path / "asked").read_text() == "x\n"


def test_the_secret_of_the_webhook_is_asked_for_by_who_signs_with_it_alone(
    write_config: WriteConfig, tmp_path: Path
) -> None:
    key, asked = base64.b64encode(b"x" * 24).decode(), tmp_path / "asked"
    command = sh(f"echo x >> {asked}; echo whsec_{key}")
    write_config(
        f"[default]\naccess_token = 'a'\nbase_url = 'https://us-1.api.gong.io'\n"
        f"webhook_url = 'https://hooks.example.com/'\nwebhook_secret = {command}"
    )

    settings = Settings.from_env()
    environment_of(settings, credentials=False)
    assert not asked.exists()

    assert settings.webhook_key() == b"x" * 24
    assert environment_of(settings, credentials=True)["GONG_INGEST_WEBHOOK_SECRET"] == f"whsec_{key}"
    assert asked.read_text() == "x\n"


def test_a_secret_of_the_webhook_that_is_none_is_found_when_it_is_read(write_config: WriteConfig) -> None:
    write_config(
        f"[default]\nwebhook_url = 'https://hooks.example.com/'\nwebhook_secret = {sh('echo something')}"
    )
    settings = Settings.from_env()

    with pytest.raises(SettingsInvalid, match="WEBHOOK_SECRET must be whsec_ and 24 to 64"):
        settings.webhook_key()


def test_a_command_beside_the_file_is_found_there(write_secret: WriteSecret) -> None:
    path = write_secret("{ command = ['./token', 'a b'] }")
    (path.parent / "token").write_text(f'#!/bin/sh\necho "{SECRET}-$1"\n')
    (path.parent / "token").chmod(0o700)

    assert token() == f"{SECRET}-a b"


def test_the_address_of_the_server_may_be_a_secret(write_config: WriteConfig) -> None:
    write_config(f"[default]\nredis_url = {sh('echo redis://u:p@host')}")
    assert Settings.from_env().redis_url == "redis://u:p@host"

    path = write_config(f"[default]\nredis_url = {sh('echo host')}")
    with pytest.raises(
        SettingsInvalid, match=rf"REDIS_URL must .* \(redis_url in profile default of {path}\)"
    ):
        Settings.from_env()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (f"echo {SECRET}; echo {SECRET} >&2; exit 3", "failed with exit code 3; run it by hand to see why."),
        (f"echo {SECRET}; kill -9 $$", "was ended by signal 9; run it by hand to see why."),
        (f"echo {SECRET}; echo more", "printed 2 lines instead of one, the secret alone."),
        ("true", "printed no lines instead of one, the secret alone."),
        ("echo", "printed no lines instead of one, the secret alone."),
        (r"printf '\377'", "printed what is not text."),
        (f"yes {SECRET}", "printed more than 65536 bytes, and not a secret alone."),
    ],
)
def test_a_command_that_gives_no_secret_is_told_without_it(
    write_secret: WriteSecret, capfd: pytest.CaptureFixture[str], script: str, says: str
) -> None:
    path = write_secret(sh(script))

    told = refusal()

    assert told == f"access_token in profile default of {path}: the command sh {says}"
    assert capfd.readouterr() == ("", "")


def test_a_command_that_is_not_there_is_told(write_secret: WriteSecret) -> None:
    path = write_secret("{ command = ['no-such-program', 'hunter2'] }")

    assert refusal() == (
        f"access_token in profile default of {path}: "
        "the command no-such-program cannot be run: No such file or directory."
    )


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60 & echo $!", "exec >&-; sleep 60"])
def test_a_command_that_hangs_is_given_up_with_all_that_it_started(
    write_secret: WriteSecret, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    monkeypatch.setattr(secret, "COMMAND_DEADLINE_S", 6.0)
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    write_secret(sh(f"exec 3> {tmp_path}/alive; echo started >&3; {script}"))
    began = time.monotonic()

    assert refusal().endswith("the command sh did not end within 6 s.")

    assert time.monotonic() - began < 30
    assert os.read(alive, 100) == b"started\n"
    await_true(lambda: is_closed(alive), "everything that it started is gone")
    os.close(alive)


def is_closed(pipe: int) -> bool:
    try:
        return os.read(pipe, 1) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"a\nb\n", "holds 2 lines instead of one, the secret alone."),
        (b"", "holds no lines instead of one, the secret alone."),
        (b"\xff", "holds what is not text."),
    ],
)
def test_a_file_that_holds_no_secret_is_told(
    write_secret: WriteSecret, content: bytes | None, says: str
) -> None:
    path = write_secret('{ file = "token" }')
    if content is not None:
        (path.parent / "token").write_bytes(content)

    assert refusal() == f"access_token in profile default of {path}: {path.parent}/token {says}"


def test_a_command_is_asked_nothing(write_secret: WriteSecret) -> None:
    """It must not eat a manifest that comes from standard input."""
    write_secret(sh(f'read line; echo "{SECRET}$line"'))

    with standard_input(b"manifest\n"):
        assert token() == SECRET
        assert os.read(0, 100) == b"manifest\n"


@contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    kept = os.dup(0)
    read, write = os.pipe()
    os.write(write, content)
    os.close(write)
    os.dup2(read, 0)
    os.close(read)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)
