"""The tasks: a step each, named as producers, Flower and the queues know them.

A task holds a job's id and a lease token, nothing more. What it does stands in `pipeline.steps`; what comes
next is told to Celery here: the chain goes on, the same task again after a countdown, or the chain ends.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from celery import shared_task

from pipeline.errors import IngestError, LedgerRefused, LedgerUnreachable
from pipeline.job import State, Step
from pipeline.settings import Settings
from pipeline.steps import Again, Services, Stop, run_step
from workers.stopping import stop_by

if TYPE_CHECKING:
    from celery.app.task import Task

    AnyTask = Task[Any, Any]


@functools.cache
def services() -> Services:
    """Give this process's services: its connections are made after the fork, when first needed."""
    return Services.from_settings(Settings.from_env(), stop_by=stop_by)


class JobDead(IngestError):
    """The job became a dead letter; Flower shows the task as failed, with the reason."""


# What needs no trace in the log: it is told where it happens, or by the dispatcher.
TOLD = (JobDead, LedgerUnreachable, LedgerRefused)


@shared_task(bind=True, name="calls.validate", throws=TOLD)
def validate(self: AnyTask, *, job_id: str, lease_token: int) -> str:
    """Check a job's call and media before any request is made."""
    return _run(self, Step.VALIDATE, job_id, lease_token)


@shared_task(bind=True, name="calls.create", throws=TOLD)
def create(self: AnyTask, *, job_id: str, lease_token: int) -> str:
    """Create the call."""
    return _run(self, Step.CREATE_CALL, job_id, lease_token)


@shared_task(bind=True, name="calls.upload", throws=TOLD)
def upload(self: AnyTask, *, job_id: str, lease_token: int) -> str:
    """Upload the media of a created call."""
    return _run(self, Step.UPLOAD_MEDIA, job_id, lease_token)


def _run(task: AnyTask, step: Step, job_id: str, lease_token: int) -> str:
    after = run_step(step, job_id, lease_token, services())
    if isinstance(after, Again):
        # The ledger counts attempts, so Celery never gives up by itself.
        raise task.retry(countdown=after.wait_s, max_retries=None)
    if isinstance(after, Stop):
        task.request.chain = None
        if after.state is State.DEAD:
            raise JobDead(f"{after.code}: {after.message}")
        return f"stopped: {after.code}"
    return "done"
