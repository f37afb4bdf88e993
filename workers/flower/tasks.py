"""How Flower's page of tasks shows ours. Pure."""

from __future__ import annotations

from typing import Any

# Which columns the page has, in their order.
COLUMNS = "name,state,kwargs,received,runtime,uuid"


def shown_task(task: Any) -> Any:
    """Give a task as its row shows it: an upload with how far it is.

    Args:
        task: Flower's copy of what it knows of a task; `sent_bytes` and `size_bytes` came with our events.
    """
    sent, size = getattr(task, "sent_bytes", None), getattr(task, "size_bytes", None)
    if task.state == "UPLOADING" and sent is not None and size:
        task.state = f"UPLOADING {100 * sent // size} %"
    return task
