"""`gong-ingest api` as a person runs it: started, stopped, killed, and wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.apis import COMMAND, Api, environment, running_api, started_api
from tests.integration.api.test_batch import LINES, line, pids_of
from tests.integration.api.test_calls import recording
from tests.waiting import await_true


def fails(folder: Path, *options: str, **settings: str) -> str:
    process = subprocess.run(
        [*COMMAND, "api", *options],
        env=environment(folder, {f"GONG_INGEST_{name.upper()}": text for name, text in settings.items()}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2, process.stderr
    assert process.stdout == ""
    assert "Traceback" not in process.stderr
    return process.stderr


def status(folder: Path) -> list[dict[str, object]]:
    process = subprocess.run(
        [*COMMAND, "status", "--json"], env=environment(folder, {}), capture_output=True, check=True
    )
    batches: list[dict[str, object]] = json.loads(process.stdout)["batches"]
    return batches


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "Z" not in state_of(pid)]


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def test_ctrl_c_answers_what_is_under_way_and_leaves_nothing_running(tmp_path: Path) -> None:
    """Without a server configured it has its own, which is there again at the next start."""
    with started_api(tmp_path, {}, "--processes", "2") as api:
        _interrupt_under_way(api)
    (batch,) = status(tmp_path)
    assert batch["total"] == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only there is a device that is always full")
def test_its_own_server_that_fell_is_started_again_as_soon_as_there_is_room(tmp_path: Path) -> None:
    with started_api(tmp_path, {}) as api:
        assert api.hand_in(recording("first")).status == 202
        server = tmp_path / "data" / "server"
        # The disk is full when it is looked at for the first time.
        (server / "room").symlink_to("/dev/full")
        os.kill(int((server / "valkey.pid").read_text()), signal.SIGKILL)

        assert api.hand_in(recording("second")).status == 503
        await_true(lambda: api.hand_in(recording("third")).status == 202, "it goes on", within_s=120)

        assert api.told().count("cannot be started: its disk is full") == 1
        assert api.stop() == 0, api.told()
    (batch,) = status(tmp_path)
    assert batch["total"] == 2


def _interrupt_under_way(api: Api) -> None:
    pids = pids_of(api)
    assert api.hand_in(recording("first")).status == 202
    with socket.create_connection(api.place, timeout=20) as client:
        each = line("under-way")
        client.sendall(
            f"POST /calls:batch HTTP/1.1\r\nHost: {api.place[0]}\r\nContent-Type: {LINES}\r\n"
            f"Content-Length: {2 * len(each)}\r\n\r\n".encode()
            + each
        )
        await_true(lambda: api.ask("GET", "/healthz").status == 200, "it serves")
        api.interrupt()
        await_true(lambda: "Stopping" in api.told(), "it stops")
        client.sendall(each)
        seen = b""
        while more := client.recv(65536):
            seen += more
    assert b"200 OK" in seen
    assert (seen.count(b'"new"'), seen.count(b'"known"')) == (1, 1)

    assert api.process.wait(40) == 0
    assert alive(pids) == []
    assert "Traceback" not in api.told()


def test_its_log_is_of_the_form_that_was_asked_for(tmp_path: Path, server_url: str) -> None:
    with running_api(tmp_path, server_url, log_format="json") as api:
        assert api.ask("GET", "/limits").status == 200
        await_true(lambda: "GET /limits 200" in api.told(), "the log tells of it")

    lines = [json.loads(line) for line in api.told().splitlines() if line.startswith("{")]

    (asked,) = [line for line in lines if "GET /limits" in line["message"]]
    assert (asked["level"], asked["logger"]) == ("INFO", "pipeline.api")
    assert not [line for line in api.told().splitlines() if "INFO" in line and not line.startswith("{")]


def test_asked_twice_it_ends_at_once(tmp_path: Path, server_url: str) -> None:
    """Here on the other loopback address."""
    settings = {"GONG_INGEST_REDIS_URL": server_url}
    with started_api(tmp_path, settings, "--host", "::1", "--processes", "1") as api:
        _interrupt_twice(api)


def _interrupt_twice(api: Api) -> None:
    pids = pids_of(api)
    assert api.address.startswith("http://[::1]:")
    assert api.ask("GET", "/limits").status == 200
    with socket.create_connection(api.place, timeout=20) as client:
        client.sendall(
            f"POST /calls:batch HTTP/1.1\r\nHost: [::1]\r\nContent-Type: {LINES}\r\n"
            "Content-Length: 1000\r\n\r\n".encode()
        )
        assert api.ask("GET", "/healthz").status == 200
        api.interrupt()
        await_true(lambda: "Stopping" in api.told(), "it stops")
        api.interrupt()
        assert api.process.wait(15) == 0
    assert alive(pids) == []


def test_a_process_that_falls_is_started_anew_and_none_outlives_the_command(
    tmp_path: Path, server_url: str
) -> None:
    with started_api(tmp_path, {"GONG_INGEST_REDIS_URL": server_url}) as api:
        _kill_one_after_another(api)


def _kill_one_after_another(api: Api) -> None:
    await_true(lambda: len(pids_of(api)) == 3, "one watches over two")
    _, *workers = pids_of(api)
    os.kill(workers[0], signal.SIGKILL)
    await_true(lambda: len(set(pids_of(api)) - {*workers}) == 2, "another one is started")
    assert api.ask("GET", "/healthz").status == 200
    pids = pids_of(api)

    api.process.kill()

    await_true(lambda: not alive(pids), "its processes are gone", within_s=30)
    api.process.wait()


def test_a_port_that_is_taken_is_told(tmp_path: Path, server_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = fails(tmp_path, "--port", str(taken.getsockname()[1]), redis_url=server_url)
    assert "--port" in said


def test_an_address_that_is_none_is_told(tmp_path: Path, server_url: str) -> None:
    subprocess.run(
        [*COMMAND, "token", "create", "x"], env=environment(tmp_path, {}), check=True, capture_output=True
    )
    assert "cannot listen" in fails(tmp_path, "--host", "no.such.host.invalid", redis_url=server_url)


def test_a_place_of_uploads_outside_the_media_roots_is_told(tmp_path: Path, server_url: str) -> None:
    said = fails(tmp_path, redis_url=server_url, api_uploads=str(tmp_path / "up"))
    assert "GONG_INGEST_MEDIA_ROOTS" in said


def test_a_file_of_tokens_that_is_none_is_told(tmp_path: Path, server_url: str) -> None:
    (tmp_path / "tokens").write_text("{")
    assert "no file of tokens" in fails(tmp_path, redis_url=server_url, api_tokens=str(tmp_path / "tokens"))


def garbage(api: Api, sent: bytes) -> bytes:
    with socket.create_connection(api.place, timeout=20) as client:
        client.sendall(sent)
        seen = b""
        while more := client.recv(65536):
            seen += more
    return seen


@pytest.mark.parametrize(
    ("sent", "status_line"),
    [
        (b"GARBAGE\r\n\r\n", b"400"),
        (b"GET /%zz HTTP/9.9\r\n\r\n", b"400"),
        (b"POST /calls HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"400"),
        (
            b"POST /calls HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"400",
        ),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", b"431"),
    ],
)
def test_what_is_no_request_is_refused_in_the_same_form(api: Api, sent: bytes, status_line: bytes) -> None:
    seen = garbage(api, sent)

    assert seen.startswith(b"HTTP/1.1 " + status_line), seen
    assert b"application/problem+json" in seen
    assert json.loads(seen.partition(b"\r\n\r\n")[2])["status"] == int(status_line)
