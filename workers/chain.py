"""From a claimed job to its chain: the steps it still has to run, in order."""

from __future__ import annotations

from typing import Any

from celery import Celery, chain
from celery.canvas import Signature

from pipeline.job import Claim, Step

# Messages of one version are read by the workers of the next, so these names never change.
TASK_NAMES = {
    Step.VALIDATE: "calls.validate",
    Step.CREATE_CALL: "calls.create",
    Step.UPLOAD_MEDIA: "calls.upload",
}


def chain_of(claim: Claim, app: Celery) -> Signature[Any]:
    """Give the chain of a claimed job; every message carries its id and lease token only."""
    return chain(*(_signature(claim, step, app) for step in claim.steps), app=app)


def _signature(claim: Claim, step: Step, app: Celery) -> Signature[Any]:
    # Named after job, attempt and step, so that Flower and the log find a task by its job.
    task_id = f"{claim.job_id}-{claim.lease_token}-{step}"
    kwargs = {"job_id": claim.job_id, "lease_token": claim.lease_token}
    return app.signature(TASK_NAMES[step], kwargs=kwargs, immutable=True, task_id=task_id)
