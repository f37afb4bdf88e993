"""The page of a recording, and how it is found."""

from __future__ import annotations

from pipeline.job import Step, job_id_of
from tests.documents import link, links, text_of
from tests.flowers import Flower
from tests.ledgers import Filled


def page_of(flower: Flower, client_unique_id: str) -> str:
    return flower.get(f"/call/{job_id_of(client_unique_id)}").text


def test_a_done_recording_leads_to_its_call(flower: Flower, filled: Filled, batch: str) -> None:
    name = f"{batch}-1"
    filled.submit(batch, [name])
    filled.bring_in(1)
    record = filled.control.find(name)
    assert record
    assert record.sha256

    page = page_of(flower, name)

    assert link(page, "Open in Gong") == f"https://app.gong.io/call?id={record.call_id}"
    told = text_of(page)
    for part in (str(record.call_id), record.sha256, "512 KB", "every step succeeded at the first try"):
        assert part in told


def test_an_address_that_is_a_script_is_no_link(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    (claim,) = filled.claim(1)
    filled.finish(claim, url="javascript:alert(1)//")
    page = page_of(flower, f"{batch}-1")
    assert "done since" in text_of(page)
    assert not [each for each in links(page) if each.startswith("javascript")]


def test_a_dead_recording_tells_all_that_was_answered(flower: Flower, filled: Filled, batch: str) -> None:
    name = f"{batch}-1"
    filled.submit(batch, [name])
    filled.bury({"bad_request": (Step.CREATE_CALL, "The API answered 400: <no>.", 1)})

    told = text_of(page_of(flower, name))

    assert "dead bad_request at Create call" in told
    assert "The API answered 400: <no>. requestId 4al018gzaztcr8nbukw-0" in told
    # the newest first
    assert told.index("Create call bad_request") < told.index(
        "Create call server_error The API answered 503. r-1"
    )


def test_an_upload_tells_how_far_it_is_and_by_whom(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    filled.upload(1)
    told = text_of(page_of(flower, f"{batch}-1"))
    assert "active here:7 works on it since" in told
    assert "20.6 MB of 48.0 MB sent, 43 %" in told


def test_a_cancelled_recording_can_be_brought_back(flower: Flower, filled: Filled, batch: str) -> None:
    name = f"{batch}-1"
    filled.submit(batch, [name])
    filled.control.cancel(batch)
    assert "Bring it back" in text_of(page_of(flower, name))
    flower.act(action="retry", name=batch, job=job_id_of(name))
    assert text_of(page_of(flower, name)).count("brought_back") == 1
    assert filled.ledger.counts(batch).pending == 1


def test_a_recording_that_is_not_there_is_said_to_be_so(flower: Flower) -> None:
    assert flower.get(f"/call/{job_id_of('nobody')}").status == 404


def test_it_is_found_by_each_of_its_names(flower: Flower, filled: Filled, batch: str) -> None:
    name = f'{batch} <é>/"1" %'
    # more rows than one look at them takes
    filled.submit(batch, [f"{batch}-{number}" for number in range(600)])
    filled.submit(batch, [name])
    for claim in filled.claim(601):
        if claim.job_id == job_id_of(name):
            filled.finish(claim)
        else:
            filled.ledger.give_back(claim)
    record = filled.control.find(name)
    assert record
    assert record.call_id

    for asked in (name, job_id_of(name), record.call_id, f"  {record.call_id} "):
        found = flower.get("/call", q=asked)
        assert (found.status, found.headers.get("Location")) == (302, f"/call/{job_id_of(name)}"), asked


def test_what_is_not_found_is_said_to_be_so(flower: Flower) -> None:
    page = flower.get("/call", q="<i>7</i>")
    assert page.status == 404
    assert "No recording “<i>7</i>”" in text_of(page.text)
    assert flower.get("/call", q="123456789").status == 404
