"""The tasks: what they tell Celery when a step is put off."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from celery.exceptions import Retry

from pipeline.steps import Again
from workers import tasks

OFTEN = 1000


@pytest.mark.parametrize("task", [tasks.validate, tasks.create, tasks.upload])
def test_celery_never_gives_up_by_itself(task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts are counted in the ledger; Celery's own default would end a chain at the fourth countdown."""
    app = Celery("test", broker="memory://", set_as_current=False)
    bound = app.tasks[task.name]
    monkeypatch.setattr(tasks, "services", lambda *_: None)
    monkeypatch.setattr(tasks, "run_step", lambda *_, **__: Again(5.0, "media_missing"))
    kwargs = {"job_id": "0" * 24, "lease_token": 1}
    bound.push_request(id="job", retries=OFTEN, called_directly=False, args=(), kwargs=kwargs)
    try:
        with pytest.raises(Retry) as put_off:
            bound.run(**kwargs)
    finally:
        bound.pop_request()

    assert put_off.value.when == 5.0
