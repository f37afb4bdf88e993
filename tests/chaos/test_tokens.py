"""OAuth tokens that end every few seconds, while workers are killed in the middle of a refresh."""

from __future__ import annotations

import signal

from tests.chaos.arena import Arena, arena
from tests.chaos.scenarios import scenario
from tests.chaos.telling import tell
from tests.oauth import leaked, oauth_of, secrets_of, told
from tests.waiting import await_true

RECORDINGS, KILLS, LIFETIME_S = 120, 3, 5.0
WORKERS = ("one", "two", "three")


@scenario(waits_s=15)
def test_no_kill_during_a_refresh_locks_the_company_out() -> None:
    tokens = {"token_lifetime_s": LIFETIME_S, "faults": "token.slow:0.5-0.8"}
    # An answer that is given up is lost, and with it the refresh token.
    with arena(
        per_second=20,
        simulator=tokens,
        credentials=oauth_of,
        LOG_LEVEL="DEBUG",
        READ_TIMEOUT_S="15",
        REQUEST_DEADLINE_S="15",
    ) as running:
        for name in WORKERS:
            running.fleet.add(name, concurrency=3)
        running.hand_in("tokens", RECORDINGS)
        for number in range(KILLS):
            _await_answer_on_its_way(running, number)
            for worker in running.fleet.workers:
                worker.signal_all(signal.SIGKILL)
        counts = running.await_final("tokens", within_s=180)
        tokens_told = told(running.simulator)
        tell(f"{tokens_told['granted']} pairs were granted, {tokens_told['expired']} requests came too late.")

        assert counts.done == RECORDINGS
        assert (tokens_told["reused"], tokens_told["locked"]) == (0, False)
        assert tokens_told["granted"] >= 2
        assert running.audit() == []
        assert leaked(secrets_of(running.simulator), _everything_written(running)) == []


def _await_answer_on_its_way(running: Arena, known: int) -> None:
    """Wait until more pairs were granted: the refresh token is used up then, and the answer still slow."""
    await_true(lambda: told(running.simulator)["granted"] > known, "new tokens are granted", within_s=90)


def _everything_written(running: Arena) -> str:
    """Read the logs of the workers, and what was ever written to the server and to their disk."""
    folders = (running.folder, running.server.socket.parent)
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return "".join(path.read_bytes().decode(errors="replace") for path in paths)
