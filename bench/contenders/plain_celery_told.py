"""The pipeline of an afternoon, watched in Flower: its workers tell what becomes of each task.

celery -A bench.contenders.plain_celery_told worker
"""

from bench.contenders.plain_celery import app

__all__ = ["app"]

app.conf.worker_send_task_events = True
