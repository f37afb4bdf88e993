"""The traces of this machine: whether what asks for them can be followed, and their collector be reached."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from pipeline import tracing
from pipeline.doctor.finding import Finding, ok, problem, warning
from pipeline.doctor.patient import Patient

# OpenTelemetry's own default.
DEFAULT_ENDPOINT = "http://localhost:4318"
CONNECT_WITHIN_S = 3.0


def traces(_patient: Patient) -> Iterator[Finding]:
    """Look whether traces can be sent; nothing is said where nobody asks for them."""
    variable = tracing.asked_for()
    if not variable:
        return
    if why := tracing.why_none():
        yield problem("traces", f"{variable} asks for them, and none are sent: {why}.", "Correct that.")
    elif os.environ.get(tracing.EXPORTER, "otlp").strip().lower() == "console":
        yield ok("traces", "They are written to standard error.")
    else:
        endpoint = next(filter(None, map(os.environ.get, tracing.ENDPOINTS)), DEFAULT_ENDPOINT)
        yield _reached(endpoint)


def _reached(endpoint: str) -> Finding:
    parts = urlsplit(endpoint)
    place = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_WITHIN_S).close()
    except OSError as error:
        return warning(
            "traces",
            f"Nobody collects them at {place}: {error.strerror or error}. Recordings come in all the same.",
            "Start a collector of OpenTelemetry there, or correct OTEL_EXPORTER_OTLP_ENDPOINT.",
        )
    return ok("traces", f"They are sent to {place}.")
