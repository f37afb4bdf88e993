"""What the doctor says of traces: nothing where nobody asks for them, else whether they can be sent."""

from __future__ import annotations

import pytest

from pipeline import tracing
from pipeline.doctor.traces import traces
from tests.integration.doctor.conftest import MakePatient


def test_nothing_is_said_of_traces_where_nobody_asks_for_them(make_patient: MakePatient) -> None:
    assert list(traces(make_patient())) == []


@pytest.mark.parametrize(
    ("variables", "level", "told"),
    [
        ({"OTEL_TRACES_EXPORTER": "console"}, "ok", "standard error"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "problem", "zipkin"),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
            "warning",
            "Nobody collects them at 127.0.0.1:9",
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "{collector}"}, "ok", "They are sent to 127.0.0.1:"),
    ],
)
def test_traces_that_cannot_be_sent_are_told(
    make_patient: MakePatient,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    level: str,
    told: str,
) -> None:
    patient = make_patient()
    for name, value in variables.items():
        # Any server will do as a collector that is there.
        monkeypatch.setenv(name, value.format(collector=patient.settings.base_url))
    tracing._made.cache_clear()
    try:
        (finding,) = traces(patient)
    finally:
        tracing.end()
        tracing._made.cache_clear()

    assert (finding.level, told in finding.seen) == (level, True), finding
