"""Looks at the ledger when Prometheus asks.

Invariants: a server that is away or refuses is told as `gong_ingest_up 0`, within the time for one answer.
Nothing is kept between two scrapes but the connection, and nothing is asked before the first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

from pipeline import __version__
from pipeline.errors import LedgerRefused, LedgerUnreachable
from pipeline.events import Standing
from pipeline.ledger import Ledger
from pipeline.limiter import Limiter
from pipeline.metrics import catalogue as the
from pipeline.metrics.catalogue import METRICS, Kind, Metric
from pipeline.metrics.census import MOST_ACTIVE, Census
from pipeline.metrics.samples import Distribution, Sample, samples
from pipeline.overview import Observer
from pipeline.settings import Settings
from pipeline.settings.instant import instant_of
from pipeline.store import Store

log = logging.getLogger(__name__)

# A scrape has 10 s by default.
ANSWER_WITHIN_S = 2.0

FAMILIES: dict[Kind, type[GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily]] = {
    Kind.GAUGE: GaugeMetricFamily,
    Kind.COUNTER: CounterMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}


class LedgerCollector(Collector):
    """Every metric of one namespace; threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._store = Store.from_settings(settings, retries=0, answer_within_s=ANSWER_WITHIN_S)
        limiter = Limiter.from_settings(settings, self._store)
        self._observer = Observer(self._store, Ledger.from_settings(settings, self._store), limiter)
        self._done_by = instant_of(settings.done_by) if settings.done_by else None

    def describe(self) -> Iterator[Family]:
        """Name every metric; asks nobody."""
        return (_family(metric) for metric in METRICS)

    def collect(self) -> Iterator[Family]:
        """Look, and give every metric that is known now."""
        families: dict[str, Family] = {}
        for sample in self._look():
            metric = sample.metric
            family = families.setdefault(metric.name, _family(metric))
            if isinstance(sample, Sample):
                family.add_metric(sample.labels, float(sample.value))  # type: ignore[attr-defined]
            else:
                family.add_metric(sample.labels, sample.buckets, sample.total)  # type: ignore[attr-defined]
        return iter(families.values())

    def close(self) -> None:
        """Close the connection."""
        self._store.close()

    def _look(self) -> list[Sample | Distribution]:
        began = time.perf_counter()
        build = Sample(the.BUILD, 1, (__version__,))
        try:
            overview = self._observer.look()
            counted, deliveries = self._store.run_together(
                ("census", ("", MOST_ACTIVE)), ("deliveries", ("", "1"))
            )
        except (LedgerUnreachable, LedgerRefused) as error:
            log.warning("%s There are no metrics until then.", error)
            return [build, Sample(the.UP, 0)]
        census = Census.from_answer(*counted)
        found = list(samples(overview, census, Standing.from_answer(*deliveries), self._done_by))
        return [build, Sample(the.UP, 1), *found, Sample(the.SCRAPE, time.perf_counter() - began)]


def register(registry: CollectorRegistry, settings: Settings | None = None) -> LedgerCollector:
    """Let a registry tell the fleet's metrics; the settings are those of the environment unless given.

    Raises:
        SettingsInvalid: The server is missing, or a setting is wrong.
    """
    collector = LedgerCollector(settings or Settings.from_env())
    registry.register(collector)
    return collector


def _family(metric: Metric) -> Family:
    # the library writes the `_total` of a counter itself
    return FAMILIES[metric.kind](metric.name.removesuffix("_total"), metric.meaning, labels=metric.labels)
