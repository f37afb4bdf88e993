"""Who may do what: tokens, scopes, and what is written of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.apis import COMMAND, Api, environment, path_of, running_api
from tests.integration.api.test_calls import recording
from tests.waiting import await_true

OPERATIONS = (
    ("POST", "/calls", "enqueue"),
    ("POST", "/calls:batch", "enqueue"),
    ("GET", path_of("x"), "read"),
    ("GET", "/batches", "read"),
    ("GET", "/batches/x", "read"),
    ("GET", "/limits", "read"),
    ("POST", path_of("x", "cancel"), "operate"),
    ("POST", path_of("x", "retry"), "operate"),
)
SCOPES = ("enqueue", "read", "operate")


@dataclass(frozen=True, slots=True)
class Guarded:
    """An API with tokens, one for each scope."""

    api: Api
    folder: Path
    tokens: dict[str, str]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return token_command(self.folder, *words)


def token_command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "token", *words], env=environment(folder, {}), capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, server_url: str) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    tokens = {
        scope: token_command(folder, "create", f"the {scope}er", "--scope", scope).stdout.strip()
        for scope in SCOPES
    }
    # A name of this machine that is no address of its own: it is as good as beyond it.
    with running_api(folder, server_url, "--host", "0.0.0.0", namespace="guarded", log_level="DEBUG") as api:
        yield Guarded(api, folder, tokens)


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
def test_each_operation_needs_its_scope_and_no_other(
    guarded: Guarded, method: str, path: str, scope: str
) -> None:
    without = guarded.api.ask(method, path)
    assert (without.status, without.code) == (401, "token_refused")
    assert without.headers["www-authenticate"].startswith("Bearer")
    for other, token in guarded.tokens.items():
        answer = guarded.api.ask(method, path, token=token)
        if other == scope:
            assert answer.status not in {401, 403}
        else:
            assert (answer.status, answer.code) == (403, "scope_missing")
            assert f'scope="{scope}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer",
        "Bearer ",
        "Bearer gi_00000000_AAAA",
        "Basic dXNlcjpwYXNzd29yZA==",
        "bearer x",
        "Bearer \xff\xfe",
        "Bearer " + "x" * 5000,
    ],
)
def test_what_is_no_token_is_401(guarded: Guarded, shown: str) -> None:
    answer = guarded.api.ask("GET", "/limits", Authorization=shown)

    assert (answer.status, answer.code) == (401, "token_refused")


def test_health_needs_no_token(guarded: Guarded) -> None:
    assert guarded.api.ask("GET", "/healthz").status == 200
    assert guarded.api.ask("GET", "/readyz").status == 200
    assert guarded.api.ask("GET", "/openapi.json").status == 200


def test_a_body_is_not_read_for_who_may_not_hand_in(guarded: Guarded) -> None:
    connection = guarded.api.connect()
    connection.putrequest("POST", "/calls")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", "1000000")
    connection.endheaders()
    # Not a byte of it was sent.
    response = connection.getresponse()
    response.read()
    connection.close()

    assert response.status == 401


def test_a_token_is_heeded_at_once_and_as_soon_as_it_is_revoked_no_more(guarded: Guarded) -> None:
    made = guarded.command("create", "late", "--json")
    document = json.loads(made.stdout)
    assert document["scopes"] == ["enqueue", "read"]
    assert guarded.api.ask("GET", "/limits", token=document["token"]).status == 200

    assert guarded.command("revoke", "late").returncode == 0

    for _ in range(8):  # whichever process answers
        assert guarded.api.ask("GET", "/limits", token=document["token"]).status == 401


def test_tokens_are_listed_without_anything_of_them(guarded: Guarded) -> None:
    listed = guarded.command("list", "--json")

    tokens = json.loads(listed.stdout)["tokens"]
    assert [(each["name"], each["scopes"]) for each in tokens] == [
        (f"the {scope}er", [scope]) for scope in SCOPES
    ]
    plain = guarded.command("list").stdout
    for text in guarded.tokens.values():
        assert text.split("_", 2)[2] not in listed.stdout + plain


def test_wrong_names_are_told(guarded: Guarded) -> None:
    twice = guarded.command("create", "the reader")
    assert (twice.returncode, "already" in twice.stderr) == (2, True)
    unknown = guarded.command("revoke", "nobody")
    assert (unknown.returncode, "no token 'nobody'" in unknown.stderr) == (2, True)
    assert guarded.command("create", "x", "--scope", "all").returncode == 2


def test_the_log_names_who_asked_and_shows_no_secret_and_obeys_nothing(guarded: Guarded) -> None:
    secret = guarded.tokens["read"]
    guarded.api.ask("GET", f"/limits?token={secret}", token=secret)
    guarded.api.ask("GET", path_of("\x1b[31mred\n2026 INFO forged"), token=secret, X_Secret=secret)
    guarded.api.ask("GET", "/limits", token=secret + "x")
    guarded.api.hand_in(recording("logged"), token=guarded.tokens["enqueue"])
    lines = (
        "'the reader' GET /limits 200",
        "'the enqueueer' POST /calls 202",
        "'-' GET /limits 401",
        "%1B%5B31mred%0A2026%20INFO%20forged 404",
    )
    # They are written after the answers.
    await_true(lambda: all(line in guarded.api.told() for line in lines), "the log tells of them")

    told = guarded.api.told()
    for text in guarded.tokens.values():
        assert text.split("_", 2)[2] not in told
    assert not any(each in told for each in ("\x1b", "forged\n"))


def test_beyond_this_machine_nobody_listens_without_tokens(tmp_path: Path, server_url: str) -> None:
    process = subprocess.run(
        [*COMMAND, "api", "--host", "0.0.0.0", "--port", "0"],
        env=environment(tmp_path, {"GONG_INGEST_REDIS_URL": server_url}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 2
    assert "gong-ingest token create" in process.stderr


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8090"}, 200),
        ({"Host": "[::1]:8090"}, 200),
        ({"Host": "rebound.example:8090"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:1", "Origin": "http://localhost:1"}, 200),
        ({"Host": "localhost:1", "Origin": "http://localhost:2"}, 403),
    ],
)
def test_without_tokens_no_page_of_another_site_is_served(
    api: Api, headers: dict[str, str], status: int
) -> None:
    assert api.ask("GET", "/limits", **headers).status == status


def test_an_open_api_is_closed_by_its_first_token_for_ever(tmp_path: Path, server_url: str) -> None:
    path = tmp_path / "data" / "api-tokens.json"
    with running_api(tmp_path, server_url, "--processes", "1", namespace="opened") as api:
        assert api.ask("GET", "/limits").status == 200
        token = token_command(tmp_path, "create", "pbx").stdout.strip()
        assert api.ask("GET", "/limits").status == 401
        assert api.ask("GET", "/limits", token=token).status == 200
        kept = path.read_text()

        path.write_text("{")
        assert api.ask("GET", "/limits", token=token).code == "tokens_unreadable"
        path.unlink()
        assert api.ask("GET", "/limits", token=token).status == 401
        assert api.ask("GET", "/limits").status == 401
        path.write_text(kept)
        assert api.ask("GET", "/limits", token=token).status == 200
        assert "Traceback" not in api.told()
