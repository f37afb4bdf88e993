"""A record is one line, with what it is about, and nobody can forge another."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline.logs import about, with_about
from pipeline.logs.about import FIELDS
from pipeline.logs.lines import BareLines, JsonLines, TextLines
from pipeline.logs.secrets import Hiding

DOCS = (Path(__file__).parents[3] / "docs" / "logs.md").read_text("utf-8")
NOBODY = Hiding()


def make_record(message: str = "It happened.", *arguments: object, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("pipeline.steps", logging.WARNING, "run.py", 1, message, arguments, None)
    record.__dict__ |= extra
    return record


def make_failure(error: Exception, message: str, *arguments: object) -> logging.LogRecord:
    record = make_record(message, *arguments)
    try:
        raise error
    except type(error):
        record.exc_info = sys.exc_info()
    return record


def document_of(record: logging.LogRecord, hiding: Hiding = NOBODY) -> dict[str, Any]:
    line = JsonLines(hiding).format(record)
    assert "\n" not in line
    document: dict[str, Any] = json.loads(line)
    return document


def test_a_line_for_programs_has_everything_as_fields() -> None:
    with about(job="abc", step="create_call"), about(batch="one", attempt=2):
        document = document_of(make_record("Job %s waits.", "abc", request_id="r-1"))

    assert document["message"] == "Job abc waits."
    assert document["level"] == "WARNING"
    assert document["logger"] == "pipeline.steps"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", document["at"])
    assert {name: document[name] for name in FIELDS} == {
        "job": "abc",
        "batch": "one",
        "step": "create_call",
        "attempt": 2,
        "request_id": "r-1",
    }
    assert all(f"`{name}`" in DOCS for name in document)


def test_what_is_not_known_is_left_out() -> None:
    assert not document_of(make_record(request_id="", job=None)).keys() & set(FIELDS)
    assert (
        TextLines(NOBODY).format(make_record()).endswith("WARNING MainProcess pipeline.steps: It happened.")
    )


def test_a_line_for_people_says_behind_it_what_it_is_about() -> None:
    with about(job="abc", batch="one", step="upload_media", attempt=1):
        line = TextLines(NOBODY).format(make_record())

    assert line.endswith("It happened. [job abc, batch one, step upload_media, attempt 1]")


def test_what_a_thread_is_about_is_forgotten_behind_the_block_and_known_to_others_only_if_handed_on() -> None:
    seen: dict[str, object] = {}

    def look(name: str) -> None:
        seen[name] = document_of(make_record()).get("job")

    with about(job="abc"):
        threads = [
            threading.Thread(target=look, args=("alone",)),
            threading.Thread(target=with_about(look), args=("handed on",)),
        ]
        for thread in threads:
            thread.start()
            thread.join()
    look("behind")

    assert seen == {"alone": None, "handed on": "abc", "behind": None}


FORGED = "fine\n2026-01-01 00:00:00,000 CRITICAL MainProcess pipeline: forged\r\x1b[31m\u2028\u202e"


@pytest.mark.parametrize("lines", [TextLines(NOBODY), BareLines(NOBODY), JsonLines(NOBODY)])
def test_foreign_text_forges_no_line_and_colours_nothing(lines: logging.Formatter) -> None:
    with about(batch=FORGED):
        line = lines.format(make_record("%s", FORGED))

    assert line.isprintable()


def test_a_trace_stands_behind_its_record() -> None:
    record = make_failure(ValueError(FORGED), "It happened.")

    text = TextLines(NOBODY).format(record).split("\n")
    document = document_of(record)

    assert text[0].endswith("It happened.")
    assert all(line.startswith("  ") for line in text[1:])
    assert any("ValueError: fine" in line for line in text)
    assert document["message"] == "It happened."
    assert "ValueError: fine" in document["trace"]


def test_a_secret_is_hidden_wherever_it_would_stand() -> None:
    hiding = Hiding(["pass/word"])
    record = make_failure(
        ValueError("redis://user:pass%2Fword@host"), "it is %r, in other words pass%%2Fword", "pass/word"
    )

    with about(batch="pass/word"):
        for lines in (TextLines(hiding), BareLines(hiding), JsonLines(hiding)):
            line = lines.format(record)
            assert "pass" not in line, line
            assert "********" in line
