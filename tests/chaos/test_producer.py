"""`gong-ingest backfill` whose server is lost in the middle: what a person is told, and what happens then."""

from __future__ import annotations

import json

from pipeline.cli import ExitCode
from pipeline.ledger import SUBMIT_BUNDLE
from tests.chaos.arena import Arena, arena
from tests.chaos.cable import cable_to
from tests.chaos.commands import Finished, backfill_of_input, write_rows
from tests.chaos.scenarios import scenario
from tests.waiting import await_true

BATCH = "handed-in"
RECORDINGS = 2 * SUBMIT_BUNDLE + 50
# What comes after the first bundle, so that the second one is not full.
ROWS_AT_FIRST = SUBMIT_BUNDLE + 10
# How long the command asks again, see RETRIES of `pipeline.store`.
ASKS_AGAIN_S = 12.0


def _await_accepted(running: Arena, count: int) -> None:
    await_true(lambda: _accepted(running) == count, f"{count} are accepted", within_s=20)


def _accepted(running: Arena) -> int:
    return running.ledger.counts(BATCH).total


def _assert_told(finished: Finished, accepted: int) -> None:
    """Make sure that a person reads how many are accepted, that the others may not be, and what to do."""
    assert finished.code == ExitCode.LEDGER_UNREACHABLE, finished.stderr
    assert "cannot be used" in finished.stderr
    assert (
        f"The first {accepted:,} rows are handed in, of those after them it is not certain."
        in finished.stderr
    )
    assert "Run the same command again: nothing is handed in twice." in finished.stderr
    assert "Traceback" not in finished.stderr


def _assert_same_command_completes(running: Arena, rows: list[str], *, known: int) -> None:
    """Make sure that it hands in what is missing and nothing else, and that all of it is brought in once."""
    finished = backfill_of_input(running, BATCH).finish("".join(rows))
    assert finished.code == ExitCode.DONE, finished.stderr
    document = json.loads(finished.stdout)
    assert (document["total"], document["submitted"]) == (RECORDINGS, RECORDINGS - known)
    running.fleet.add("calls", queues="calls", concurrency=4)
    running.fleet.add("media", queues="media", concurrency=8)
    assert running.await_final(BATCH, within_s=120).done == RECORDINGS
    assert 2 * RECORDINGS <= running.seen() <= 2 * RECORDINGS + running.attempts_spent()
    assert running.audit() == []


@scenario(waits_s=ASKS_AGAIN_S)
def test_server_that_dies_while_rows_are_handed_in_has_kept_those_that_were_accepted() -> None:
    with arena(patient=True) as running:
        rows = write_rows(running, BATCH, RECORDINGS)
        command = backfill_of_input(running, BATCH)
        command.write("".join(rows[:ROWS_AT_FIRST]))
        _await_accepted(running, SUBMIT_BUNDLE)
        running.server.kill()
        _assert_told(command.finish("".join(rows[ROWS_AT_FIRST:])), SUBMIT_BUNDLE)
        running.server.start()
        assert _accepted(running) == SUBMIT_BUNDLE
        _assert_same_command_completes(running, rows, known=SUBMIT_BUNDLE)


@scenario(waits_s=ASKS_AGAIN_S)
def test_rows_that_were_accepted_without_an_answer_are_not_handed_in_twice() -> None:
    with arena(patient=True) as running, cable_to(running.server.socket) as cable:
        running.fleet.environment["GONG_INGEST_REDIS_URL"] = cable.url
        rows = write_rows(running, BATCH, RECORDINGS)
        command = backfill_of_input(running, BATCH)
        command.write("".join(rows[:ROWS_AT_FIRST]))
        _await_accepted(running, SUBMIT_BUNDLE)
        cable.await_silence()
        # when the second bundle arrives and its answer is lost with the connection
        cable.hold_answers()
        command.write("".join(rows[ROWS_AT_FIRST : 2 * SUBMIT_BUNDLE]))
        _await_accepted(running, 2 * SUBMIT_BUNDLE)
        cable.cut()
        _assert_told(command.finish("".join(rows[2 * SUBMIT_BUNDLE :])), SUBMIT_BUNDLE)
        cable.mend()
        _assert_same_command_completes(running, rows, known=2 * SUBMIT_BUNDLE)
