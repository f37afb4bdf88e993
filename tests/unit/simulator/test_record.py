"""The log of requests."""

from __future__ import annotations

from pipeline.simulator.record import RequestLog


def test_a_request_has_no_status_until_it_is_answered() -> None:
    log = RequestLog()
    log.begin(0.25, "POST", "/v2/calls", "create")
    number = log.begin(0.5, "PUT", "/v2/calls/1/media", "media")
    log.answer(number, 201)
    assert list(log.rows(0, 2)) == [
        (0.25, "POST", "/v2/calls", 0, ""),
        (0.5, "PUT", "/v2/calls/1/media", 201, ""),
    ]
    assert log.totals() == {"create": {"0": 1}, "media": {"201": 1}}


def test_a_note_stands_beside_the_status_and_the_last_one_counts() -> None:
    log = RequestLog()
    number = log.begin(0.0, "POST", "/v2/calls", "create")
    log.answer(number, 200, "lost")
    assert log.notes() == {"lost": 1}
    log.note(number, "aborted")
    assert list(log.rows(0, 1)) == [(0.0, "POST", "/v2/calls", 200, "aborted")]
    assert log.notes() == {"aborted": 1}
    assert log.totals() == {"create": {"200": 1}}


def test_rows_can_be_read_in_parts() -> None:
    log = RequestLog()
    for number in range(5):
        log.begin(float(number), "GET", "/v2/users", "users")
    assert [row[0] for row in log.rows(1, 3)] == [1.0, 2.0]
    assert len(log) == 5
