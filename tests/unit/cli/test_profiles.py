"""`gong-ingest profiles`, and the option that chooses one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main

CONFIG = """
default = "acme"
[acme]
base_url = "https://us-1.api.gong.io"
access_key = "key-of-acme"
access_key_secret = { command = ["touch", "asked"] }
redis_url = "redis://me:hidden@ledger:6380/1"
media_roots = ["recordings"]
[globex]
base_url = "https://us-2.api.gong.io"
access_token = "token-of-globex"
"""


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in list(os.environ):
        if name.startswith("GONG_"):
            monkeypatch.delenv(name)
    # What a command sets for itself must not outlive the test.
    monkeypatch.setenv("GONG_INGEST_PROFILE", "")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    path.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GONG_INGEST_CONFIG", str(path))
    return path


class Ended:
    """How a command ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        with pytest.raises(SystemExit) as raised:
            main([*arguments])
        self.code = raised.value.code
        self.stdout, self.stderr = capsys.readouterr()

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stdout)
        return document


def test_profiles_are_listed_with_the_one_in_use(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Ended(capsys, "profiles")
    assert (listed.code, listed.stdout.splitlines()) == (
        0,
        [
            "profile  address",
            "acme     https://us-1.api.gong.io  in use",
            "globex   https://us-2.api.gong.io",
            f"in {config}",
        ],
    )

    monkeypatch.setenv("GONG_INGEST_PROFILE", "globex")
    assert Ended(capsys, "profiles", "--json").document == {
        "path": str(config),
        "profiles": [
            {"name": "acme", "in_use": False, "base_url": "https://us-1.api.gong.io", "problems": []},
            {"name": "globex", "in_use": True, "base_url": "https://us-2.api.gong.io", "problems": []},
        ],
    }


def test_whoever_has_none_is_told_where_they_would_be(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("")

    listed = Ended(capsys, "profiles")

    assert (listed.code, listed.stdout) == (
        0,
        f"No profiles in {config}; how to write them: gong-ingest profiles --help\n",
    )


def test_what_is_wrong_in_any_profile_is_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("[acme]\nbursts = 1\n[globex]\nconcurrency = 'x'")

    listed = Ended(capsys, "profiles")

    assert listed.code == 2
    assert listed.stderr.splitlines() == [
        f"bursts in profile acme of {config} is not a setting; did you mean burst?",
        f"concurrency in profile globex of {config} must be a whole number, not 'x'.",
    ]


def test_every_setting_is_shown_with_its_origin_and_no_secret(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GONG_INGEST_BURST", "3")

    shown = Ended(capsys, "profiles", "show", "--json")

    assert (shown.code, shown.document["profile"]) == (0, "acme")
    settings = {name: (each["value"], each["from"]) for name, each in shown.document["settings"].items()}
    assert settings["base_url"] == ("https://us-1.api.gong.io", "profile")
    assert settings["access_key"] == ("********", "profile")
    assert settings["access_key_secret"] == ("(command touch)", "profile")
    assert settings["access_token"] == (None, "default")
    assert settings["redis_url"] == ("redis://ledger:6380/1", "profile")
    assert settings["media_roots"] == ([str(config.parent / "recordings")], "profile")
    assert settings["namespace"] == ("gong-ingest-acme", "default")
    assert settings["burst"] == (3, "environment")
    assert shown.document["settings"]["burst"]["variable"] == "GONG_INGEST_BURST"
    assert not (config.parent / "asked").exists()


def test_a_person_is_shown_them_in_a_table(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row.split() for row in Ended(capsys, "profiles", "show", "globex").stdout.splitlines()]

    assert rows[0] == ["setting", "value", "from"]
    assert ["access_token", "********", "profile"] in rows
    assert ["burst", "1", "default"] in rows


def test_what_contradicts_is_shown_and_told(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text('[acme]\naccess_key = "k"\nredis_url = { command = ["touch", "asked"] }')

    shown = Ended(capsys, "profiles", "show", "acme")

    assert shown.code == 2
    assert "(command touch)" in shown.stdout
    assert shown.stderr == (
        "gong-ingest: GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET go together: set both. "
        f"(access_key in profile acme of {config})\n"
    )
    assert not (config.parent / "asked").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--profile", "globx", "status"],
        ["status", "--profile", "globx"],
        ["gate", "show", "--profile", "globx"],
        ["--profile", "acme", "status", "--profile", "globx"],
    ],
    ids=" ".join,
)
def test_a_profile_is_named_before_the_command_or_behind_it(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    ended = Ended(capsys, *arguments)

    assert (ended.code, ended.stdout) == (2, "")
    assert ended.stderr == f"gong-ingest: There is no profile globx in {config}; did you mean globex?\n"


@pytest.mark.parametrize("arguments", [["--profile", "", "status"], ["status", "--profile="]], ids=" ".join)
def test_an_empty_name_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A script that did not set its variable must not reach the default company."""
    ended = Ended(capsys, *arguments)

    assert ended.code == 2
    assert "the name is empty" in ended.stderr
