"""Where lines go, and which are written: set up once in each process, before the first is logged.

All lines go to standard error. The level of the settings is that of this program and of Celery: what other
libraries say at DEBUG is their own business, and holds addresses that are signed.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, TextIO

from pipeline.logs.lines import BareLines, JsonLines, TextLines
from pipeline.logs.secrets import Hiding, secrets_of

if TYPE_CHECKING:
    from pipeline.settings import Settings

OWN = ("pipeline", "workers", "celery", "kombu")
# Two lines for each task would be millions; what matters of a task is logged where it happens.
QUIET = ("celery.worker.strategy", "celery.app.trace")


def set_up_service(settings: Settings) -> None:
    """Write what happens, from the level of the settings on: of a worker, Flower or the API."""
    level = logging.getLevelName(settings.log_level)
    hiding = Hiding(secrets_of(settings))
    _write(JsonLines(hiding) if settings.log_format == "json" else TextLines(hiding))
    logging.getLogger().setLevel(max(logging.INFO, level))
    for name in OWN:
        logging.getLogger(name).setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(
            logging.DEBUG if level == logging.DEBUG else max(logging.WARNING, level)
        )
    # Warnings of Python's own are lines like any other.
    logging.captureWarnings(capture=True)


def set_up_command(settings: Settings) -> None:
    """Write what a person should know of beside what a command says itself: warnings and what is worse."""
    hiding = Hiding(secrets_of(settings))
    _write(JsonLines(hiding) if settings.log_format == "json" else BareLines(hiding))
    logging.getLogger().setLevel(logging.WARNING)


def _write(lines: logging.Formatter) -> None:
    """Let all lines go there; whatever somebody else has added stays."""
    _handler.setFormatter(lines)
    root = logging.getLogger()
    if _handler not in root.handlers:
        root.addHandler(_handler)


class _StandardError(logging.StreamHandler[TextIO]):
    """Standard error as it is when a line is written: tests and programs change it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Give it."""
        return sys.stderr


_handler = _StandardError()
