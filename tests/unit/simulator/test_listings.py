"""Users, workspaces and calls as they are listed."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.listings import get_call, get_user, list_calls, list_users, list_workspaces
from pipeline.simulator.state import Company
from tests.unit.simulator.test_state import create, make_company, make_media


def with_media(company: Company, client_unique_id: str, *, uploaded_s: float = 0.0, **overrides: Any) -> str:
    call_id = create(company, clientUniqueId=client_unique_id, **overrides)
    company.add_media(call_id, make_media(sha256=client_unique_id, uploaded_s=uploaded_s))
    return call_id


def rows(answer: Answer, name: str) -> list[dict[str, Any]]:
    found = answer.fields[name]
    assert isinstance(found, list)
    return found


def records(answer: Answer) -> dict[str, Any]:
    found = answer.fields["records"]
    assert isinstance(found, dict)
    return found


def all_user_pages(company: Company) -> list[Answer]:
    pages = [list_users(company, {})]
    while cursor := records(pages[-1]).get("cursor"):
        pages.append(list_users(company, {"cursor": cursor}))
    return pages


@pytest.mark.parametrize(
    ("users", "sizes"), [(0, [0]), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_users_come_in_pages_of_100_with_a_cursor_but_on_the_last(users: int, sizes: list[int]) -> None:
    pages = all_user_pages(make_company(users=users))
    assert [len(rows(page, "users")) for page in pages] == sizes
    assert [records(page)["currentPageSize"] for page in pages] == sizes
    assert [records(page)["currentPageNumber"] for page in pages] == list(range(len(sizes)))
    assert {records(page)["totalRecords"] for page in pages} == {users}
    assert len({user["id"] for page in pages for user in rows(page, "users")}) == users


@pytest.mark.parametrize("cursor", ["", "1", "dXNlcnM=", "Y2FsbHMgMTAw", "dXNlcnMgeA==", "ü"])
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str) -> None:
    with pytest.raises(Refused) as refused:
        list_users(make_company(users=250), {"cursor": cursor})
    assert refused.value.answer.status == 400


def test_every_tenth_user_imports_no_calls_and_every_25th_is_inactive() -> None:
    users = rows(all_user_pages(make_company(users=60))[0], "users")
    not_imported = [n for n, user in enumerate(users, 1) if not user["settings"]["telephonyCallsImported"]]
    inactive = [n for n, user in enumerate(users, 1) if not user["active"]]
    aliased = [n for n, user in enumerate(users, 1) if user["emailAliases"]]
    assert not_imported == [10, 20, 30, 40, 50, 60]
    assert inactive == [25, 50]
    assert aliased == list(range(3, 61, 3))


def test_a_user_is_found_by_id() -> None:
    answer = get_user(make_company(), "5000000000000000003")
    user = answer.fields["user"]
    assert isinstance(user, dict)
    assert user["emailAddress"] == "user.3@simulated-company.com"
    assert user["emailAliases"] == ["alias.3@simulated-company.com"]
    assert get_user(make_company(), "5000000000000000026").status == 404


def test_workspaces_have_ids_and_names() -> None:
    workspaces = list_workspaces().fields["workspaces"]
    assert isinstance(workspaces, tuple)
    assert [set(workspace) for workspace in workspaces] == [{"id", "name", "description"}] * 2


def test_a_call_is_hidden_until_it_has_media() -> None:
    company = make_company()
    hidden = create(company, clientUniqueId="1")
    assert list_calls(company, {}, 0.0).status == 404
    assert get_call(company, hidden, 0.0).status == 404
    shown = with_media(company, "2")
    assert [call["id"] for call in rows(list_calls(company, {}, 0.0), "calls")] == [shown]
    assert get_call(company, shown, 0.0).status == 200


def test_a_call_is_hidden_until_it_is_processed() -> None:
    company = make_company()
    call_id = with_media(company, "1", uploaded_s=10.0)
    assert get_call(company, call_id, 9.9).status == 404
    assert list_calls(company, {}, 9.9).status == 404
    assert get_call(company, call_id, 10.0).status == 200


def test_a_call_is_shown_with_what_was_posted() -> None:
    company = make_company()
    call_id = with_media(company, "1", title="Title", duration=125.8, workspaceId="7")
    assert get_call(company, call_id, 0.0).fields["call"] == {
        "id": call_id,
        "url": f"https://app.gong.io/call?id={call_id}",
        "title": "Title",
        "started": "2018-02-17T02:30:00-08:00",
        "duration": 125,
        "primaryUserId": "234599484848423",
        "direction": "Inbound",
        "scope": "Unknown",
        "media": "Audio",
        "workspaceId": "7",
        "clientUniqueId": "1",
        "isPrivate": False,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["9", "10", "11"]),
        ({"fromDateTime": "2024-01-01T10:00:00Z"}, ["10", "11"]),
        ({"toDateTime": "2024-01-01T10:00:00Z"}, ["9"]),
        ({"fromDateTime": "2024-01-01T12:00:00+02:00", "toDateTime": "2024-01-01T11:00:00Z"}, ["10"]),
        ({"workspaceId": "7"}, ["11"]),
    ],
)
def test_calls_are_listed_by_their_start_and_workspace(query: dict[str, str], found: list[str]) -> None:
    company = make_company()
    for hour, workspace in (("9", None), ("10", None), ("11", "7")):
        with_media(company, hour, actualStart=f"2024-01-01T{hour:0>2}:00:00Z", workspaceId=workspace)
    calls = rows(list_calls(company, query, 0.0), "calls")
    assert [call["clientUniqueId"] for call in calls] == found


@pytest.mark.parametrize("text", ["yesterday", "2024-01-01T10:00:00"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        list_calls(make_company(), {"fromDateTime": text}, 0.0)
    assert refused.value.answer.status == 400


def test_calls_come_in_pages_of_100() -> None:
    company = make_company()
    for number in range(101):
        with_media(company, str(number))
    first = list_calls(company, {}, 0.0)
    second = list_calls(company, {"cursor": records(first)["cursor"]}, 0.0)
    assert [len(rows(page, "calls")) for page in (first, second)] == [100, 1]
    assert "cursor" not in records(second)
