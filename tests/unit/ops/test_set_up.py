"""`ops/docker/set-up`: what it asks for, what it writes, and that it may be run again."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "ops" / "docker" / "set-up"
KEY = {
    "GONG_BASE_URL": "https://us-1234.api.gong.io",
    "GONG_ACCESS_KEY": "a key",
    "GONG_ACCESS_KEY_SECRET": "its $secret",
}
OAUTH = {"GONG_OAUTH_CLIENT_ID": "a client", "GONG_OAUTH_CLIENT_SECRET": "its secret"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    script = tmp_path / "ops" / "docker" / "set-up"
    script.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, script)
    return tmp_path


def set_up(tree: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tree / "ops" / "docker" / "set-up"],
        env={"PATH": os.environ["PATH"]} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def read(tree: Path) -> dict[str, str]:
    return {path.name: path.read_text().removesuffix("\n") for path in (tree / "fleet").iterdir()}


def test_a_key_is_all_that_a_fleet_needs(tree: Path) -> None:
    ran = set_up(tree, KEY)

    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert "authorize" not in ran.stderr
    files = read(tree)
    assert files["settings.env"].splitlines()[1:] == ["GONG_BASE_URL=https://us-1234.api.gong.io"]
    assert (files["access-key"], files["access-key-secret"]) == ("a key", "its $secret")
    assert files["redis-url"] == f"redis://:{files['redis-password']}@redis:6379/0"
    assert len(files["redis-password"]) == 64
    empty = {name for name, content in files.items() if not content}
    assert empty >= {"access-token", "oauth-client-secret", "oauth-refresh-token", "store-key"}
    assert stat.S_IMODE((tree / "fleet").stat().st_mode) == 0o700
    assert "FLEET=./fleet" in (tree / ".env").read_text().splitlines()


def test_an_oauth_client_needs_neither_address_nor_key(tree: Path) -> None:
    ran = set_up(tree, OAUTH)

    assert ran.returncode == 0, ran.stderr
    assert "docker compose run --rm calls authorize" in ran.stderr
    files = read(tree)
    assert files["settings.env"].splitlines()[1:] == ["GONG_OAUTH_CLIENT_ID=a client"]
    assert (files["access-key"], files["access-key-secret"], files["access-token"]) == ("", "", "")
    assert files["oauth-client-secret"] == "its secret"
    assert len(b64decode(files["store-key"], validate=True)) == 32


def test_a_refresh_token_that_is_there_needs_no_authorization(tree: Path) -> None:
    ran = set_up(tree, OAUTH | {"GONG_OAUTH_REFRESH_TOKEN": "a token"})

    assert ran.returncode == 0, ran.stderr
    assert "authorize" not in ran.stderr
    assert read(tree)["oauth-refresh-token"] == "a token"


@pytest.mark.parametrize("environment", [KEY, OAUTH])
def test_a_second_run_leaves_what_is_there(tree: Path, environment: dict[str, str]) -> None:
    set_up(tree, environment)
    files, named = read(tree), (tree / ".env").read_text()

    again = set_up(tree, {})

    assert again.returncode == 0, again.stderr
    assert (read(tree), (tree / ".env").read_text()) == (files, named)


@pytest.mark.parametrize(
    ("environment", "last"), [(KEY, "GONG_ACCESS_KEY_SECRET"), (OAUTH, "GONG_OAUTH_CLIENT_SECRET")]
)
def test_what_is_missing_is_named_and_may_be_given_the_next_time(
    tree: Path, environment: dict[str, str], last: str
) -> None:
    ran = set_up(tree, environment | {last: ""})

    assert ran.returncode == 2
    assert f"{last} is not set, and there is no terminal to ask for it" in ran.stderr
    assert set_up(tree, environment).returncode == 0
    assert environment[last] in read(tree).values()
