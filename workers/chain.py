"""From a claimed job to its chain: the steps it still has to run, in order."""

from __future__ import annotations

from typing import Any

from celery import Celery, chain
from celery.canvas import Signature

from pipeline.job import Claim, Step
from workers.naming import kwargs_shown, task_id_of

# Messages of one version are read by the workers of the next, so these names never change.
TASK_NAMES = {
    Step.VALIDATE: "calls.validate",
    Step.CREATE_CALL: "calls.create",
    Step.UPLOAD_MEDIA: "calls.upload",
}


def chain_of(claim: Claim, app: Celery, *, traceparent: str = "") -> Signature[Any]:
    """Give the chain of a claimed job; a message carries its id and lease token, and its trace."""
    headers = {"headers": {"traceparent": traceparent}} if traceparent else {}
    return chain(*(_signature(claim, step, app, **headers) for step in claim.steps), app=app)


def _signature(claim: Claim, step: Step, app: Celery, **options: Any) -> Signature[Any]:
    kwargs = {"job_id": claim.job_id, "lease_token": claim.lease_token}
    return app.signature(
        TASK_NAMES[step],
        kwargs=kwargs,
        immutable=True,
        task_id=task_id_of(claim.job_id, claim.lease_token, step),
        kwargsrepr=kwargs_shown(claim.job_id, claim.batch),
        **options,
    )
