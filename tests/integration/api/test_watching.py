"""Batches, limits and health over HTTP, and the page to try it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.apis import Api, environment
from tests.recordings import make_call


def command(folder: Path, server_url: str, namespace: str, *words: str) -> dict[str, object]:
    settings = {
        "GONG_INGEST_REDIS_URL": server_url,
        "GONG_INGEST_NAMESPACE": namespace,
        "GONG_INGEST_REQUESTS_PER_SECOND": "10",
    }
    process = subprocess.run(
        [sys.executable, "-m", "pipeline.cli", *words, "--json"],
        env=environment(folder, settings),
        capture_output=True,
        check=True,
    )
    document: dict[str, object] = json.loads(process.stdout)
    return document


def test_batches_are_told_as_the_command_tells_them(
    api: Api, folder: Path, server_url: str, namespace: str
) -> None:
    api.hand_in({"call": make_call("watched"), "media": "a.wav"}, query="?batch=watched")

    told = api.ask("GET", "/batches").document["batches"]

    assert told == command(folder, server_url, namespace, "status")["batches"]
    assert api.ask("GET", "/batches/watched").document in told
    unknown = api.ask("GET", "/batches/nothing")
    assert (unknown.status, unknown.code) == (404, "batch_unknown")


def test_limits_are_told_as_the_command_tells_them(
    api: Api, folder: Path, server_url: str, namespace: str
) -> None:
    assert api.ask("GET", "/limits").document == command(folder, server_url, namespace, "limits")


def test_health_and_readiness_need_nothing(api: Api) -> None:
    assert api.ask("GET", "/healthz").document == {"status": "ok"}
    assert api.ask("GET", "/readyz").document == {"status": "ok"}


def test_the_page_takes_all_it_needs_from_here(api: Api) -> None:
    page = api.ask("GET", "/docs/")
    text = page.content.decode()

    sources = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(sources) >= 5
    assert all(source.startswith("/docs/") for source in sources)
    for source in sources:
        assert api.ask("GET", source).status == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "/openapi.json" in text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        found = api.ask("GET", f"/docs/{name}")
        assert len(found.content) > 10_000
    assert api.ask("GET", "/docs/../../app.py").status == 404
