"""`gong-ingest flower` on a running backfill."""

from __future__ import annotations

import json
import re
import signal
import socket
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pipeline.job import job_id_of
from tests.recordings import make_recordings
from tests.simulators import Simulator
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

# What the page of tasks asks its own server for (flower/views/tasks.py, TasksDataTable).
TABLE = "/tasks/datatable?" + urlencode(
    {
        "draw": 1,
        "start": 0,
        "length": 500,
        "search[value]": "",
        "order[0][column]": 0,
        "order[0][dir]": "asc",
        "columns[0][data]": "name",
    }
)


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            return 0, ""


def tasks_in(port: int) -> list[dict[str, Any]]:
    status, text = get(port, TABLE)
    assert status in (0, 200), text
    rows: list[dict[str, Any]] = json.loads(text)["data"] if status else []
    return rows


@scenario()
def test_flower_shows_the_tasks_of_a_backfill_by_name_and_job(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 40)
    port = free_port()
    backfill = machine.start(
        "backfill", recordings.manifest, settings={"GONG_INGEST_REQUESTS_PER_SECOND": "15"}
    )
    flower = machine.start("flower", "--port", str(port))

    jobs = {job_id_of(row["call"]["clientUniqueId"]) for row in recordings.rows}
    done = {"calls.validate", "calls.create", "calls.upload"}
    await_true(
        lambda: {row["name"] for row in tasks_in(port) if row["state"] == "SUCCESS"} == done,
        "Flower shows every task",
        within_s=30,
    )

    seen = {re.split(r"-\d+-", row["uuid"])[0] for row in tasks_in(port)}
    assert seen <= jobs
    assert get(port, "/tasks")[0] == 200
    flower.interrupt()
    closed = flower.finish()
    assert (closed.code, closed.stdout) == (0, ""), closed.written
    assert f"http://127.0.0.1:{port}/tasks" in closed.stderr
    assert "Traceback" not in closed.stderr
    backfill.interrupt(signal.SIGTERM)
    backfill.finish()
    assert not machine.processes()
