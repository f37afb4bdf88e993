"""Carries an attempt to refresh out: `python -m pipeline.authorization.refresh NAME VERSION UNTIL`.

It runs in a process and a session of its own: whoever is killed while it waits for the answer takes the only
refresh token that works with it. A worker that ends alone, or with its whole session, does not end this one;
what ends everything in a container or a unit of systemd does, and a machine without memory may. `apart`
starts it for an attempt that was begun; if it brings nothing it says why on standard output, and by its exit
code.

Invariant: before a byte is sent the ledger has the name of this place, until a pair is stored or this process
knows that it is given none.
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress

from pipeline.authorization.apart import REFUSED
from pipeline.authorization.asking import Nothing, ask
from pipeline.authorization.clients import token_client
from pipeline.authorization.grants import Grants
from pipeline.authorization.pair import fingerprint
from pipeline.errors import IngestError, SettingsInvalid
from pipeline.ledger import Attempt
from pipeline.settings import Settings
from pipeline.store import Store

# The exit code when it may be tried again.
FAILED = 4


def refresh(settings: Settings, attempt: Attempt, *, until: float) -> Nothing | None:
    """Carry an attempt out; gives why it brought nothing, if it did not.

    Args:
        settings: With OAuth.
        attempt: That was begun.
        until: When it would be too late to ask (`time.monotonic`, the same in every process): another one may
            begin then before the answer is there.

    Raises:
        IngestError: The ledger cannot be used, or a secret cannot be read.
    """
    oauth = settings.oauth()
    if oauth is None:
        raise SettingsInvalid("GONG_OAUTH_CLIENT_ID is not set.")
    store = Store.of_worker(settings)
    grants = Grants.from_settings(settings, oauth, store)
    stored = grants.look()
    token = grants.refresh_token(stored, grants.open(stored) if stored.version else None)
    if stored.version != attempt.version or not token:
        return None
    given = grants.spare.given_for(token)
    if given is None:
        if not grants.tokens.note_asking(attempt, grants.spare.name_place()):
            return None
        if time.monotonic() > until:
            late = Nothing(
                "This machine was too busy to ask for OAuth tokens in time; they are asked for again."
            )
            grants.tokens.end(attempt, wait_s=late.wait_s)
            return late
        with token_client(settings, oauth) as client:
            answer = ask(client, {"grant_type": "refresh_token", "refresh_token": token})
        if isinstance(answer, Nothing):
            lost = answer.problem if answer.is_lost else ""
            seed = fingerprint(token) if answer.is_lost and token == grants.seed else ""
            grants.tokens.end(attempt, wait_s=answer.wait_s, lost=lost, seed=seed)
            return answer
        given = answer
    grants.keep(given, version=attempt.version)
    return None


def main(arguments: list[str]) -> None:
    """Carry out the attempt that the arguments name."""
    # Ctrl-C and a stop are for the workers; this takes seconds, and must not end between answer and ledger.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    name, version, until = arguments
    try:
        failed = refresh(Settings.from_env(), Attempt(name, int(version)), until=float(until))
    except IngestError as error:
        failed = Nothing(str(error))
    if failed is None:
        return
    with suppress(BrokenPipeError):  # whoever wanted to know is gone
        sys.stdout.write(failed.problem)
        sys.stdout.flush()
    sys.exit(REFUSED if failed.is_refused else FAILED)


if __name__ == "__main__":
    main(sys.argv[1:])
