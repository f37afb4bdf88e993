"""Other ways to start Flower: below a prefix, read-only, without a password; and those that are refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.job import Step, job_id_of
from tests.documents import elements, links
from tests.flowers import Flower, environment, flower_command, free_port, running_flower
from tests.ledgers import Filled
from tests.waiting import await_true
from workers.flower.here import REFUSED

NAME = 'a/b "c"'


@pytest.fixture
def ledger(server_url: str, namespace: str) -> Iterator[Filled]:
    """A ledger with something on every page."""
    filled = Filled.on(server_url, namespace)
    filled.submit(NAME, [f"pbx-{number}" for number in range(5)])
    filled.bury({"media_missing": (Step.VALIDATE, "Gone.", 1)})
    filled.bring_in(1)
    filled.submit("other", ["other-1"])
    yield filled
    filled.close()


def pages_of(ledger: Filled) -> list[str]:
    dead = ledger.control.dead_letters(NAME, most=1)[0].job_id
    name = quote(NAME)
    return [
        "/batches",
        f"/batch?name={name}&code=media_missing",
        f"/call/{dead}",
        "/budget",
        "/call?q=nobody",
    ]


def test_below_a_prefix_every_address_begins_with_it_and_leads_somewhere(
    server_url: str, namespace: str, ledger: Filled
) -> None:
    with running_flower(server_url, namespace, "--read-only", prefix="/calls/flower") as flower:
        found: set[str] = set()
        for path in pages_of(ledger):
            found |= {each for each in links(flower.get(path).text) if not each.startswith(("http", "#"))}
        assert {each for each in found if not each.startswith("/calls/flower")} == set()
        leads = {each.partition("#")[0].removeprefix("/calls/flower") for each in found}
        statuses = {each: flower.get(each).status for each in leads}
        # a form's address takes what is sent to it, and nothing else
        assert {each: status for each, status in statuses.items() if status != 200} == {"/batch/act": 405}
        assert (
            flower.get("/call", q="pbx-0").headers["Location"] == f"/calls/flower/call/{job_id_of('pbx-0')}"
        )

        refused = flower.act(action="pause", name="other")
        assert (refused.status, refused.text) == (403, "Flower was started read-only.")
        assert not ledger.ledger.counts("other").paused_at
        assert enabled_buttons(flower.get("/batches").text) == []


def test_its_log_is_of_the_form_that_was_asked_for(server_url: str, namespace: str, tmp_path: Path) -> None:
    log = tmp_path / "flower.log"
    # Nobody answers what it asks of the workers, and it says so.
    with log.open("wb") as written:
        asked_for = {"GONG_INGEST_LOG_FORMAT": "json"}
        with running_flower(server_url, namespace, settings=asked_for, stderr=written):
            await_true(lambda: "flower.inspector" in log.read_text("utf-8"), "it logs", within_s=30)

    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]

    assert {"at", "level", "logger", "message"} <= lines[-1].keys()


def test_without_a_password_everybody_looks_and_nobody_does_anything(
    server_url: str, namespace: str, ledger: Filled
) -> None:
    with running_flower(server_url, namespace, login="") as flower:
        assert flower.get("/batches").status == 200
        refused = flower.act(action="pause", name="other")
        assert (refused.status, "no password" in refused.text) == (403, True)
        assert not ledger.ledger.counts("other").paused_at
        assert enabled_buttons(flower.get("/batches").text) == []


@pytest.mark.parametrize("prefix", ["", "calls/flower"])
def test_without_a_password_no_page_answers_to_a_name_that_another_site_gave(
    server_url: str, namespace: str, prefix: str
) -> None:
    below = f"/{prefix}" if prefix else ""
    stranger = {"Host": "evil.example:5555"}
    with running_flower(server_url, namespace, prefix=below, login="") as flower:
        for path in (
            "/batches",
            "/workers",
            "/tasks",
            "/metrics",
            "/healthcheck",
            "/api/workers",
            "/nowhere",
        ):
            refused = flower.ask("GET", path, stranger)
            assert (refused.status, refused.text) == (403, REFUSED), path
        assert flower.ask("POST", "/batch/act", stranger, "").text == REFUSED
        for own in ("localhost", f"localhost:{flower.port}", "[::1]:80", "127.0.0.1"):
            assert flower.ask("GET", "/metrics", {"Host": own}).status == 200


def test_with_a_password_every_name_is_as_good(server_url: str, namespace: str) -> None:
    with running_flower(server_url, namespace) as flower:
        assert flower.ask("GET", "/batches", {"Host": "flower.example.com"}).status == 200


def enabled_buttons(page: str) -> list[str]:
    """List the buttons of batches that can be pressed."""
    acting = [each for each in elements(page) if each.name == "button" and "value" in each.attributes]
    assert any(each.attributes["value"] == "pause" for each in acting)
    return [
        each.text
        for each in acting
        if each.attributes.get("name") == "action" and "disabled" not in each.attributes
    ]


def test_it_does_not_listen_to_everybody_without_a_password(server_url: str, namespace: str) -> None:
    command = [*flower_command(free_port()), "--address="]
    ended = subprocess.run(
        command,
        env=environment(server_url, namespace),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "would let in everybody who reaches it" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_flower_says_who_is_allowed_by_oauth(server_url: str, namespace: str) -> None:
    with running_oauth(server_url, namespace) as flower:
        page = flower.get("/batches")
        assert (page.status, page.headers["Location"]) == (302, "/login?next=%2Fbatches")
        # a request with a session of a browser needs the token of its page
        assert flower.act(action="pause", name="x").status == 403


def running_oauth(server_url: str, namespace: str) -> AbstractContextManager[Flower]:
    """Run Flower with a login by OAuth."""
    provider = "--auth-provider=flower.views.auth.GoogleAuth2LoginHandler"
    return running_flower(server_url, namespace, "--auth=.*@example.com", provider, login="")
