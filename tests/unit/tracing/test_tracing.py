"""Traces: what asks for them, what a span tells, and that there is nothing of it without them."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from pipeline import tracing
from pipeline.logs import about
from pipeline.tracing.spans import Spans

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "https://bucket/a.wav?X-Amz-Signature=abc"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """An environment without variables of OpenTelemetry, which is read anew."""
    for name in (*tracing.ENDPOINTS, tracing.EXPORTER, "OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(name, raising=False)
    made = tracing._made
    made.cache_clear()
    yield monkeypatch
    made.cache_clear()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[ReadableSpan]]:
    """Traces that are kept here; gives the spans that ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans = Spans(provider)
    monkeypatch.setattr(tracing, "_made", lambda: (spans, ""))
    return lambda: list(exporter.get_finished_spans())


@pytest.mark.parametrize(
    ("variables", "variable"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "OTEL_TRACES_EXPORTER"),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ""),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, ""),
        ({"OTEL_SERVICE_NAME": "calls"}, ""),
    ],
)
def test_the_variables_of_opentelemetry_ask_for_traces(
    environment: pytest.MonkeyPatch, variables: dict[str, str], variable: str
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)

    assert tracing.asked_for() == variable


def test_without_traces_nothing_is_made_and_what_was_carried_goes_on() -> None:
    with (
        tracing.span("dispatch", "producer") as nothing,
        tracing.span("x", "consumer", parent=PARENT) as same,
    ):
        tracing.tell({"state": "dead"})

    assert (nothing, same) == ("", PARENT)
    assert tracing.begin_each("enqueue", iter([{}])) is None
    assert not tracing.is_in_one()


def test_without_traces_no_library_is_imported() -> None:
    program = (
        "import sys; from pipeline import tracing\n"
        "with tracing.span('a', 'producer'): tracing.tell({}); tracing.end()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert process.stdout == "[]\n"


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER is zipkin"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "known is http/protobuf"),
    ],
)
def test_what_cannot_be_sent_is_told_once_and_nothing_else_fails(
    environment: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    complaint: str,
) -> None:
    for name, value in variables.items():
        environment.setenv(name, value)

    for _ in range(2):
        with tracing.span("dispatch", "producer", parent=PARENT) as carried:
            assert carried == PARENT

    (line,) = caplog.messages
    assert complaint in line


def test_who_has_not_the_extra_is_told_how_to_have_it(
    environment: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    environment.setenv("OTEL_TRACES_EXPORTER", "otlp")
    environment.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    environment.delitem(sys.modules, "pipeline.tracing.sending", raising=False)

    with caplog.at_level(logging.WARNING), tracing.span("dispatch", "producer"):
        pass

    assert "pip install 'gong-call-ingest[otel]'" in caplog.text


def test_a_span_goes_on_from_its_parent_and_tells_what_it_is_about(
    sent: Callable[[], list[ReadableSpan]],
) -> None:
    with about(job="j1", batch="calls", attempt=2), tracing.span("calls.create", "consumer", parent=PARENT):
        tracing.tell({"state": "dead", "code": "refused", "request_id": None})

    (span,) = sent()
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" in PARENT
    assert span.attributes == {
        "gong_ingest.job": "j1",
        "gong_ingest.batch": "calls",
        "gong_ingest.attempt": 2,
        "gong_ingest.state": "dead",
        "gong_ingest.code": "refused",
    }
    assert span.status.status_code is trace.StatusCode.ERROR


def test_an_error_is_told_by_its_class_and_never_by_its_text(sent: Callable[[], list[ReadableSpan]]) -> None:
    with (
        pytest.raises(ValueError, match="Signature"),
        tracing.span("calls.upload", "consumer"),
        tracing.part("wait_for_slot", kind="internal"),
    ):
        raise ValueError(SECRET)

    inner, outer = sent()
    assert "abc" not in inner.to_json() + outer.to_json()
    assert inner.events == outer.events == ()
    assert (inner.attributes, outer.attributes) == ({"error.type": "ValueError"},) * 2
    assert inner.status.is_unset, "a wait is told by an error that is none"
    assert outer.status.status_code is trace.StatusCode.ERROR


def test_a_part_of_nothing_is_no_trace(sent: Callable[[], list[ReadableSpan]]) -> None:
    with tracing.part("claim"):
        pass
    assert sent() == []

    with tracing.span("dispatch", "producer"), tracing.part("claim"):
        pass
    assert [span.name for span in sent()] == ["claim", "dispatch"]


def test_each_recording_of_a_bundle_begins_a_trace_of_its_own(sent: Callable[[], list[ReadableSpan]]) -> None:
    begun = tracing.begin_each("enqueue", ({"job": name} for name in "ab"))

    assert begun is not None
    for span in begun:
        span.end({"result": "new"})
    first, second = sent()
    assert first.context.trace_id != second.context.trace_id
    assert [span.traceparent[3:35] for span in begun] == [f"{each.context.trace_id:032x}" for each in sent()]
    assert [each.attributes and each.attributes["gong_ingest.job"] for each in sent()] == ["a", "b"]


def test_a_program_with_traces_of_its_own_has_the_recording_in_them() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "get_tracer_provider", lambda: provider)
        with provider.get_tracer("theirs").start_as_current_span("GET /") as theirs:
            begun = (tracing.begin_each("enqueue", [{"job": "a"}]) or [])[0]
        begun.end({})

    assert begun.traceparent[3:35] == f"{theirs.get_span_context().trace_id:032x}"
    assert {span.name for span in exporter.get_finished_spans()} == {"enqueue", "GET /"}


def test_what_is_not_sampled_is_carried_as_such() -> None:
    spans = Spans(TracerProvider(sampler=ALWAYS_OFF))

    with spans.span("enqueue", "producer", {}, "") as carried:
        assert not spans.is_in_one

    assert carried.endswith(("-00", "-02"))


def test_a_collector_that_is_slow_at_the_end_is_not_waited_for(environment: pytest.MonkeyPatch) -> None:
    environment.setattr("pipeline.tracing.spans.END_WITHIN_S", 0.05)
    never = threading.Event()

    Spans(TracerProvider(), never.wait).end()

    never.set()
