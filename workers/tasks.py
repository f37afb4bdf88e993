"""The tasks: a step each, named as producers, Flower and the queues know them.

A task holds a job's id and a lease token, nothing more. What it does stands in `pipeline.steps`; what comes
next is said here: the message of the next link, published with what is recorded of this one; the same task
again after a countdown, which Celery publishes; or nothing.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from celery import Celery, shared_task
from celery.signals import worker_process_shutdown

from pipeline import tracing
from pipeline.embedded import is_embedded
from pipeline.errors import IngestError, LedgerRefused, LedgerUnreachable
from pipeline.job import State, Step
from pipeline.settings import Settings
from pipeline.steps import Again, GoOn, Next, Services, Stop, run_step
from workers.step_message import following
from workers.stopping import stop_by
from workers.telling import Telling, sender

if TYPE_CHECKING:
    from celery.app.task import Task

    AnyTask = Task[Any, Any]


@functools.cache
def services(app: Celery, hostname: str) -> Services:
    """Give this process's services: its connections are made after the fork, when first needed."""
    telling = Telling(sender(app, hostname))
    settings = Settings.from_env()
    return Services.from_settings(
        settings,
        stop_by=stop_by,
        on_progress=telling.progress,
        on_wait=telling.wait,
        is_embedded=is_embedded(settings),
    )


class JobDead(IngestError):
    """The job became a dead letter; Flower shows the task as failed, with the reason."""


@worker_process_shutdown.connect(weak=False)
def end_traces(**_signal: object) -> None:
    """Send what a process that ends still has of its traces."""
    tracing.end()


# What needs no trace in the log: it is told where it happens, or by the dispatcher.
TOLD = (JobDead, LedgerUnreachable, LedgerRefused)


@shared_task(bind=True, name="calls.validate", throws=TOLD, max_retries=None)
def validate(self: AnyTask, *, job_id: str, lease_token: int) -> str:
    """Check a job's call and media before any request is made."""
    return _run(self, Step.VALIDATE, job_id, lease_token)


@shared_task(bind=True, name="calls.create", throws=TOLD, max_retries=None)
def create(self: AnyTask, *, job_id: str, lease_token: int) -> str:
    """Create the call."""
    return _run(self, Step.CREATE_CALL, job_id, lease_token)


@shared_task(bind=True, name="calls.upload", throws=TOLD, max_retries=None)
def upload(self: AnyTask, *, job_id: str, lease_token: int) -> str:
    """Upload the media of a created call."""
    return _run(self, Step.UPLOAD_MEDIA, job_id, lease_token)


def _tell(after: Next, *, is_last: bool) -> None:
    """Say in the trace what came of the step: the job's state if it ends here, or why it has to wait."""
    if isinstance(after, GoOn):
        tracing.tell({"state": State.DONE if is_last else None})
    else:
        tracing.tell({"code": after.code, "state": after.state if isinstance(after, Stop) else None})


def _run(task: AnyTask, step: Step, job_id: str, lease_token: int) -> str:
    of_chain = (task.request.headers or {}).get("traceparent", "")
    with tracing.span(task.name or "", "consumer", {"job": job_id, "step": step}, parent=of_chain):
        after = run_step(
            step,
            job_id,
            lease_token,
            services(task.app, task.request.hostname or ""),
            following=lambda: following(task.request, task.app),
        )
        _tell(after, is_last=not task.request.chain)
    if isinstance(after, Again):
        # The ledger counts attempts, so Celery never gives up by itself.
        shown = getattr(task.request, "kwargsrepr", None)
        raise task.retry(countdown=after.wait_s, **({"kwargsrepr": shown} if shown else {}))
    # What is left of the chain was published with what was recorded of this step, or is not to run.
    task.request.chain = None
    if isinstance(after, Stop):
        if after.state is State.DEAD:
            raise JobDead(f"{after.code}: {after.message}")
        return f"stopped: {after.code}"
    return "done"
