"""Where spans go, by OpenTelemetry's own SDK and variables; imported only where traces are asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from pipeline import __version__
from pipeline.tracing import EXPORTER

SERVICE = "gong-ingest"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
BY_HTTP = "http/protobuf"


def sender() -> tuple[TracerProvider, Callable[[], object]]:
    """Give where spans are made, and what sends those that are not sent yet.

    Raises:
        ImportError: What they are sent by is not installed.
        ValueError: A variable asks for something that there is not.
    """
    processor = BatchSpanProcessor(_exporter())
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(processor)
    return provider, provider.shutdown


def _exporter() -> SpanExporter:
    kind = os.environ.get(EXPORTER, "").strip().lower() or "otlp"
    if kind == "console":
        # Not to standard output: that is for what a program reads.
        return ConsoleSpanExporter(out=sys.stderr)
    if kind != "otlp":
        raise ValueError(f"{EXPORTER} is {kind}; known are otlp, console and none")
    for name in PROTOCOLS:
        if (protocol := os.environ.get(name, "").strip().lower()) not in {"", BY_HTTP}:
            raise ValueError(f"{name} is {protocol}; known is {BY_HTTP}")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - slow to import
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def _resource() -> Resource:
    """Say who sends them; what the variables say of it goes before."""
    own = {"service.name": SERVICE, "service.version": __version__}
    told = Resource.create().attributes
    given = {name: value for name, value in told.items() if not str(value).startswith("unknown_service")}
    return Resource({**own, **given})
