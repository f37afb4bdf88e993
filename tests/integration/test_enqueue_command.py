"""`gong-ingest enqueue`: an answer for each line, as soon as it is written."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pipeline.cli import ExitCode
from pipeline.job import Lane, job_id_of
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.recordings import make_call
from tests.servers import running_server

ANSWER_WITHIN_S = 30

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(server_url: str, namespace: str) -> Iterator[Start]:
    """Start the command on the shared server, or on another one."""
    with ExitStack() as stack:

        def started(*options: str, url: str = server_url) -> subprocess.Popen[str]:
            clean = {name: text for name, text in os.environ.items() if not name.startswith("GONG_")}
            settings = {
                "GONG_INGEST_CONFIG": os.devnull,
                "GONG_INGEST_REDIS_URL": url,
                "GONG_INGEST_NAMESPACE": namespace,
            }
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "enqueue", *options],
                env=clean | settings,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield started


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store, lease_ttl_s=30.0, attempts_max=3)


def line_of(name: str, **overrides: Any) -> str:
    return json.dumps({"call": make_call(name, **overrides), "media": "a.wav"}) + "\n"


def say(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    there, _, _ = select.select([process.stdout], [], [], ANSWER_WITHIN_S)
    assert there, "no answer"
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def test_each_line_is_answered_while_the_input_stays_open(start: Start, ledger: Ledger) -> None:
    process = start()

    say(process, line_of("pbx-1"))
    assert answer_of(process) == {
        "line": 1,
        "client_unique_id": "pbx-1",
        "result": "new",
        "job_id": job_id_of("pbx-1"),
        "state": "pending",
        "batch": "live",
    }
    assert ledger.counts("live").pending == 1
    say(process, line_of("pbx-1"))
    assert (answer := answer_of(process))["result"] == "known"
    assert answer["line"] == 2

    stdout, stderr = process.communicate()
    assert (stdout, stderr, process.returncode) == ("", "", ExitCode.DONE)
    assert len(ledger.claim([Lane.LIVE], window=9).jobs) == 1


def test_what_is_refused_is_told_in_its_place_with_every_field(start: Start, ledger: Ledger) -> None:
    lines = [
        line_of("pbx-1"),
        line_of("pbx-2", direction="in"),
        "\n",
        "{\n",
        line_of("pbx-1", title="other"),
        json.dumps(make_call("pbx-3")) + "\n",
        line_of("pbx-4").rstrip(),
    ]

    process = start("--batch", "crm", "--lane", "backfill", "--json")
    stdout, stderr = process.communicate("".join(lines))

    answers = [json.loads(line) for line in stdout.splitlines()]
    assert process.returncode == ExitCode.SOME_FAILED
    assert stderr == "4 of 6 recordings cannot be handed in; each line says why.\n"
    assert [(each["line"], each["result"], each.get("code")) for each in answers] == [
        (1, "new", None),
        (2, "refused", "call_invalid"),
        (4, "refused", "row_malformed"),
        (5, "refused", "conflict"),
        (6, "refused", "row_malformed"),
        (7, "new", None),
    ]
    assert [problem["field"] for problem in answers[1]["problems"]] == ["direction"]
    assert answers[1]["client_unique_id"] == "pbx-2"
    assert "pending in the batch 'crm'" in answers[3]["problems"][0]["message"]
    assert len(ledger.claim([Lane.BACKFILL], window=9).jobs) == 2


def test_a_server_that_is_gone_ends_it_and_only_what_is_written_is_answered(start: Start) -> None:
    with running_server() as server:
        process = start(url=server.url)
        say(process, line_of("pbx-1"))
        assert answer_of(process)["result"] == "new"
        server.kill()
        stdout, stderr = process.communicate(line_of("pbx-2"), timeout=60)

    assert (process.returncode, stdout) == (ExitCode.LEDGER_UNREACHABLE, "")
    assert "The ledger's server at" in stderr


def test_it_is_stopped_as_every_command(start: Start) -> None:
    process = start()
    say(process, line_of("pbx-1"))
    answer_of(process)

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=30)

    assert (process.returncode, stdout, stderr.strip()) == (ExitCode.STOPPED, "", "Stopped.")


def test_a_batch_of_a_name_that_none_can_have_is_wrong_usage(start: Start) -> None:
    process = start("--batch", "a\nb")

    stdout, stderr = process.communicate(line_of("pbx-1"))

    assert (process.returncode, stdout) == (ExitCode.WRONG_USAGE, "")
    assert "The batch's name must be printable" in stderr


def test_who_has_closed_its_input_is_told(server_url: str) -> None:
    process = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m pipeline.cli enqueue <&-"],
        env=os.environ | {"GONG_INGEST_REDIS_URL": server_url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (process.returncode, process.stdout) == (ExitCode.WRONG_USAGE, "")
    assert "Standard input is closed" in process.stderr
