"""Rows that were rejected and corrected elsewhere are known when their manifest is handed in again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial

import pytest

from pipeline.errors import LedgerRefused
from pipeline.job import Lane, Receipt, State, job_id_of
from pipeline.ledger import Ledger
from pipeline.manifest import RejectedRow, Row, digest_of, hash_of
from pipeline.producer import Handed, Source, kept_of
from pipeline.rights.acl import line_of
from pipeline.rights.roles import ROLES
from pipeline.store import Store
from tests.integration.producing import (
    bring_all_in,
    hand_in,
    ledger_at,
    lines_of,
    make_rejected,
    make_row,
    manifests_of,
    producer_of,
    results_of,
)
from tests.servers import running_server


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return ledger_at(store)


def wrong(line: int, raw: str = "{", *, name: str | None = None) -> RejectedRow:
    return replace(make_rejected(line), raw=raw, client_unique_id=name)


def correct(ledger: Ledger, line: int, *names: str) -> list[Handed | RejectedRow]:
    """Hand rows in that were corrected in a file of rejected ones, the first of them from that line."""
    rows = [replace(make_row(name, line=line + number), line_here=2) for number, name in enumerate(names)]
    return list(producer_of(ledger).backfill(rows, Source("calls", is_replay=True)))


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("is_done", [True, False])
def test_a_row_that_was_corrected_stays_what_it_is_when_the_manifest_is_handed_in_again(
    ledger: Ledger, *, named: bool, is_done: bool
) -> None:
    rows: list[Row | RejectedRow] = [make_row("pbx-1", line=2), wrong(3, name="pbx-3" if named else None)]
    hand_in(ledger, *rows)
    correct(ledger, 3, "pbx-3")
    state = "done" if is_done else "pending"
    if is_done:
        bring_all_in(ledger)

    handed = hand_in(ledger, *rows)

    assert results_of(handed) == ["known", "known"]
    assert lines_of(ledger) == [("calls", 2, state), ("calls", 3, state)]
    assert ledger.counts("calls").rejected == 0
    assert isinstance(handed[1], Handed)
    assert handed[1].receipt == Receipt(job_id_of("pbx-3"), "known", State(state), "calls")


def test_a_row_that_names_no_recording_takes_its_place_in_a_manifest_that_was_changed(ledger: Ledger) -> None:
    list(producer_of(ledger).backfill([make_row("pbx-1", line=2)], Source("calls", "abc")))

    handed = list(producer_of(ledger).backfill([make_rejected(2)], Source("calls", "def")))

    assert results_of(handed) == ["row_malformed"]
    assert lines_of(ledger) == [("calls", 2, "rejected")]


def test_a_row_that_may_have_been_changed_is_told_and_its_job_stays(ledger: Ledger) -> None:
    list(producer_of(ledger).backfill([make_row("pbx-1", line=2)], Source("calls", "abc")))
    spoiled = replace(make_rejected(2), client_unique_id="pbx-1")

    handed = list(producer_of(ledger).backfill([spoiled], Source("calls", "def")))

    assert results_of(handed) == ["row_malformed"]
    assert lines_of(ledger) == [("calls", 2, "pending")]


def test_a_row_that_names_another_recording_takes_its_place(ledger: Ledger) -> None:
    source = Source("calls", "abc")
    list(producer_of(ledger).backfill([make_row("pbx-1", line=2)], source))
    other = replace(make_rejected(2), client_unique_id="pbx-2")

    handed = list(producer_of(ledger).backfill([other], Source("calls", "def")))

    assert results_of(handed) == ["row_malformed"]


def test_a_corrected_row_is_known_wherever_it_stands_in_a_manifest_that_was_changed(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "a"), make_row("pbx-3", line=3), wrong(4, "b"))
    correct(ledger, 2, "pbx-2")

    handed = hand_in(ledger, make_row("new", line=2), wrong(3, "a"), make_row("pbx-3", line=4), wrong(5, "b"))

    assert results_of(handed) == ["new", "known", "known", "row_malformed"]
    assert isinstance(handed[1], Handed)
    assert handed[1].receipt.job_id == job_id_of("pbx-2")
    records = list(manifests_of(ledger).records("calls"))
    assert [(each.line, each.client_unique_id) for each in records] == [
        (2, "new"),
        (3, "pbx-2"),
        (4, "pbx-3"),
        (5, None),
    ]
    assert ledger.counts("calls").rejected == 1


def test_another_row_on_the_line_of_a_corrected_one_is_rejected(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "a"))
    correct(ledger, 2, "pbx-2")

    handed = hand_in(ledger, wrong(2, "another"))

    assert results_of(handed) == ["row_malformed"]
    assert lines_of(ledger) == [("calls", 2, "rejected")]


def test_the_line_of_a_rejected_row_that_another_took_tells_nothing_of_it(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "a"), make_row("pbx-3", line=3))

    handed = [hand_in(ledger, make_row("pbx-3", line=2), wrong(3, "a")) for _ in range(2)]

    assert [results_of(each) for each in handed] == [["known", "row_malformed"]] * 2


def test_rows_that_stand_alike_are_each_what_they_became(ledger: Ledger) -> None:
    rows = [wrong(2, "a"), wrong(3, "a")]
    hand_in(ledger, *rows)
    correct(ledger, 2, "pbx-2", "pbx-3")

    handed = hand_in(ledger, *rows)

    assert [each.receipt.job_id for each in handed if isinstance(each, Handed)] == [
        job_id_of("pbx-2"),
        job_id_of("pbx-3"),
    ]


@pytest.mark.parametrize("line", [2, 3])
def test_of_rows_that_stand_alike_no_more_than_were_corrected_are_known(ledger: Ledger, line: int) -> None:
    hand_in(ledger, wrong(2, "a"), wrong(3, "a"))
    correct(ledger, line, "pbx-2")

    for first in (2, 2, 3):
        handed = hand_in(ledger, wrong(first, "a"), wrong(first + 1, "a"))
        assert results_of(handed) == ["known", "row_malformed"]
    assert ledger.counts("calls").rejected == 1


def test_rows_that_stand_alike_may_be_told_of_again_when_an_answer_was_lost(ledger: Ledger) -> None:
    rows = [wrong(line, "a") for line in range(2, 7)]
    hand_in(ledger, *rows)
    correct(ledger, 3, "pbx-3", "pbx-4")
    manifests = manifests_of(ledger)
    manifest, kept = manifests.open("calls", "calls"), [kept_of(row, stands_so=True) for row in rows]

    stayed = [manifests.reject("calls", manifest, kept) for _ in range(2)]

    assert stayed[0] == stayed[1]
    assert sorted(receipt.job_id for receipt in stayed[0].values()) == sorted(
        map(job_id_of, ("pbx-3", "pbx-4"))
    )


def test_what_stands_alike_in_another_manifest_is_another_row(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "a"))
    correct(ledger, 2, "pbx-2")

    handed = list(producer_of(ledger).backfill([wrong(2, "a")], Source("others")))

    assert results_of(handed) == ["row_malformed"]


def test_a_corrected_row_that_is_handed_in_wrong_once_more_keeps_its_place(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "a"))
    correct(ledger, 2, "pbx-2")

    again = replace(wrong(2, "a"), line_here=2)
    handed = list(producer_of(ledger).backfill([again], Source("calls", is_replay=True)))

    assert results_of(handed) == ["row_malformed"]
    assert lines_of(ledger) == [("calls", 2, "pending")]


def test_who_lacks_a_right_that_came_with_a_version_writes_nothing() -> None:
    """The rights are given before the version comes; whoever forgot it may do so afterwards."""
    producer = next(role for role in ROLES if role.name == "producer")
    rights = line_of(producer, "test").split()[4:]
    with running_server() as server, ExitStack() as stack:

        def ledger_of(url: str) -> Ledger:
            return ledger_at(stack.enter_context(closing(Store(url, "test", retries=0))))

        ledger = ledger_of(server.url)
        hand_in(ledger, wrong(2, "a"))
        before = [right for right in rights if "originals" not in right]
        assert len(before) == len(rights) - 1
        server.client.execute_command("ACL", "SETUSER", "producer", "on", ">word", *before)
        poor = ledger_of(server.url.replace("unix://", "unix://producer:word@"))

        tried: list[Callable[[], object]] = [
            partial(correct, poor, 2, "pbx-2"),
            partial(hand_in, poor, make_row("pbx-3", line=3)),
            partial(hand_in, poor, wrong(4, "b")),
        ]
        for refused in tried:
            with pytest.raises(LedgerRefused, match="No permissions to access a key"):
                refused()
        assert ledger.states([job_id_of("pbx-2"), job_id_of("pbx-3")]) == [None, None]

        server.client.execute_command("ACL", "SETUSER", "producer", *rights)
        assert results_of(correct(poor, 2, "pbx-2")) == ["new"]
        assert results_of(hand_in(poor, wrong(2, "a"), make_row("pbx-3", line=3))) == ["known", "new"]
        assert len(ledger.claim([Lane.BACKFILL], window=9).jobs) == 2


def test_a_row_that_was_corrected_in_two_goes_is_known_as_it_first_stood(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "as it stands"))
    half = replace(wrong(2, "half corrected"), line_here=2)
    list(producer_of(ledger).backfill([half], Source("calls", is_replay=True)))
    correct(ledger, 2, "pbx-2")

    assert results_of(hand_in(ledger, wrong(2, "as it stands"))) == ["known"]
    assert results_of(hand_in(ledger, wrong(2, "half corrected"))) == ["row_malformed"]


def test_a_row_whose_recording_has_another_content_is_known_by_the_id_it_was_given(ledger: Ledger) -> None:
    rows = [make_row("pbx-1", line=2), make_row("pbx-1", line=3, title="Another")]
    assert results_of(hand_in(ledger, *rows)) == ["new", "conflict"]
    correct(ledger, 3, "pbx-1-another")

    assert results_of(hand_in(ledger, *rows)) == ["known", "known"]


def test_what_became_of_a_corrected_row_is_forgotten_with_its_job(ledger: Ledger) -> None:
    hand_in(ledger, wrong(2, "a"), wrong(3, "b"))
    correct(ledger, 2, "pbx-2")
    bring_all_in(ledger)
    manifests = manifests_of(ledger)
    _, manifest = manifests.of("calls")
    digests = [digest_of(hash_of(raw)) for raw in (b"a", b"b")]
    assert manifests.corrected("calls", manifest, digests) == [1, 0]

    assert manifests.forget("calls", rejected=True) == 1

    assert manifests.corrected("calls", manifest, digests) == [0, 0]
    assert results_of(hand_in(ledger, wrong(2, "a"))) == ["row_malformed"]


def test_lines_that_a_shorter_manifest_lacks_are_forgotten(ledger: Ledger) -> None:
    hand_in(ledger, make_row("pbx-1", line=2), wrong(3, "a"))
    hand_in(ledger, make_row("pbx-1", line=2))
    hand_in(ledger, make_row("pbx-1", line=2), make_row("pbx-3", line=3))

    # nobody corrected it: its line has another row now
    assert correct(ledger, 3, "pbx-3")
    assert results_of(hand_in(ledger, make_row("pbx-1", line=2), wrong(3, "a"))) == ["known", "row_malformed"]


def test_a_line_that_was_never_rejected_takes_nobodys_place(ledger: Ledger) -> None:
    """A spreadsheet fills a column down, and people type what they like."""
    hand_in(ledger, make_row("pbx-2", line=2), wrong(3), wrong(4))

    filled_down = [replace(make_row(f"pbx-{name}", line=3), line_here=2) for name in (3, 4)]
    good_line, far_line = (replace(make_row(f"to-{line}", line=line), line_here=2) for line in (2, 10**14))
    rows = [*filled_down, good_line, far_line]
    handed = list(producer_of(ledger).backfill(rows, Source("calls", is_replay=True)))

    assert results_of(handed) == ["new"] * 4
    assert lines_of(ledger) == [
        *(("", line, "pending") for line in (1, 2, 3)),
        ("calls", 2, "pending"),
        ("calls", 3, "pending"),
        ("calls", 4, "rejected"),
    ]
    names = [each.client_unique_id for each in manifests_of(ledger).records("calls")]
    assert names == ["pbx-4", "to-2", f"to-{10**14}", "pbx-2", "pbx-3", None]
    assert max(each.last_line for each in manifests_of(ledger).of("calls")) == 4


def test_a_row_that_is_rejected_again_with_a_line_of_its_own_is_not_kept(ledger: Ledger) -> None:
    hand_in(ledger, make_row("pbx-2", line=2), wrong(3))

    again = list(producer_of(ledger).backfill([wrong(3), wrong(10**14)], Source("calls", is_replay=True)))

    assert results_of(again) == ["row_malformed"] * 2
    assert lines_of(ledger) == [("calls", 2, "pending"), ("calls", 3, "rejected")]
