"""Has an attempt carried out by a process of its own, see `refresh`, and waits for it."""

from __future__ import annotations

import subprocess
import sys
import time

from pipeline.authorization.asking import Nothing
from pipeline.ledger import Attempt
from pipeline.settings import Settings, environment_of

# The exit code of `refresh` when a person has to do something.
REFUSED = 5
# What a new process may take on a busy machine until it asks, and what is left for the way to the ledger.
START_S, STORE_S = 5.0, 2.0
# No answer is waited for longer than that: tokens are small.
ANSWER_MAX_S = 30.0


def attempt_s(settings: Settings) -> float:
    """Say how long an attempt takes at most."""
    return START_S + min(ANSWER_MAX_S, settings.request_deadline_s) + STORE_S


def refresh_apart(settings: Settings, attempt: Attempt) -> Nothing | None:
    """Carry an attempt out that was begun; gives why it brought nothing, if it did not."""
    until = time.monotonic() + START_S
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pipeline.authorization.refresh"),
            *(attempt.name, str(attempt.version), str(until)),
        ],
        # No secret stands in an argument; what is read from the environment only this user can see.
        env=environment_of(settings, credentials=True),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        problem, _ = process.communicate(timeout=attempt_s(settings))
    except subprocess.TimeoutExpired:
        # It is left alone: it may have the only refresh token that works, and wait for the ledger with it.
        return Nothing("New OAuth tokens could not be stored in time; they are asked for again.")
    if process.returncode == 0:
        return None
    return Nothing(
        problem or "Asking for OAuth tokens failed; see the log.", is_refused=process.returncode == REFUSED
    )
