"""Spans, by OpenTelemetry's API; imported only where it is installed and traces are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pipeline import __version__
from pipeline.logs.about import fields_now
from pipeline.tracing import About, Kind

KINDS: Mapping[Kind, SpanKind] = {
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
}
PREFIX = "gong_ingest."
FORMAT = TraceContextTextMapPropagator()
# How long a process that ends waits for what it still has to send.
END_WITHIN_S = 2.0


class Begun:
    """A span that is no block: `traceparent` is what comes after it, and it must be ended."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.traceparent = traceparent_of(span)

    def end(self, about: About) -> None:
        """End it, and say what came of it."""
        self._span.set_attributes(_named(about))
        self._span.end()


class Spans:
    """Makes spans by one provider.

    Args:
        provider: Where they go.
        end: Sends what is not sent yet.
    """

    def __init__(self, provider: trace.TracerProvider, end: Callable[[], object] = bool) -> None:
        self._tracer = provider.get_tracer("gong-call-ingest", __version__)
        self._end = end

    @property
    def is_in_one(self) -> bool:
        """Tell whether this thread is in a span that is recorded."""
        return trace.get_current_span().is_recording()

    @contextmanager
    def span(self, name: str, kind: Kind, about: About, parent: str) -> Iterator[str]:
        """Make a span of a block; what ends it with an error is told by the error's class alone."""
        span = self._start(name, kind, about, parent)
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield traceparent_of(span)
        except BaseException as error:
            span.set_attribute("error.type", type(error).__qualname__)
            # Within a step an error is how a wait is told, and of a request to this API that it was refused.
            if kind not in {"internal", "server"}:
                span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            context.detach(token)
            span.end()

    def begin(self, name: str, about: About) -> Begun:
        """Begin a span that is no block, of something that is handed on."""
        return Begun(self._start(name, "producer", about, ""))

    def tell(self, about: About) -> None:
        """Say more of the span that this thread is in."""
        span = trace.get_current_span()
        span.set_attributes(_named(about))
        if about.get("state") == "dead":
            span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """Send what is not sent yet, as far as that goes within two seconds."""
        sending = threading.Thread(target=self._end, name="traces", daemon=True)
        sending.start()
        sending.join(END_WITHIN_S)

    def _start(self, name: str, kind: Kind, about: About, parent: str) -> Span:
        within = FORMAT.extract({"traceparent": parent}) if parent else None
        told = _named(fields_now()) | _named(about)
        return self._tracer.start_span(name, context=within, kind=KINDS[kind], attributes=told)


def traceparent_of(span: Span) -> str:
    """Write a span as what comes after it knows it by."""
    carrier: dict[str, str] = {}
    FORMAT.inject(carrier, trace.set_span_in_context(span))
    return carrier.get("traceparent", "")


def _named(about: Mapping[str, object]) -> dict[str, str | int | bool]:
    return {
        name if "." in name else PREFIX + name: value
        for name, value in about.items()
        if isinstance(value, str | int | bool)
    }
