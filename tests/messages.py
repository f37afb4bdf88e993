"""Messages of Celery's protocol, written by hand as docs/enqueue.md tells, and by no client of Celery."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any


def make_body(value: object) -> str:
    """Write the body of a message, which is JSON within JSON."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def make_envelope(*args: Any, task: str = "calls.submit", **kwargs: Any) -> dict[str, Any]:
    """Make a message that calls the task with these arguments."""
    return {
        "body": make_body([args, kwargs, {}]),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"lang": "c", "task": task, "id": str(uuid.uuid4()), "root_id": None, "parent_id": None},
        "properties": {
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": "intake"},
            "delivery_mode": 2,
            "priority": 0,
        },
    }


def make_message(*args: Any, **kwargs: Any) -> str:
    """Write a message that calls the task with these arguments."""
    return json.dumps(make_envelope(*args, **kwargs))
