"""How the pages come into Flower, and when they refuse to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import flower
import flower.urls
import pytest
from flower.views.tasks import TASK_COLUMNS

from workers.flower.call import is_call_id
from workers.flower.download import disposition
from workers.flower.here import is_loopback, is_own_name
from workers.flower.install import problem_of_openness, problem_of_version
from workers.flower.loader import LIST_BEGINS, PagesLoader, with_entries
from workers.flower.tasks import COLUMNS, shown_task


def options(**overrides: Any) -> SimpleNamespace:
    return SimpleNamespace(
        **({"basic_auth": None, "auth": "", "unix_socket": "", "address": "127.0.0.1"} | overrides)
    )


def test_the_flower_that_is_installed_is_one_that_was_tried() -> None:
    assert problem_of_version(flower.__version__) is None


@pytest.mark.parametrize("version", ["2.1.0", "2.20.0", "3.0.0", "2.3.0"])
def test_another_flower_is_refused_with_a_sentence(version: str) -> None:
    problem = problem_of_version(version)
    assert (
        problem == f"Flower {version} is installed; the pages were tried with 2.2.x only. Install that one."
    )


@pytest.mark.parametrize(
    ("overrides", "is_open"),
    [
        ({}, False),
        ({"address": "::1"}, False),
        ({"address": "localhost"}, False),
        ({"address": ""}, True),
        ({"address": "0.0.0.0"}, True),
        ({"address": "10.1.2.3"}, True),
        ({"address": "flower.example.com"}, True),
        ({"unix_socket": "flower.sock"}, True),
        ({"address": "0.0.0.0", "basic_auth": ["a:b"]}, False),
        ({"address": "0.0.0.0", "auth": ".*@example.com"}, False),
    ],
)
def test_nobody_else_is_let_in_without_a_password(overrides: dict[str, Any], *, is_open: bool) -> None:
    assert bool(problem_of_openness(options(**overrides))) is is_open


def test_an_address_that_is_every_address_is_not_this_machine_only() -> None:
    assert not is_loopback("")
    assert is_loopback("127.3.2.1")


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("localhost", True),
        ("LOCALHOST:5555", True),
        ("127.0.0.1:5555", True),
        ("[::1]:5555", True),
        ("", False),
        ("evil.example:5555", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("192.168.1.4:5555", False),
        ("[::1", False),
    ],
)
def test_only_names_that_nobody_else_can_give_are_this_machines(host: str, *, is_own: bool) -> None:
    assert is_own_name(host) is is_own


def test_a_navigation_that_is_not_known_is_refused() -> None:
    assert with_entries(f"a{LIST_BEGINS}b", "<li>") == f"a{LIST_BEGINS}<li>b"
    for other in ("", LIST_BEGINS * 2):
        with pytest.raises(SystemExit, match="another one"):
            with_entries(other, "<li>")


def test_both_kinds_of_templates_are_found() -> None:
    loader = PagesLoader(flower.urls.settings["template_path"])
    assert loader.load("gong_ingest/batches.html").name == "gong_ingest/batches.html"
    assert loader.load("tasks.html").name == "tasks.html"


def test_every_column_is_one_of_flowers() -> None:
    assert set(COLUMNS.split(",")) <= set(TASK_COLUMNS)


@pytest.mark.parametrize(
    ("task", "state"),
    [
        ({"state": "UPLOADING", "sent_bytes": 43, "size_bytes": 100}, "UPLOADING 43 %"),
        ({"state": "UPLOADING", "sent_bytes": 999, "size_bytes": 1_000}, "UPLOADING 99 %"),
        ({"state": "UPLOADING", "sent_bytes": 5, "size_bytes": 0}, "UPLOADING"),
        ({"state": "SUCCESS", "sent_bytes": 43, "size_bytes": 100}, "SUCCESS"),
        ({"state": "STARTED"}, "STARTED"),
    ],
)
def test_an_upload_shows_how_far_it_is(task: dict[str, Any], state: str) -> None:
    assert shown_task(SimpleNamespace(**task)).state == state


def test_a_file_is_named_in_plain_letters_and_as_it_is() -> None:
    assert disposition('a/"b"\r\n é.csv') == (
        "attachment; filename=\"a__b___ _.csv\"; filename*=UTF-8''a%2F%22b%22%0D%0A%20%C3%A9.csv"
    )


@pytest.mark.parametrize(
    ("text", "could_be"),
    [
        ("7782342274025937895", True),
        ("1" * 21, False),
        ("", False),
        ("٣", False),
        ("-1", False),
        ("pbx-1", False),
    ],
)
def test_the_id_of_a_call_is_a_number(text: str, *, could_be: bool) -> None:
    assert is_call_id(text) is could_be
