"""The page docs/events.md: its snippets run, and its words and numbers are those of the code."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from pipeline.events import FIELDS, OF_BATCH, OF_RECORDING, Event, want_events
from pipeline.job import Reason, Step
from pipeline.settings.webhook import EVENTS_MAX, EVENTS_MIN, EVENTS_OF_WEBHOOK, key_of
from pipeline.store import Store
from pipeline.webhook import signed_headers
from pipeline.webhook.deliverer import BACKOFF_CAP_S, REFUSALS_MAX
from pipeline.webhook.receiver import DEADLINE_S, PASSES
from tests.hook import SECRET
from tests.integration.ledger.bench import Bench
from tests.servers import Server

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text("utf-8")
KEY = key_of(SECRET) or b""
BODY = b'{"type":"recording.done"}'


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def names_of(snippet: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(snippet, "docs/events.md", "exec"), names)  # noqa: S102 - it is what the page tells to run
    return names


def test_there_are_as_many_snippets_as_are_run_here() -> None:
    assert [len(blocks(language)) for language in ("python", "json")] == [2, 1]


def test_a_receiver_knows_what_is_genuine() -> None:
    is_genuine = names_of(blocks("python")[0])["is_genuine"]
    now = int(time.time())
    headers = signed_headers(KEY, message_id="gong-1-0", sent_at=now, body=BODY)
    old = signed_headers(KEY, message_id="gong-1-0", sent_at=now - 301, body=BODY)
    signature = headers["webhook-signature"]

    assert is_genuine(headers, BODY, SECRET)
    assert is_genuine(headers | {"webhook-signature": f"v1,AAAA {signature}"}, BODY, SECRET)
    assert not is_genuine(headers, BODY + b" ", SECRET)
    assert not is_genuine(headers | {"webhook-id": "gong-2-0"}, BODY, SECRET)
    assert not is_genuine(headers | {"webhook-timestamp": str(now + 1)}, BODY, SECRET)
    assert not is_genuine(headers | {"webhook-signature": "v1,AAAA"}, BODY, SECRET)
    assert not is_genuine(old, BODY, SECRET)


@pytest.fixture
def ledger_bench(server: Server, namespace: str, store: Store) -> Bench:
    return Bench(server, namespace, store)


def test_the_stream_is_read_by_a_group(ledger_bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    want_events(ledger_bench.store, kept=1000, webhook=False)
    for name in ("a", "b"):
        ledger_bench.bring_in(name)
    stream = ledger_bench.key("events")
    read_events = names_of(blocks("python")[1].replace("gong-ingest:events", stream))["read_events"]
    client = ledger_bench.server.client
    # one that fell before it acknowledged what it had
    client.xgroup_create(stream, "crm", id="0")
    client.xreadgroup("crm", "one", {stream: ">"}, count=1)

    read_events(client, "crm", "one")
    assert capsys.readouterr().out == "recording.done a\nrecording.done b\n"

    ledger_bench.bury("c")
    read_events(client, "crm", "one")
    read_events(client, "late", "one")
    later, all_of_it = "recording.dead c\n", "recording.done a\nrecording.done b\nrecording.dead c\n"
    assert capsys.readouterr().out == later + all_of_it
    assert client.xpending(stream, "crm")["pending"] == 0


def test_a_reader_waits_for_a_stream_that_is_not_there_yet(server_url: str, namespace: str) -> None:
    stream = f"{namespace}:events"
    read_events = names_of(blocks("python")[1].replace("gong-ingest:events", stream))["read_events"]
    client = redis.Redis.from_url(server_url, decode_responses=True)

    read_events(client, "crm", "one")
    read_events(client, "crm", "one")

    assert client.xlen(stream) == 0
    client.close()


def test_the_example_is_an_event_of_that_form(ledger_bench: Bench) -> None:
    shown = json.loads(blocks("json")[0])
    want_events(ledger_bench.store, kept=1000, webhook=False)
    ledger_bench.ledger.bury(ledger_bench.held("a", Step.UPLOAD_MEDIA), Reason("media_missing"))
    ((event_id, fields),) = ledger_bench.server.client.xrange(ledger_bench.key("events"))

    event = Event(event_id, fields).document()

    assert [*event] == [*shown]
    assert [*event["data"]] == [*shown["data"]]
    for one, other in zip(event["data"].values(), shown["data"].values(), strict=True):
        assert type(one) is type(other)
    assert len(event["timestamp"]) == len(shown["timestamp"])


def test_every_kind_and_field_stands_on_the_page() -> None:
    words = set(re.findall(r"`([\w.]+)`", PAGE))
    assert {*FIELDS, *OF_RECORDING, *OF_BATCH, "type", "at"} <= words


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    assert f"{EVENTS_MIN} to {EVENTS_MAX:,}; {EVENTS_OF_WEBHOOK:,} when there is a webhook" in PAGE
    assert f"1, 2, 4 … {BACKOFF_CAP_S:.0f} s" in PAGE
    assert f"the {REFUSALS_MAX}th time" in PAGE
    assert f"within {DEADLINE_S:.0f} s" in PAGE
    assert ", ".join(map(str, sorted(PASSES))) in PAGE
