"""What can be done from the pages, and what cannot."""

from __future__ import annotations

import pytest

from pipeline.job import State, Step, job_id_of
from tests.flowers import Flower
from tests.ledgers import Filled


def states(filled: Filled, ids: list[str]) -> list[State | None]:
    return filled.ledger.states([job_id_of(name) for name in ids])


def test_a_batch_is_paused_and_goes_on(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])

    paused = flower.act(action="pause", name=batch)
    assert (paused.status, batch in paused.text) == (200, True)
    assert filled.ledger.counts(batch).paused_at
    assert "Resume" in flower.get("/batch", name=batch).text

    assert flower.act(action="resume", name=batch).status == 200
    assert not filled.ledger.counts(batch).paused_at


def test_a_cancel_is_done_only_when_it_is_confirmed(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1", f"{batch}-2"])

    refused = flower.act(action="cancel", name=batch)
    assert (refused.status, refused.text) == (400, "Nothing was cancelled: a cancel has to be confirmed.")
    assert filled.ledger.counts(batch).pending == 2

    assert flower.act(action="cancel", name=batch, sure="yes").status == 200
    assert filled.ledger.counts(batch).cancelled == 2


def test_the_dead_of_one_reason_come_back_and_no_others(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-{number}" for number in range(5)])
    filled.bury({"media_missing": (Step.VALIDATE, "Gone.", 3), "call_invalid": (Step.VALIDATE, "Wrong.", 2)})

    answer = flower.act(action="retry", name=batch, code="media_missing")

    assert "3 recordings" in answer.text
    assert [(each.code, each.count) for each in filled.control.dead_reasons(batch)] == [("call_invalid", 2)]


def test_one_dead_letter_comes_back_alone(flower: Flower, filled: Filled, batch: str) -> None:
    ids = [f"{batch}-{number}" for number in range(2)]
    filled.submit(batch, ids)
    filled.bury({"media_missing": (Step.VALIDATE, "Gone.", 2)})

    flower.act(action="retry", name=batch, job=job_id_of(ids[0]))

    assert states(filled, ids) == [State.PENDING, State.DEAD]


def test_a_retry_of_one_means_one_of_that_batch_only(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    filled.bury({"media_missing": (Step.VALIDATE, "Gone.", 1)})
    flower.act(action="retry", name="another", job=job_id_of(f"{batch}-1"))
    assert states(filled, [f"{batch}-1"]) == [State.DEAD]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
    ],
)
def test_another_site_does_nothing(
    flower: Flower, filled: Filled, batch: str, headers: dict[str, str]
) -> None:
    filled.submit(batch, [f"{batch}-1"])
    assert flower.act(headers, action="pause", name=batch).status == 403
    assert not filled.ledger.counts(batch).paused_at


def test_a_link_does_nothing(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    assert flower.get("/batch/act", action="pause", name=batch).status == 405
    assert not filled.ledger.counts(batch).paused_at


def test_a_form_without_the_script_leads_back(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = flower.ask("POST", "/batch/act", form, f"action=pause&name={batch}")
    assert (answer.status, answer.headers["Location"]) == (303, f"/batch?name={batch}")
    assert filled.ledger.counts(batch).paused_at


def test_what_nobody_knows_is_refused(flower: Flower, batch: str) -> None:
    assert flower.act(action="explode", name=batch).status == 400
    assert flower.act(name=batch).status == 400
