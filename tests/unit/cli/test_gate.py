"""`gong-ingest gate`, on a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cli import cli


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, server_url: str, namespace: str) -> None:
    monkeypatch.setenv("GONG_INGEST_REDIS_URL", server_url)
    monkeypatch.setenv("GONG_INGEST_NAMESPACE", namespace)


def gate(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(cli, ["gate", *arguments], standalone_mode=False)
    assert result.exception is None, result.output
    return result.stdout, result.stderr


def document(*arguments: str) -> dict[str, Any] | None:
    closed: dict[str, Any] | None = json.loads(gate(*arguments, "--json")[0])["gate"]
    return closed


def test_the_gate_is_told_as_json_by_whoever_closes_opens_or_shows_it() -> None:
    assert document("show") is None

    closed = document("close", "--because", "Gong asked us to wait")

    assert closed is not None
    assert (closed["mode"], closed["detail"]) == ("hand", "Gong asked us to wait")
    assert document("show") == closed
    assert document("open") is None


def test_who_named_a_profile_is_told_to_name_it_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text("[acme]")
    monkeypatch.setenv("GONG_INGEST_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("GONG_INGEST_PROFILE", "")

    _, said = gate("close", "--profile", "acme")

    assert said == "The gate is closed; open it with: gong-ingest --profile acme gate open\n"


def test_a_person_is_told_in_a_sentence() -> None:
    assert gate("close") == ("", "The gate is closed; open it with: gong-ingest gate open\n")
    shown, _ = gate("show")
    assert shown.startswith("gate closed since ")
    assert gate("open") == ("", "The gate is open.\n")
    assert gate("open") == ("", "The gate was open.\n")
    assert gate("show") == ("The gate is open.\n", "")
