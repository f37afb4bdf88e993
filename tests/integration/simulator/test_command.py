"""How the process starts and ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.integration.simulator.client import Client, raw_head, wait_for_requests
from tests.simulators import Simulator, address_of, start_simulator, stop
from tests.unit.simulator.calls import FORM, WAV, make_form

# Long for a busy machine, and shorter than the answer that one of them has under way.
STOPS_WITHIN_S = 20.0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.simulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_at_a_signal(number: signal.Signals) -> None:
    process = start_simulator(stderr=subprocess.PIPE)
    try:
        assert re.fullmatch(r"http://127\.0\.0\.1:[0-9]+", address_of(process))
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=STOPS_WITHIN_S)
    finally:
        stop(process)
    # The line that told the address was the only one.
    assert (process.returncode, stdout, stderr) == (0, "", "")


def test_it_says_where_it_listens_as_json() -> None:
    process = start_simulator(json=True)
    try:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        assert ready["pid"] == process.pid
        assert Simulator(ready["address"], process).health()["requests"] == 0
    finally:
        stop(process)


def test_it_ends_in_time_with_an_upload_and_a_slow_answer_under_way() -> None:
    process = start_simulator(stderr=subprocess.PIPE, faults="workspaces.slow:30-30")
    try:
        simulator = Simulator(address_of(process), process)
        slow, uploading = Client(simulator), Client(simulator)
        call_id = uploading.create().fields["callId"]
        body = make_form(WAV + bytes(1_000_000))
        head = raw_head("PUT", f"/v2/calls/{call_id}/media", content_type=FORM, content_length=len(body))
        uploading.connection.send(head + body[:500_000])
        slow.connection.send(raw_head("GET", "/v2/workspaces"))
        wait_for_requests(simulator, 3)
        process.terminate()
        _, stderr = process.communicate(timeout=STOPS_WITHIN_S)
    finally:
        stop(process)
    assert (process.returncode, stderr) == (0, "")
    slow.connection.close()
    uploading.connection.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--requests-per-second", "0"], "Requests per second must be more than 0, not 0.0."),
        (["--faults", "lost=2"], "The fault 'lost=2' cannot be used: its share must lie between 0 and 1."),
        (["--latency", "fast"], "'fast' is not a range of seconds such as 0.05-0.4."),
        (["--latency", "0.4-0.1"], "The latency must be two numbers of seconds"),
        (["--policy", "leaky"], "'leaky' is not one of"),
        (["--duplicate-status", "500"], "The status for a duplicate must be 400 or 409, not 500."),
        (["--host", "no.such.host.invalid"], "The simulator cannot listen on no.such.host.invalid"),
        (["--nonsense"], "No such option"),
    ],
)
def test_what_cannot_be_started_is_refused_with_a_sentence(arguments: list[str], sentence: str) -> None:
    ended = run("--port", "0", *arguments)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_refused_with_a_sentence() -> None:
    process = start_simulator()
    try:
        port = address_of(process).rpartition(":")[2]
        ended = run("--port", port)
    finally:
        stop(process)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"The simulator cannot listen on 127.0.0.1 port {port}" in ended.stderr


def test_help_has_an_example() -> None:
    ended = run("--help")
    assert ended.returncode == 0
    assert "gong-ingest simulator --port 8080" in ended.stdout
