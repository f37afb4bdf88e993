"""Single recordings over HTTP: what each is answered, and what is written then."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest

from pipeline.job import Lane, Reason, State, job_id_of
from pipeline.ledger import Ledger
from pipeline.store import Store
from tests.apis import Answer, Api, path_of
from tests.integration.api.conftest import claimed
from tests.recordings import make_call


def recording(name: str, **overrides: Any) -> dict[str, Any]:
    return {"call": make_call(name, **overrides), "media": "a.wav"}


def test_a_new_recording_is_202_a_known_one_200_and_both_are_written(
    api: Api, ledger: Ledger, name: str
) -> None:
    new, known = api.hand_in(recording(name)), api.hand_in(recording(name))

    assert (new.status, new.document["result"]) == (202, "new")
    assert (known.status, known.document["result"]) == (200, "known")
    assert new.document == {
        "client_unique_id": name,
        "result": "new",
        "job_id": job_id_of(name),
        "state": "pending",
        "batch": "live",
    }
    assert new.headers["location"] == path_of(name)
    assert ledger.states([job_id_of(name)]) == [State.PENDING]


def test_other_content_is_409_and_what_is_there_stays(api: Api, name: str) -> None:
    api.hand_in(recording(name))

    refused = api.hand_in(recording(name, title="other"))

    assert (refused.status, refused.code) == (409, "conflict")
    assert (refused.document["state"], refused.document["batch"]) == ("pending", "live")
    assert refused.document["problems"][0]["field"] == "clientUniqueId"


def test_every_field_that_is_wrong_is_named_and_nothing_is_written(api: Api, name: str) -> None:
    refused = api.hand_in(recording(name, direction="in", parties=[{"mediaChannelId": 2}]))

    assert (refused.status, refused.code) == (422, "call_invalid")
    fields = {problem["field"] for problem in refused.document["problems"]}
    assert {"direction", "parties.0.mediaChannelId"} <= fields
    assert api.ask("GET", path_of(name)).code == "recording_unknown"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        ("{", "application/json", 400, "not_json"),
        ("", "application/json", 400, "not_json"),
        ("[]", "application/json", 400, "not_json"),
        (b"\xff\xfe", "application/json", 400, "not_json"),
        ('{"call": {"a": NaN}}', "application/json", 400, "not_json"),
        ('{"call": {}, "call": {}}', "application/json", 400, "not_json"),
        ("[" * 100_000, "application/json", 400, "not_json"),
        ("{}", "application/json", 422, "call_invalid"),
        ('{"call": 5}', "application/json", 422, "call_invalid"),
        ('{"call": {}, "media": null}', "application/json", 422, "call_invalid"),
        ("{}", "text/plain", 415, "media_type_unknown"),
        ("{}", "application/json; charset=latin-1", 415, "media_type_unknown"),
        ("a=b", "application/x-www-form-urlencoded", 415, "media_type_unknown"),
        (" " * ((1 << 20) + 1), "application/json", 413, "too_large"),
    ],
)
def test_what_is_no_recording_is_refused_by_what_it_is(
    api: Api, body: Any, content_type: str, status: int, code: str
) -> None:
    refused = api.ask("POST", "/calls", body, Content_Type=content_type)

    assert (refused.status, refused.code) == (status, code)


def test_a_large_body_is_refused_also_when_its_length_is_not_told(api: Api) -> None:
    pieces = iter([b" " * (1 << 18)] * 6)
    with_length_unknown: Any = pieces
    connection = api.connect()
    connection.request(
        "POST",
        "/calls",
        with_length_unknown,
        {"Content-Type": "application/json", "Transfer-Encoding": "chunked"},
        encode_chunked=True,
    )

    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 413


def test_a_packed_body_is_refused(api: Api) -> None:
    refused = api.ask("POST", "/calls", "{}", Content_Type="application/json", Content_Encoding="gzip")

    assert refused.code == "media_type_unknown"


def test_a_number_is_sent_on_as_it_was_written(api: Api, store: Store, ledger: Ledger, name: str) -> None:
    body = json.dumps(recording(name, duration=125)).replace("125", "125.80")
    assert api.ask("POST", "/calls?batch=numbers", body, Content_Type="application/json").status == 202

    claim = claimed(ledger, name, Lane.LIVE)

    held = ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="1")
    assert '"duration":125.80' in held.payload.body


NAMES = (
    "plain",
    "a/b//c",
    "/leading/and/trailing/",
    "100%",
    "%2F",
    "a:b",
    "a:retry",
    "a:cancel:retry",
    "?query=1&x#fragment",
    "white space\tand\nlines",
    "ünïcödé-☎-電話",
    "..",
    ".",
    "../../etc/passwd",
    "a+b;c=d,e'f\"g",
    "\\back\\slash",
    "\u202eright to left",
    "x" * 2048,
)


@pytest.mark.parametrize("client_unique_id", NAMES, ids=lambda text: repr(text[:12]))
def test_any_character_may_stand_in_an_id(api: Api, client_unique_id: str) -> None:
    handed_in = api.hand_in(recording(client_unique_id), query="?batch=names")
    assert handed_in.status == 202, handed_in.content

    for path in {path_of(client_unique_id), handed_in.headers["location"]}:
        assert api.ask("GET", path).document["client_unique_id"] == client_unique_id
    cancelled = api.ask("POST", path_of(client_unique_id, "cancel"))
    assert (cancelled.status, cancelled.document["state"]) == (200, "cancelled")
    retried = api.ask("POST", path_of(client_unique_id, "retry"))
    assert (retried.document["client_unique_id"], retried.document["state"]) == (client_unique_id, "pending")


def test_an_id_whose_path_is_too_long_for_a_server_is_refused_and_still_handed_in(api: Api) -> None:
    longest = "電" * 2048
    handed_in = api.hand_in(recording(longest), query="?batch=names")
    assert handed_in.status == 202
    assert "location" not in handed_in.headers

    asked = api.ask("GET", path_of(longest))

    assert (asked.status, asked.code) == (414, "address_too_long")


def test_only_what_is_dead_or_waits_is_cancelled_and_only_what_was_comes_back(
    api: Api, ledger: Ledger, name: str
) -> None:
    api.hand_in(recording(name), query="?lane=backfill&batch=states")
    claim = claimed(ledger, name, Lane.BACKFILL)
    held = ledger.begin_step(claim.job_id, claim.lease_token, claim.steps[0], run="1")

    for verb, code in (("cancel", "not_cancelled"), ("retry", "not_retried")):
        refused = api.ask("POST", path_of(name, verb))
        assert (refused.status, refused.code, refused.document["state"]) == (409, code, "active")

    ledger.bury(held, Reason("media_missing", "It is not there."))
    dead = api.ask("GET", path_of(name)).document
    assert (dead["state"], dead["step"], dead["code"]) == ("dead", "validate", "media_missing")
    assert api.ask("POST", path_of(name, "retry")).document["state"] == "pending"
    assert api.ask("POST", path_of(name, "retry")).status == 200
    assert api.ask("POST", path_of(name, "cancel")).document["state"] == "cancelled"
    assert api.ask("POST", path_of(name, "cancel")).status == 200


@pytest.mark.parametrize(("method", "verb"), [("GET", ""), ("POST", "cancel"), ("POST", "retry")])
def test_what_is_not_known_is_404(api: Api, method: str, verb: str) -> None:
    answer = api.ask(method, path_of("nobody", verb))

    assert (answer.status, answer.code) == (404, "recording_unknown")


def test_lane_and_batch_are_those_of_the_query(api: Api, ledger: Ledger, name: str) -> None:
    answer = api.hand_in(recording(name), query=f"?lane=backfill&batch={quote('crm / eu')}")

    assert answer.document["batch"] == "crm / eu"
    assert ledger.counts("crm / eu").total == 1
    shown = api.ask("GET", f"/batches/{quote('crm / eu', safe='')}")
    assert (shown.document["batch"], shown.document["pending"]) == ("crm / eu", 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [("?lane=fast", "lane"), ("?bacth=x", "bacth"), ("?batch=", "batch"), ("?batch=a%0Ab", "batch")],
)
def test_a_wrong_parameter_is_named(api: Api, name: str, query: str, field: str) -> None:
    refused = api.hand_in(recording(name), query=query)

    assert (refused.status, refused.code) == (422, "parameter_invalid")
    assert [problem["field"] for problem in refused.document["problems"]] == [field]


def test_of_producers_racing_with_the_same_id_one_is_first_and_the_others_learn_of_it(
    api: Api, ledger: Ledger
) -> None:
    """The same recording is one; of different ones under one id the first stays, and each other is told."""
    answers: list[Answer] = []

    def race(title: str) -> None:
        its = (recording(f"race-{number}", title=title) for number in range(25))
        answers.extend(api.hand_in(each, query="?batch=race") for each in its)

    threads = [threading.Thread(target=race, args=(title,)) for title in ("a", "a", "b", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counted = Counter(answer.status for answer in answers)
    assert counted[202] == 25
    assert counted[200] == 25
    assert counted[409] == 50
    assert ledger.counts("race").total == 25


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/limits//", 404),
        ("PUT", "/calls", 405),
        ("GET", "/calls", 405),
        ("DELETE", "/calls/x", 405),
    ],
)
def test_what_is_not_there_is_told_in_the_same_form(api: Api, method: str, path: str, status: int) -> None:
    answer = api.ask(method, path)

    assert answer.status == status
    assert answer.code in {"not_found", "method_not_allowed"}


def test_nothing_is_kept_by_a_cache_or_framed(api: Api) -> None:
    headers = api.ask("GET", "/batches").headers

    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'"
