"""What the pages show, and to whom."""

from __future__ import annotations

import pytest

from pipeline.job import Reason, Step, Wait, job_id_of
from pipeline.ledger import Rejected
from pipeline.limiter import Limiter
from pipeline.report import lines_of_json, lines_of_table
from pipeline.settings import Settings
from tests.documents import link, text_of, texts
from tests.flowers import Flower
from tests.ledgers import Filled

PATHS = [
    "/batches",
    "/batch?name=a",
    "/batch/report?name=a",
    "/batch/rejected?name=a",
    "/call?q=a",
    "/budget",
]
# Names that mean something in HTML, in an address, in a path and in Flower's own templates.
NAMES = [
    "<script>alert(1)</script>",
    "<b>bold</b> & co",
    "a/b",
    "..",
    "100%25 of it",
    "\"double\" 'single'",
    "ünï ☎ x&y=z#frag?",
    "{{ 7 * 7 }} {% raw 1 %}",
    " blanks around ",
]


@pytest.mark.parametrize("path", [*PATHS, f"/call/{job_id_of('a')}"])
def test_who_is_not_logged_in_sees_nothing(flower: Flower, path: str) -> None:
    stranger = Flower(flower.port, flower.process, login="flower:another-word")
    nobody = Flower(flower.port, flower.process, login="")
    assert stranger.get(path).status == 401
    assert nobody.get(path).status == 401
    assert nobody.get(path, live=True).status == 401


def test_who_is_not_logged_in_does_nothing(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    nobody = Flower(flower.port, flower.process, login="")
    assert nobody.act(action="pause", name=batch).status == 401
    assert not filled.ledger.counts(batch).paused_at


def test_a_batch_is_told_in_numbers(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-{number}" for number in range(40)])
    filled.bury({"media_missing": (Step.VALIDATE, "It is gone.", 3)})
    filled.bring_in(20)
    filled.upload(2)

    page = flower.get("/batch", name=batch)

    assert page.status == 200
    told = text_of(page.text)
    assert "50 % 20 of 40 recordings done" in told
    for part in ("20 done", "2 under way", "15 pending", "3 dead", "43 % of 48.0 MB", "Upload media"):
        assert part in told
    (label,) = [each for each in page.text.split('"') if "50 % done" in each]
    assert label == "50 % done, 2 active, 3 dead, 15 waiting"
    row = next(each for each in texts(flower.get("/batches").text, "tr") if batch in each)
    assert row.startswith(f"{batch} running 50 % of 40 20 17 3 0")


def test_a_batch_tells_what_is_put_off_and_why(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-{number}" for number in range(3)])
    reason = Reason("media_unavailable", "The mount <nas> is gone.")
    for claim in filled.claim(2):
        wait = Wait(600.0, keep=False, costs_attempt=True, reason=reason)
        filled.ledger.postpone(filled.begin(claim), wait)

    (told,) = texts(flower.get("/batch", name=batch).text, "p", **{"class": "batch-waits"})

    assert told.startswith("2 recordings put off, at most until ")
    assert told.endswith(": media_unavailable The mount <nas> is gone.")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_everywhere_and_its_links_lead_to_it(
    flower: Flower, filled: Filled, name: str
) -> None:
    filled.submit(name, [f"{name}-1"])
    filled.bury({"call_invalid": (Step.VALIDATE, f"{name} is wrong", 1)})

    batches = flower.get("/batches")
    batch = flower.get(link(batches.text, name.strip()))
    call = flower.get(link(batch.text, f"{name}-1".strip()))

    for page in (batches, batch, call):
        assert page.status == 200
        assert "<script>alert" not in page.text
        assert "<b>bold" not in page.text
    assert texts(batch.text, "h1") == [" ".join(name.split())]
    assert texts(batch.text, "title") == [f"{' '.join(name.split())} · Batches · Flower"]
    assert f"{' '.join(name.split())} is wrong" in text_of(batch.text)
    assert flower.get(link(call.text, name.strip())).status == 200
    assert flower.act(action="pause", name=name).status == 200
    assert filled.ledger.counts(name).paused_at


def test_a_batch_that_is_not_there_is_said_to_be_so(flower: Flower) -> None:
    page = flower.get("/batch", name="100% <i>new</i>")
    assert page.status == 404
    assert "There is no batch '100% <i>new</i>'." in text_of(page.text)
    part = flower.get("/batch", name="100% new", live=True)
    assert (part.status, part.text) == (404, "There is no batch '100% new'.")


def test_dead_letters_are_grouped_and_listed(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-{number}" for number in range(10)])
    filled.bury(
        {"media_missing": (Step.VALIDATE, "It is gone.", 6), "bad_request": (Step.CREATE_CALL, "No.", 4)}
    )

    page = flower.get("/batch", name=batch, code="bad_request")

    rows = texts(page.text, "tr")
    assert any(row.startswith("media_missing 6 Check") for row in rows)
    assert any(row.startswith("bad_request 4 Create call") for row in rows)
    listed = [row for row in rows if "requestId 4al018gzaztcr8nbukw-" in row]
    assert len(listed) == 4
    assert all("No." in row for row in listed)


def test_a_closed_gate_is_told_on_every_page(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    limiter = Limiter.from_settings(Settings(), filled.store)
    limiter.close_for(3600, "Too <many> requests")
    try:
        for path in ("/batches", "/budget", f"/batch?name={batch}"):
            told = text_of(flower.get(path).text)
            assert "The gate is closed , nothing is sent: rate limited. Too <many> requests. Since" in told
            assert "it opens" in told
        assert "Closed rate limited" in text_of(flower.get("/batches").text)
        assert "rate_limited Too <many> requests" in text_of(flower.get("/budget").text)
    finally:
        limiter.open_by_hand()


def test_the_report_is_the_one_of_the_command(flower: Flower, filled: Filled, batch: str) -> None:
    name = f"{batch} ü/ö"
    filled.submit(name, [f"{batch}-{number}" for number in range(1200)])
    filled.bring_in(3)
    filled.reject(
        name, [Rejected(line=2, client_unique_id="r-2", code="call_invalid", reason="no", row="=1+1")]
    )

    table = flower.get("/batch/report", name=name)
    lines = flower.get("/batch/report", name=name, format="jsonl")

    assert table.text == "".join(lines_of_table(filled.manifests.records(name)))
    assert lines.text == "".join(lines_of_json(filled.manifests.records(name)))
    assert len(lines.text.splitlines()) == 1201
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert table.headers["Content-Disposition"].startswith('attachment; filename="calls-')
    assert "filename*=UTF-8''calls-" in table.headers["Content-Disposition"]
    assert "%20%C3%BC%2F%C3%B6.report.csv" in table.headers["Content-Disposition"]


def test_rejected_rows_are_given_as_they_stood(flower: Flower, filled: Filled, batch: str) -> None:
    row = Rejected(line=7, client_unique_id=None, code="row_unreadable", reason="no\nJSON", row='=cmd|" x')
    filled.reject(batch, [row])

    table = flower.get("/batch/rejected", name=batch).text
    lines = flower.get("/batch/rejected", name=batch, format="jsonl").text

    assert table == (
        "\ufeffmanifest,line,client_unique_id,code,reason,row\r\n"
        'calls.csv,7,,row_unreadable,"no\nJSON","\'=cmd|"" x"\r\n'
    )
    assert lines == (
        '{"manifest": "calls.csv", "line": 7, "client_unique_id": null, "code": "row_unreadable", '
        '"reason": "no\\nJSON", "row": "=cmd|\\" x"}\n'
    )


def test_a_download_of_what_is_not_there_says_so(flower: Flower, batch: str) -> None:
    assert flower.get("/batch/report", name=batch).status == 404
    assert flower.get("/batch/report", name=batch, format="xlsx").status == 400


def test_what_anybody_may_read_names_no_batch(flower: Flower, filled: Filled, batch: str) -> None:
    filled.submit(batch, [f"{batch}-1"])
    nobody = Flower(flower.port, flower.process, login="")
    metrics = nobody.get("/metrics")
    assert metrics.status == 200
    assert batch not in metrics.text


def test_the_navigation_leads_to_the_pages_from_everywhere(flower: Flower) -> None:
    for path in ("/workers", "/tasks", "/broker", "/batches", "/budget"):
        page = flower.get(path).text
        assert link(page, "Batches") == "/batches"
        assert link(page, "Budget") == "/budget"
    current = texts(flower.get("/budget").text, "a", **{"aria-current": "page"})
    assert current == ["Budget"]
