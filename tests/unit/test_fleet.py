"""What the workers of a command are started with."""

from __future__ import annotations

import subprocess
import sys

from pipeline.fleet import UNSAID

WARN = """
import warnings
from celery.exceptions import SecurityWarning
from celery.platforms import ASSUMING_ROOT, ROOT_DISCOURAGED
warnings.warn(SecurityWarning({}))
"""


def written(warning: str) -> str:
    """Let a process that is started as a worker give a warning, and read what it writes."""
    command = [sys.executable, *UNSAID, "-c", WARN.format(warning)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_what_celery_says_of_the_user_is_not_said_and_every_other_warning_is() -> None:
    assert written("ROOT_DISCOURAGED") == ""
    assert written("ASSUMING_ROOT") == ""
    assert "SecurityWarning: Something else." in written("'Something else.'")
