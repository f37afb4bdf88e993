"""The page docs/enqueue.md: every snippet on it runs, and does what stands beside it."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import transport

from pipeline import Pipeline, api
from pipeline.api import problem
from pipeline.intake import MESSAGE_MAX_BYTES, Intake
from pipeline.job import job_id_of
from pipeline.ledger import INTAKE_KEPT, INTAKE_MANIFEST, Ledger
from pipeline.store import Store
from tests.apis import running_api
from tests.recordings import make_call, wav
from tests.servers import Server
from workers.address import broker_url
from workers.message import LISTS, PARAMETERS, SUBMIT, read_message

PAGE = (Path(__file__).parents[2] / "docs" / "enqueue.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(autouse=True)
def celerys_own_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Celery find its own way to Redis, as where nothing of this project is imported."""
    monkeypatch.setattr(transport, "_transport_cache", {})
    monkeypatch.setitem(transport.TRANSPORT_ALIASES, "redis", "kombu.transport.redis:Transport")


@pytest.fixture
def pipeline(server_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    for name in [name for name in os.environ if name.startswith("GONG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GONG_INGEST_CONFIG", os.devnull)
    monkeypatch.setenv("GONG_INGEST_REDIS_URL", server_url)
    monkeypatch.setenv("GONG_INGEST_NAMESPACE", namespace)
    with Pipeline.from_env() as opened:
        yield opened


def run(snippet: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(snippet, "docs/enqueue.md", "exec"), names)  # noqa: S102 - it is what the page tells to run
    return names


def test_there_are_as_many_snippets_as_are_run_here() -> None:
    assert [len(blocks(language)) for language in ("python", "sh", "json")] == [5, 4, 2]


def test_one_is_handed_in_and_asked_for(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    one, _, _, asked, _ = blocks("python")

    run(one)
    assert capsys.readouterr().out == f"{job_id_of('pbx-1')} pending True\n"

    run(asked)
    assert capsys.readouterr().out == "pending  0\ncancelled\ncancelled None None  \n"


def test_what_is_wrong_is_told(pipeline: Pipeline) -> None:
    hand_in = run(blocks("python")[1])["hand_in"]

    assert hand_in(pipeline, make_call("pbx-1"), "a.wav") == "new"
    assert hand_in(pipeline, make_call("pbx-1"), "a.wav") == "known"
    assert hand_in(pipeline, make_call("pbx-1"), "b.wav") == "is pending in the batch live"
    assert hand_in(pipeline, make_call("pbx-2", direction="in"), "a.wav").startswith("direction: must be")


def test_many_are_handed_in(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    hand_all_in = run(blocks("python")[2])["hand_all_in"]
    recordings = [{"call": make_call(f"pbx-{number}"), "media": "a.wav"} for number in range(3)]
    recordings[1]["call"] = make_call("pbx-1", direction="in")

    assert hand_all_in(pipeline, recordings) == []

    assert capsys.readouterr().out.startswith("pbx-1 direction: must be")
    assert [pipeline.status(f"pbx-{number}") is not None for number in range(3)] == [True, False, True]


def test_a_program_is_answered(pipeline: Pipeline) -> None:
    answer = json.loads(in_shell(blocks("sh")[-1]))
    assert (answer["client_unique_id"], answer["result"], answer["line"]) == ("pbx-2", "new", 1)
    assert pipeline.status("pbx-2") is not None


def in_shell(snippet: str, variables: dict[str, str] | None = None, folder: Path | None = None) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-ec", snippet],
        cwd=folder,
        env=os.environ | {"PATH": path} | (variables or {}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_client_of_http_is_answered(
    pipeline: Pipeline, server_url: str, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, json_snippet, form_snippet, _ = blocks("sh")
    make_token, serve = begin.splitlines()
    monkeypatch.setenv("GONG_INGEST_DATA_DIR", str(tmp_path / "data"))
    token = in_shell(make_token).strip()
    (tmp_path / "call.json").write_text(json.dumps(make_call("crm/4")))
    (tmp_path / "4.wav").write_bytes(wav(b"abc"))
    roots = {"media_roots": str(tmp_path / "media"), "api_uploads": str(tmp_path / "media" / "up")}
    options = serve.removeprefix("gong-ingest api ").split()

    with running_api(tmp_path, server_url, *options, namespace=namespace, **roots) as running:
        variables = {"API": running.address, "TOKEN": token}
        answers = [json.loads(line) for line in in_shell(json_snippet, variables).splitlines()]
        (uploaded,) = in_shell(form_snippet, variables, tmp_path).splitlines()

    assert [(each["client_unique_id"], each["state"]) for each in answers] == [("crm/3", "pending")] * 2
    assert json.loads(uploaded)["result"] == "new"
    assert pipeline.status("crm/3") is not None
    assert pipeline.status("crm/4") is not None


def test_every_code_of_a_refusal_stands_on_the_page() -> None:
    sources = "".join(path.read_text("utf-8") for path in Path(api.__file__).parent.glob("*.py"))
    codes = set(re.findall(r'(?:Refused\(|return )?\s*\d{3},\s+"([a-z_]+)"', sources))
    codes |= {*problem.CODES.values()} - {"internal_error"}
    codes |= {"conflict", "call_invalid", "recording_unknown", "ledger_unreachable", "ledger_refused"}

    assert len(codes) > 20
    assert codes <= set(re.findall(r"`(\w+)`", PAGE))


@pytest.fixture
def intake(server_url: str, namespace: str) -> Iterator[Intake]:
    store = Store(server_url, namespace)
    ledger = Ledger(store, lease_ttl_s=30, attempts_max=20)
    yield Intake(store, ledger, worker="one@here", lists=LISTS)
    store.close()


def test_a_client_of_celery_sends_what_is_taken(
    pipeline: Pipeline, intake: Intake, server_url: str, namespace: str
) -> None:
    broker, prefix = "redis://redis:6379/0", "gong-ingest:celery:"
    snippet = blocks("python")[4]
    assert broker in snippet
    assert prefix in snippet

    run(snippet.replace(broker, broker_url(server_url)).replace(prefix, f"{namespace}:celery:"))

    assert intake.turn(read_message).refused == ()
    assert pipeline.status("pbx-3") is not None


def test_a_message_that_was_put_together_by_hand_is_taken(
    pipeline: Pipeline, intake: Intake, server: Server, namespace: str
) -> None:
    message, body = blocks("json")
    assert base64.b64decode(json.loads(message)["body"]).decode() == body.strip()
    assert "`gong-ingest:celery:intake`" in PAGE

    server.client.lpush(f"{namespace}:celery:intake", message)

    assert intake.turn(read_message).refused == ()
    assert pipeline.status("pbx-4") is not None


def test_a_client_without_a_prefix_calls_the_queue_by_its_whole_name(
    pipeline: Pipeline, intake: Intake, server_url: str, namespace: str
) -> None:
    client = Celery(broker=broker_url(server_url), set_as_current=False)
    queue = f"{namespace}:celery:intake"

    client.send_task(SUBMIT, args=[make_call("pbx-5"), "5.wav"], queue=queue, ignore_result=True)

    assert intake.turn(read_message).refused == ()
    assert pipeline.status("pbx-5") is not None


def test_the_page_says_what_may_be_sent_and_what_is_refused() -> None:
    words = set(re.findall(r"`(\w+)`", PAGE))
    assert {*PARAMETERS, "message_malformed", "call_invalid", "conflict"} <= words
    assert f"of {MESSAGE_MAX_BYTES >> 20} MiB at most" in PAGE
    assert f"the last {INTAKE_KEPT:,} of them" in PAGE
    assert f"`{INTAKE_MANIFEST}`" in PAGE


def test_every_field_of_an_answer_stands_on_the_page() -> None:
    fields = {"line", "client_unique_id", "result", "job_id", "state", "batch", "code", "problems"}
    assert fields <= set(re.findall(r"`(\w+)`", PAGE))
