"""The chain of a claimed job: what its messages are called and what they hold."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery

from pipeline.job import Claim, Step, steps_left
from workers import tasks
from workers.chain import TASK_NAMES, chain_of

JOB_ID = "0123456789abcdef01234567"
TOKEN = 1_700_000_000_000_001


@pytest.fixture
def app() -> Celery:
    return Celery("test", broker="memory://", set_as_current=False)


def make_claim(steps: tuple[Step, ...] = tuple(Step)) -> Claim:
    return Claim(JOB_ID, TOKEN, steps, rescued=False, batch="calls")


def tasks_of(claim: Claim, app: Celery) -> list[Any]:
    """Give the signatures of a chain; one of a single step is that step."""
    chain = chain_of(claim, app)
    return list(getattr(chain, "tasks", None) or [chain])


def test_the_names_are_frozen() -> None:
    """Messages of one version are read by the workers of the next."""
    assert {str(step): name for step, name in TASK_NAMES.items()} == {
        "validate": "calls.validate",
        "create_call": "calls.create",
        "upload_media": "calls.upload",
    }
    assert {task.name for task in (tasks.validate, tasks.create, tasks.upload)} == set(TASK_NAMES.values())


@pytest.mark.parametrize(
    ("recorded", "has_media", "names"),
    [
        ("", True, ["calls.validate", "calls.create", "calls.upload"]),
        ("validated", True, ["calls.create", "calls.upload"]),
        ("created", True, ["calls.upload"]),
        ("", False, ["calls.validate", "calls.create"]),
        ("validated", False, ["calls.create"]),
    ],
)
def test_a_chain_has_the_steps_that_are_left_in_their_order(
    app: Celery, recorded: str, has_media: bool, names: list[str]
) -> None:
    claim = make_claim(steps_left(recorded, has_media=has_media))

    assert [task.task for task in tasks_of(claim, app)] == names


def test_a_message_holds_the_id_and_the_token_and_nothing_more(app: Celery) -> None:
    for task in tasks_of(make_claim(), app):
        assert task.args == ()
        assert task.kwargs == {"job_id": JOB_ID, "lease_token": TOKEN}
        assert task.immutable


def test_a_message_carries_the_trace_that_it_belongs_to_if_there_is_one(app: Celery) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    chained = chain_of(make_claim(), app, traceparent=traceparent)

    headers = [task.options["headers"] for task in getattr(chained, "tasks", ())]
    assert headers == [{"traceparent": traceparent}] * 3
    assert all("headers" not in task.options for task in tasks_of(make_claim(), app))


def test_a_task_is_found_by_its_job_and_attempt(app: Celery) -> None:
    ids = [task.options["task_id"] for task in tasks_of(make_claim(), app)]

    assert ids == [f"{JOB_ID}-{TOKEN}-{step}" for step in Step]


def test_people_are_shown_the_job_and_its_batch_and_nothing_else(app: Celery) -> None:
    for task in tasks_of(make_claim(), app):
        assert task.options["kwargsrepr"] == f"job={JOB_ID} batch=calls"
        assert set(task.kwargs) == {"job_id", "lease_token"}
