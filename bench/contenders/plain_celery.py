"""The pipeline of an afternoon: three Celery tasks with requests.

What a good engineer knows is there: late acknowledgement, a session for each process, timeouts, waits as long
as the API says, backoff, results that say what became of each. What takes weeks is not: no ledger, no limiter
for the fleet, and nobody who finds out what became of a request whose answer was lost.

    celery -A bench.contenders.plain_celery worker
    python -m bench.contenders.plain_celery MANIFEST MEDIA_ROOT
"""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from celery import Celery, chain, shared_task

from bench.contenders.start import when_told

if TYPE_CHECKING:
    from celery.app.task import Task

    AnyTask = Task[Any, Any]

Recording = dict[str, Any]

TIMEOUT_S = (10, 60)
# What may be another time: the server failed, or could not be reached.
PASSES = (requests.ConnectionError, requests.Timeout)

app = Celery("plain_celery", broker=os.environ["BROKER_URL"], backend=os.environ["BROKER_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    result_expires=3600,
    # What a killed worker had in hand is delivered again after that long. Celery's default is an hour, looked
    # for every 100 s; who measures need not wait so long.
    broker_transport_options={
        "visibility_timeout": int(os.environ.get("VISIBILITY_TIMEOUT_S", "3600")),
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    },
)


@functools.cache
def session() -> requests.Session:
    """Give this process's session, whose connection is kept."""
    opened = requests.Session()
    opened.auth = (os.environ["API_KEY"], os.environ["API_SECRET"])
    return opened


def url_of(path: str) -> str:
    """Give the address of an endpoint."""
    return os.environ["API_URL"] + path


@shared_task(name="validate")
def validate(recording: Recording) -> Recording:
    """Check what is needed before any request is made."""
    call = recording["call"]
    missing = [
        name
        for name in ("clientUniqueId", "actualStart", "direction", "primaryUser", "parties")
        if not call.get(name)
    ]
    if missing:
        raise ValueError(f"{call.get('clientUniqueId')}: {', '.join(missing)} is missing")
    if Path(recording["media"]).stat().st_size == 0:
        raise ValueError(f"{recording['media']} is empty")
    return recording


@shared_task(
    bind=True,
    name="create",
    autoretry_for=PASSES,
    retry_backoff=True,
    max_retries=None,
)
def create(self: AnyTask, recording: Recording) -> Recording:
    """Create the call."""
    response = session().post(url_of("/v2/calls"), json=recording["call"], timeout=TIMEOUT_S)
    _refuse(self, response)
    return recording | {"call_id": response.json()["callId"]}


@shared_task(
    bind=True,
    name="upload",
    autoretry_for=PASSES,
    retry_backoff=True,
    max_retries=None,
)
def upload(self: AnyTask, recording: Recording) -> str:
    """Upload its media."""
    media = Path(recording["media"])
    with media.open("rb") as file:
        response = session().put(
            url_of(f"/v2/calls/{recording['call_id']}/media"),
            files={"mediaFile": (media.name, file, "audio/wav")},
            timeout=TIMEOUT_S,
        )
    _refuse(self, response)
    return str(recording["call_id"])


def _refuse(task: AnyTask, response: requests.Response) -> None:
    """Try again when the API says so, or failed; fail for good when it refuses."""
    if response.status_code == 429:
        raise task.retry(countdown=float(response.headers["Retry-After"]))
    if response.status_code >= 500:
        raise task.retry(countdown=min(60, 2**task.request.retries))
    response.raise_for_status()


def main() -> None:
    """Publish a chain for each recording of a manifest."""
    manifest, root = map(Path, sys.argv[1:])
    with app.connection_for_write() as connection:
        connection.ensure_connection()
    with when_told(), manifest.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            recording = {"call": row["call"], "media": str(root / row["media"])}
            chain(validate.s(recording), create.s(), upload.s()).apply_async()


if __name__ == "__main__":
    main()
