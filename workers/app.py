"""The Celery application and its settings, each with its reason.

How Celery on Redis behaves under kills, stalls and floods was measured; what follows from it is written
beside each setting. The ledger, not the broker, is the truth, so the broker is set up to forget early.
"""

from __future__ import annotations

from typing import Any

import click
from celery import Celery
from celery.signals import setup_logging
from kombu import Queue

from pipeline.errors import SettingsInvalid
from pipeline.logs import set_up_service
from pipeline.settings import Settings
from workers.address import broker_url, server_options, transport_options
from workers.broker import use_for_redis
from workers.dispatcher import Dispatcher
from workers.intake import IntakeDuty
from workers.starting import CheckServer
from workers.stopping import StopAtEndOfInput
from workers.webhook import WebhookDuty

CALLS, MEDIA = "calls", "media"


def configuration(settings: Settings) -> dict[str, Any]:
    """Give Celery's configuration for these settings.

    Raises:
        SettingsInvalid: There is no server, or a file with a certificate cannot be used.
    """
    if not settings.redis_url:
        raise SettingsInvalid("GONG_INGEST_REDIS_URL is not set; workers need the ledger's server.")
    url = broker_url(settings.redis_url)
    shared = transport_options(settings)
    return {
        "broker_url": url,
        **server_options(settings),
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
        "result_backend_transport_options": shared,
        # Long uploads never hold up creates.
        "task_queues": [Queue(CALLS), Queue(MEDIA)],
        "task_default_queue": CALLS,
        "task_create_missing_queues": False,
        "task_routes": {"calls.upload": {"queue": MEDIA}},
        "broker_transport_options": shared
        | {
            # A half-open connection is noticed within about 20 s instead of minutes.
            "socket_timeout": 15,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 15,
            # A broker that is away when a step comes again after a countdown: wait for it, do not drop it.
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
        # Events of tasks leave together, a moment later.
        "worker_consumer": "workers.consumer:Consumer",
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
    """Write log lines as the settings say, Celery's own among them, instead of as Celery would."""
    set_up_service(Settings.from_env())


def make_app(settings: Settings) -> Celery:
    """Make the application: its settings, its tasks, what is added to every worker."""
    use_for_redis()
    app = Celery("gong-ingest", include=["workers.tasks"])
    app.conf.update(configuration(settings))
    app.steps["consumer"] |= {Dispatcher, IntakeDuty, WebhookDuty}
    app.steps["worker"] |= {CheckServer, StopAtEndOfInput}
    app.user_options["worker"].add(
        click.Option(
            ["--stop-at-end-of-input"],
            is_flag=True,
            help="Stop when standard input ends; for whoever starts it.",
        )
    )
    return app
