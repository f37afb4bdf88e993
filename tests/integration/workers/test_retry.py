"""A task that comes again after a countdown, through a real broker."""

from __future__ import annotations

import json
from typing import Any

import pytest
from celery.exceptions import Retry

from pipeline.settings import Settings
from pipeline.steps import Again
from tests.servers import Server
from workers import tasks
from workers.app import make_app

JOB_ID = "0123456789abcdef01234567"
SHOWN = f"job={JOB_ID} batch=calls"


@pytest.mark.parametrize("retries", [0, 1000])
@pytest.mark.parametrize("name", ["calls.validate", "calls.create", "calls.upload"])
@pytest.mark.parametrize("shown", [SHOWN, None])
def test_it_is_shown_as_before_however_often_it_came(
    server: Server,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    shown: str | None,
    name: str,
    retries: int,
) -> None:
    app = make_app(Settings(redis_url=server.url, namespace=namespace))
    monkeypatch.setattr(tasks, "services", lambda *_: None)
    monkeypatch.setattr(tasks, "run_step", lambda *_, **__: Again(30.0, "waits_second"))
    app.loader.import_default_modules()
    task: Any = app.tasks[name]
    kwargs = {"job_id": JOB_ID, "lease_token": 7}
    request = {"id": "1", "args": [], "kwargs": kwargs, "called_directly": False, "retries": retries}
    task.push_request(**(request | ({"kwargsrepr": shown} if shown else {})))
    try:
        with pytest.raises(Retry):
            task.run(**kwargs)
    finally:
        task.pop_request()
    queue = "media" if name == "calls.upload" else "calls"
    (message,) = (json.loads(text) for text in server.client.lrange(f"{namespace}:celery:{queue}", 0, -1))
    headers = message["headers"]
    assert headers["kwargsrepr"] == (shown or repr(kwargs))
    assert headers["eta"]
