"""`gong-ingest flower` on a running backfill."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pipeline.job import job_id_of
from tests.flowers import Flower, free_port
from tests.recordings import make_recordings
from tests.simulators import Simulator
from tests.system.machine import Command, Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

# What the page of tasks asks its own server for (flower/views/tasks.py, TasksDataTable).
TABLE = {
    "draw": 1,
    "start": 0,
    "length": 500,
    "search[value]": "",
    "order[0][column]": 0,
    "order[0][dir]": "asc",
    "columns[0][data]": "name",
}


def seen_by(command: Command, port: int, password: str) -> Flower:
    """Look at a Flower that the command started."""
    return Flower(port, command.process, login=f"flower:{password}")  # type: ignore[arg-type]  # its text is read, not its bytes


def tasks_in(flower: Flower, search: str = "") -> list[dict[str, Any]]:
    try:
        answer = flower.get(f"/tasks/datatable?{urlencode(TABLE | {'search[value]': search})}")
    except ConnectionError:
        return []
    assert answer.status == 200, answer.text
    rows: list[dict[str, Any]] = json.loads(answer.text)["data"]
    return rows


@scenario()
def test_flower_shows_the_tasks_of_a_backfill_by_name_job_and_batch(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    # More than are brought in until it is stopped.
    recordings = make_recordings(folder / "recordings", 400)
    port = free_port()
    backfill = machine.start(
        "backfill", recordings.manifest, settings={"GONG_INGEST_REQUESTS_PER_SECOND": "15"}
    )
    kept = machine.data / "flower" / "password"
    command = machine.start("flower", "--port", str(port), "--json")
    await_true(kept.is_file, "there is a password", within_s=30)
    await_true(kept.read_text, "it is written")
    password = kept.read_text().strip()
    flower = seen_by(command, port, password)

    jobs = {job_id_of(row["call"]["clientUniqueId"]) for row in recordings.rows}
    done = {"calls.validate", "calls.create", "calls.upload"}
    await_true(
        lambda: {row["name"] for row in tasks_in(flower) if row["state"] == "SUCCESS"} == done,
        "Flower shows every task",
        within_s=30,
    )

    rows = tasks_in(flower)
    assert {re.split(r"-\d+-", row["uuid"])[0] for row in rows} <= jobs
    for row in rows:
        job = row["uuid"].split("-")[0]
        # whoever joins late did not hear what the first ones were given
        assert row["kwargs"] in (None, f"job={job} batch=calls")
    job = next(row["uuid"].split("-")[0] for row in rows if row["kwargs"])
    assert {row["uuid"].split("-")[0] for row in tasks_in(flower, f"job={job}")} == {job}
    assert flower.get("/tasks").status == 200
    assert seen_by(command, port, "guessed").get("/tasks").status == 401
    assert flower.get("/batch", name="calls").status == 200
    command.interrupt()
    closed = command.finish()
    assert closed.code == 0, closed.written
    assert closed.document["address"] == f"http://127.0.0.1:{port}"
    assert closed.document["pid"] != command.process.pid
    assert f"http://127.0.0.1:{port}/batches" in closed.stderr
    assert f"Log in as flower with the password {password}\nIt is kept in {kept}." in closed.stderr
    assert "Traceback" not in closed.stderr
    assert password not in closed.stdout
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert all(password not in process.arguments for process in machine.processes())
    backfill.interrupt(signal.SIGTERM)
    backfill.finish()
    assert not machine.processes()


@scenario()
def test_the_password_is_told_once_and_an_embedded_server_that_fell_is_started_again(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    port = free_port()
    kept = machine.data / "flower" / "password"
    kept.parent.mkdir(parents=True)
    kept.write_text("a-word-of-mine\n")
    kept.chmod(0o600)
    command = machine.start("flower", "--port", str(port), "--url-prefix", "/calls/", "--persistent")
    flower = Flower(port, command.process, "/calls", "flower:a-word-of-mine")  # type: ignore[arg-type]  # its text is read, not its bytes
    await_true(lambda: _status(flower) == 200, "the page is there", within_s=30)
    assert all("a-word-of-mine" not in process.arguments for process in machine.processes())

    (server,) = [each for each in machine.processes() if "valkey-server" in each.arguments.split(" ")[0]]
    os.kill(server.pid, signal.SIGKILL)
    await_true(lambda: _status(flower) == 503, "the page says that the server is gone")
    await_true(lambda: _status(flower) == 200, "the server is there again", within_s=30)

    command.interrupt()
    closed = command.finish()
    assert closed.code == 0, closed.written
    assert f"http://127.0.0.1:{port}/calls/batches" in closed.stderr
    assert f"with the password in {kept}." in closed.stderr
    assert "a-word-of-mine" not in closed.written
    assert list((machine.data / "flower").glob("tasks*"))


def _status(flower: Flower) -> int:
    try:
        return flower.get("/batches", live=True).status
    except OSError:
        return 0


@scenario()
def test_flower_is_not_opened_to_everybody(machine: Machine, simulator: Simulator, folder: Path) -> None:
    port = str(free_port())
    refused = machine.run("flower", "--address", "0.0.0.0", "--no-password", "--port", port)
    assert (refused.code, "Leave --no-password out" in refused.stderr) == (2, True)
    both = machine.run("flower", "--no-password", "--port", port, settings={"FLOWER_BASIC_AUTH": "a:b"})
    assert (both.code, "contradicts" in both.stderr) == (2, True)
    kept = machine.data / "flower" / "password"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("word\n")
    kept.chmod(0o644)
    readable = machine.run("flower", "--port", port)
    assert (readable.code, f"chmod 600 {kept}" in readable.stderr) == (2, True)
    kept.chmod(0o600)
    kept.write_text("one,two:three\n")
    useless = machine.run("flower", "--port", port)
    assert (useless.code, "no password that Flower could use" in useless.stderr) == (2, True)
    assert not machine.processes()
