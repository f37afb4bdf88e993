"""The Celery application and its settings, each with its reason.

How Celery on Redis behaves under kills, stalls and floods was measured; what follows from it is written
beside each setting. The ledger, not the broker, is the truth, so the broker is set up to forget early.
"""

from __future__ import annotations

import logging
from typing import Any

import click
from celery import Celery
from celery.signals import setup_logging
from kombu import Queue

from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from workers.broker import use_for_redis
from workers.dispatcher import Dispatcher
from workers.starting import CheckServer
from workers.stopping import StopAtEndOfInput

CALLS, MEDIA = "calls", "media"


def broker_url(redis_url: str) -> str:
    """Write the server's address as kombu knows it."""
    return redis_url.replace("unix://", "redis+socket://", 1)


def configuration(settings: Settings) -> dict[str, Any]:
    """Give Celery's configuration for these settings.

    Raises:
        SettingsInvalid: There is no server.
    """
    if not settings.redis_url:
        raise SettingsInvalid("GONG_INGEST_REDIS_URL is not set; workers need the ledger's server.")
    url = broker_url(settings.redis_url)
    return {
        "broker_url": url,
        # Only JSON: a message is a job's id and a lease token, and nobody's pickle is opened.
        "task_serializer": "json",
        "accept_content": ["json"],
        # Acknowledged when taken: with late acknowledgement a kill lost messages all the same, and a task
        # longer than the visibility timeout ran again beside itself. The ledger's lease finds what was lost.
        "task_acks_late": False,
        # A worker takes a message only when a process is free: behind a long upload it would wait, while
        # another worker has nothing to do.
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        # Nobody waits for a result; what a task asks to keep anyway is gone after ten minutes.
        "task_ignore_result": True,
        "result_backend": url,
        "result_expires": 600,
        "result_backend_transport_options": {"global_keyprefix": f"{settings.namespace}:celery:"},
        # Long uploads never hold up creates.
        "task_queues": [Queue(CALLS), Queue(MEDIA)],
        "task_default_queue": CALLS,
        "task_create_missing_queues": False,
        "task_routes": {"calls.upload": {"queue": MEDIA}},
        "broker_transport_options": {
            # One server may carry several pipelines, and other things.
            "global_keyprefix": f"{settings.namespace}:celery:",
            # Countdowns are at most 60 s, far below this.
            "visibility_timeout": 3600,
            # Redelivery within 15 s instead of 100.
            "unacked_restore_interval": 15,
            "unacked_restore_throttle": 1,
            # A half-open connection is noticed within about 20 s instead of minutes.
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 15,
            # A broker that is away when a step ends: wait for it, do not drop the chain.
            "connect_retries_timeout": 300,
        },
        "task_publish_retry_policy": {
            "max_retries": 1000,
            "interval_start": 0.2,
            "interval_step": 0.5,
            "interval_max": 3,
        },
        # A worker waits for its broker as long as it takes.
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # Also for one that refuses to write because its disk is full, or because it became a replica: the
        # default ends the worker.
        "broker_channel_error_retry": True,
        # The default blocks for ever when every connection is taken.
        "broker_pool_acquire_timeout": 60,
        # A moment without the broker must not kill an upload of 1.5 GB.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Flower lives on events; the one for sending would only double them.
        "worker_send_task_events": True,
        "task_send_sent_event": False,
        "task_track_started": True,
        "enable_utc": True,
        # Log lines are formatted by this project, in the parent as in its processes.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }


@setup_logging.connect(weak=False)
def set_up_logging(**_signal: object) -> None:
    """Write log lines to standard error; Celery's own are quiet unless something is wrong."""
    level = Settings.from_env().log_level
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s")
    # Two lines for each task would be millions; what matters of a task is logged where it happens.
    for name in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def make_app(settings: Settings) -> Celery:
    """Make the application: its settings, its tasks, what is added to every worker."""
    use_for_redis()
    app = Celery("gong-ingest", include=["workers.tasks"])
    app.conf.update(configuration(settings))
    app.steps["consumer"].add(Dispatcher)
    app.steps["worker"] |= {CheckServer, StopAtEndOfInput}
    app.user_options["worker"].add(
        click.Option(
            ["--stop-at-end-of-input"],
            is_flag=True,
            help="Stop when standard input ends; for whoever starts it.",
        )
    )
    return app
