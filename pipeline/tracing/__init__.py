"""Traces for OpenTelemetry: one for a recording, from its handing in to its end (docs/traces.md).

Invariants: who asks for no traces has none of this: no library is imported, nothing is measured, and not a
byte more is kept or sent. Nothing waits for whoever collects them, and nothing fails because of them. A span
holds what is passed here by name and what the log's lines are about; never a text that somebody else wrote,
such as that of an exception, since that may hold a signed address or a key.
What crosses from one process to the next is a `traceparent` as the W3C defines it: the job's record has it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pipeline.tracing.spans import Begun, Spans

log = logging.getLogger(__name__)

Kind = Literal["producer", "consumer", "client", "server", "internal"]
# Names with a dot are OpenTelemetry's own; others are this program's, and begin with its name when sent.
About = Mapping[str, str | int | bool | None]

# OpenTelemetry's own variables, any of which asks for traces.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXPORTER = "OTEL_TRACES_EXPORTER"
NOT_INSTALLED = "{name} is not installed: pip install 'gong-call-ingest[otel]'"
NONE = nullcontext("")
NOTHING: About = MappingProxyType({})


def asked_for() -> str:
    """Give the variable that asks for traces; '' if none does."""
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = os.environ.get(EXPORTER, "").strip().lower()
    if disabled or exporter == "none":
        return ""
    return EXPORTER if exporter else next((name for name in ENDPOINTS if os.environ.get(name)), "")


def span(name: str, kind: Kind, about: About = NOTHING, *, parent: str = "") -> AbstractContextManager[str]:
    """Let a block be a span; gives the `traceparent` of what comes after it: without traces its parent's.

    Args:
        name: Of the kind of work, not of one piece of it.
        kind: As OpenTelemetry has it.
        about: What it tells beside what the log's lines are about.
        parent: The `traceparent` of what it belongs to; left out, the span that this thread is in.
    """
    spans = _spans()
    if spans is None:
        return nullcontext(parent) if parent else NONE
    return spans.span(name, kind, about, parent)


def part(name: str, about: About = NOTHING, *, kind: Kind = "client") -> AbstractContextManager[str]:
    """Let a block be a span if this thread is in one; what belongs to no recording is no trace of its own."""
    return span(name, kind, about) if is_in_one() else NONE


def is_in_one() -> bool:
    """Tell whether this thread is in a span that is recorded."""
    spans = _spans()
    return spans is not None and spans.is_in_one


def tell(about: About) -> None:
    """Say more of the span that this thread is in; None says nothing."""
    spans = _spans()
    if spans is not None:
        spans.tell(about)


def begin_each(name: str, abouts: Iterable[About]) -> list[Begun] | None:
    """Begin a span for each of many things that are handed on together; None without traces.

    The program that this runs in may have traces of its own, in which they are then.
    """
    spans = _spans() or _of_program()
    return None if spans is None else [spans.begin(name, about) for about in abouts]


def end() -> None:
    """Send what is not sent yet, for two seconds at most; the end of this process is near."""
    spans = _spans() if _made.cache_info().currsize else None
    if spans is not None:
        spans.end()


def why_none() -> str:
    """Say why no traces are sent although a variable asks for them; '' if they are."""
    return _made()[1]


def _spans() -> Spans | None:
    """Give what makes spans in this process and those that are forked from it; None without traces."""
    return _made()[0]


@cache
def _made() -> tuple[Spans | None, str]:
    variable = asked_for()
    if not variable:
        return None, ""
    try:
        from pipeline.tracing.sending import sender  # noqa: PLC0415 - only who wants traces has it
        from pipeline.tracing.spans import Spans  # noqa: PLC0415

        return Spans(*sender()), ""
    except ImportError as error:
        why = NOT_INSTALLED.format(name=error.name or "opentelemetry")
    except Exception as error:  # noqa: BLE001 - a variable that cannot be used keeps no recording from coming in
        why = str(error)
    log.warning("%s asks for traces, and none are sent: %s.", variable, why)
    return None, why


def _of_program() -> Spans | None:
    """Give what makes spans in a program that is in a span of its own right now."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None or not trace.get_current_span().get_span_context().is_valid:
        return None
    from pipeline.tracing.spans import Spans  # noqa: PLC0415

    return Spans(trace.get_tracer_provider())
