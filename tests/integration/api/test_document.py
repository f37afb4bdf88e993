"""The API holds what its document says: schemathesis asks it whatever that allows, and whatever it does not.

Every answer must have a status, a type, headers and a body that are documented; a 503 is, and no other 5xx.
The runs are seeded. The long ones go through every bound of every field, and through chains of operations.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apis import Api, running_api
from tests.integration.api.test_access import token_command
from tests.servers import Server, running_server

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
SCOPES = ("--scope", "enqueue", "--scope", "read", "--scope", "operate")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Api, Server, str]]:
    """An API with tokens and a place of uploads, on a server that a test may kill."""
    folder = tmp_path_factory.mktemp("asked")
    token = token_command(folder, "create", "schemathesis", *SCOPES).stdout.strip()
    root = str(folder / "media")
    with (
        running_server() as server,
        running_api(folder, server.url, media_roots=root, api_uploads=root) as api,
    ):
        yield api, server, token


def run(asked: tuple[Api, Server, str], folder: Path, *options: str) -> None:
    api, _, token = asked
    config = HERE / "schemathesis.toml"
    process = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
            *("run", f"{api.address}/openapi.json", "--header", f"Authorization: Bearer {token}"),
            *("--seed", "1", "--continue-on-failure", "--no-color", "--warnings", "off", *options),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.integration.api.hooks"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "Tested: 10" in process.stdout
    assert "Traceback" not in api.told()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--phases", "examples,fuzzing", "--max-examples", "6"), id="short"),
        pytest.param(
            ("--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "60"),
            id="long",
            marks=pytest.mark.long,
        ),
    ],
)
def test_every_answer_is_one_that_is_documented(
    asked: tuple[Api, Server, str], tmp_path: Path, options: tuple[str, ...]
) -> None:
    run(asked, tmp_path, *options)
    assert asked[0].ask("GET", "/readyz").status == 200


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--phases", "examples,fuzzing", "--max-examples", "2"), id="short"),
        pytest.param(
            ("--phases", "coverage,fuzzing", "--max-examples", "30"), id="long", marks=pytest.mark.long
        ),
    ],
)
def test_so_it_is_when_the_ledger_is_gone(
    asked: tuple[Api, Server, str], tmp_path: Path, options: tuple[str, ...]
) -> None:
    api, server, _ = asked
    server.kill()
    try:
        run(asked, tmp_path, *options)
        assert api.ask("GET", "/readyz").status == 503
    finally:
        server.start()
