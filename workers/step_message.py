"""The message of a step, as Celery would publish it; the ledger puts it into the broker.

Celery publishes the next link of a chain when the task before it has ended. A worker that is killed in
between leaves a recorded step that nobody goes on with until its lease ends; and to publish costs ten times
as much as to write a message. So the ledger's server puts it there itself, at the moment at which the step is
recorded. Whoever reads it, also a worker of another version, finds a link of a chain and those that follow.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pipeline.job import StepMessage

if TYPE_CHECKING:
    from celery import Celery
    from celery.app.task import Context
    from celery.canvas import Signature

# A link of a chain as messages carry it: a signature.
Link = Mapping[str, Any]


def first_message(chained: Signature[Any], app: Celery) -> StepMessage:
    """Write the message of a chain's first link; it carries the others."""
    # Celery makes no chain of a single link.
    links = getattr(chained, "tasks", (chained,))
    return _message(links[0], tuple(reversed(links[1:])), app, parent_id=None, root_id=None)


def following(request: Context, app: Celery) -> StepMessage | None:
    """Write the message of the link that follows the one of this request; None after the last one."""
    if not request.chain:
        return None
    links = cast("Sequence[Link]", request.chain)  # wrong in the stubs
    return _message(links[-1], links[:-1], app, parent_id=request.id, root_id=request.root_id)


def _message(
    link: Link, others: Sequence[Link], app: Celery, *, parent_id: str | None, root_id: str | None
) -> StepMessage:
    """Write the message of a link; the one that comes after it is the last of the others."""
    name, options = link["task"], link["options"]
    queue = _queue_of(name, app)
    task_id = options["task_id"]
    celerys = app.amqp.create_task_message(
        task_id,
        name,
        (),
        link["kwargs"],
        chain=others,
        parent_id=parent_id,
        root_id=root_id,
        argsrepr="()",
        # Workers of other versions may say less of a link.
        kwargsrepr=options.get("kwargsrepr"),
        ignore_result=True,
    )
    envelope = {
        "body": json.dumps(celerys.body),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": celerys.headers | (options.get("headers") or {}),
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return StepMessage(queue, json.dumps(envelope))


@cache
def _queue_of(name: str, app: Celery) -> str:
    queue: str = app.amqp.router.route({}, name)["queue"].name
    return queue
