"""What tasks are called where people see them, in Flower and in the log. Pure.

A task's arguments are a job's id and a lease token; what is shown of them is that job and its batch: nothing
of the call, and no secret.
"""

from __future__ import annotations

from pipeline.job import Step


def task_id_of(job_id: str, lease_token: int, step: Step) -> str:
    """Name a task after job, attempt and step, so that Flower and the log find it by its job."""
    return f"{job_id}-{lease_token}-{step}"


def kwargs_shown(job_id: str, batch: str) -> str:
    """Write what Flower shows, and finds, as a task's arguments."""
    return f"job={job_id} batch={batch}"
