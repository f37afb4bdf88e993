"""A web server of media that this process trusts, and a resolver that knows what a test says."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.media.sources.https import connection
from tests.web import Web, running_web


@pytest.fixture(scope="module")
def shared_web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(tmp_path_factory.mktemp("web")) as running:
        yield running


@pytest.fixture
def web(shared_web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A server that nothing was asked of; its authority is trusted."""
    for kept in (shared_web.files, shared_web.answers):
        kept.clear()
    shared_web.requests.clear()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(shared_web.authority))
    connection._pools.cache_clear()
    yield shared_web
    connection._pools.cache_clear()


Names = dict[str, list[str] | Callable[[], list[str]]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Addresses by name, or what gives them anew each time; names that are not there are nobody's."""
    names: Names = {}
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **options: Any) -> list[Any]:
        if host not in names:
            if host.replace(".", "").isdigit() or ":" in host or host == "localhost":
                return real(host, port, *rest, **options)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = names[host]
        texts = found() if callable(found) else found
        return [answer for text in texts for answer in real(text, port, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    (folder / "other.txt").write_text("so that the root is not empty")
    return folder
