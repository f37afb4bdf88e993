"""What each request looks like on the wire, and that it is made once on a connection that is kept."""

from __future__ import annotations

import base64
import logging
import traceback
from pathlib import Path

import pytest

from pipeline import __version__
from pipeline.errors import RequestFailed, SettingsInvalid
from pipeline.gong import GongClient
from tests.integration.gong.servers import Connection, always, make_client, serving


def test_a_call_is_posted_as_json_with_our_name_and_key() -> None:
    with serving(always(200, {"callId": "1"})) as server, make_client(server.url) as client:
        client.create_call('{"title": "Müller"}')

    request = server.requests[0]
    assert request.line == "POST /v2/calls HTTP/1.1"
    assert request.body == '{"title": "Müller"}'.encode()
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith(f"gong-call-ingest/{__version__} python/3.")
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"key:hidden").decode()


def test_a_token_is_sent_as_bearer() -> None:
    with serving(always()) as server, GongClient(server.url, access_token="tok.en") as client:
        client.list_users()

    assert server.requests[0].headers["authorization"] == "Bearer tok.en"


def test_users_are_read_page_by_page() -> None:
    with serving(always(200, {"users": []})) as server, make_client(server.url) as client:
        client.list_users()
        client.list_users("eyJ+/=&x")

    assert [request.line for request in server.requests] == [
        "GET /v2/users HTTP/1.1",
        "GET /v2/users?cursor=eyJ%2B%2F%3D%26x HTTP/1.1",
    ]


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_path_in_the_address_is_kept(suffix: str) -> None:
    with serving(always()) as server, make_client(f"{server.url}/gong{suffix}") as client:
        client.create_call("{}")

    assert server.requests[0].line == "POST /gong/v2/calls HTTP/1.1"


def test_one_connection_carries_many_requests() -> None:
    with serving(always(400, {"errors": ["no"]})) as server, make_client(server.url) as client:
        for _ in range(5):
            client.create_call("{}")

    assert len(server.requests) == 5
    assert len(server.connections) == 1


def test_no_cookie_is_kept() -> None:
    with serving(always(200, {}, Set_Cookie="route=7; Path=/")) as server, make_client(server.url) as client:
        client.create_call("{}")
        client.create_call("{}")

    assert "cookie" not in server.requests[1].headers


def test_a_netrc_never_replaces_our_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(always()) as server, make_client(server.url) as client:
        client.create_call("{}")

    assert server.requests[0].headers["authorization"] == "Basic " + base64.b64encode(b"key:hidden").decode()


def test_a_request_whose_connection_breaks_is_not_sent_again() -> None:
    def handle(connection: Connection) -> None:
        connection.read_request()
        connection.answer(200, {"callId": "1"})
        connection.read_request()

    with serving(handle) as server, make_client(server.url) as client:
        client.create_call("{}")
        with pytest.raises(RequestFailed) as failure:
            client.create_call("{}")

    assert (failure.value.code, failure.value.sent) == ("connection_lost", True)
    assert len(server.requests) == 2
    assert len(server.connections) == 1


def test_the_secret_shows_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    encoded = base64.b64encode(b"key:hidden").decode()

    def handle(connection: Connection) -> None:
        connection.read_request()

    with serving(handle) as server, make_client(server.url) as client:
        with pytest.raises(RequestFailed) as failure:
            client.create_call("{}")
        texts = [repr(client), str(client), repr(vars(client)), caplog.text]
    texts += ["".join(traceback.format_exception(failure.value)), repr(failure.value.__cause__)]

    assert not [text for text in texts if "hidden" in text or encoded in text]


def test_a_password_in_the_address_shows_in_no_text() -> None:
    with (
        GongClient("http://user:hidden@127.0.0.1:1", access_token="t") as client,
        pytest.raises(RequestFailed) as failure,
    ):
        client.create_call("{}")

    assert "hidden" not in f"{client!r} {failure.value}"


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"access_key": "hidden"},
        {"access_key_secret": "hidden"},
        {"access_key": "hidden", "access_key_secret": "s", "access_token": "t"},
        {"access_token": "hidden\r\nX: y"},
        {"access_token": ""},
        {"access_key": "hid:den", "access_key_secret": "hidden"},
        {"access_key": "k", "access_key_secret": "hidden "},
        {"access_token": "hiddén"},
    ],
    ids=str,
)
def test_credentials_that_cannot_be_sent_are_refused_without_being_shown(credentials: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid) as refusal:
        GongClient("http://127.0.0.1:1", **credentials)  # type: ignore[arg-type] # mypy takes ** for every argument

    assert "hid" not in str(refusal.value)
