"""An address at which Prometheus finds the metrics, beside workers of a fleet without Flower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from prometheus_client import start_http_server
from prometheus_client.registry import CollectorRegistry

from pipeline.errors import SettingsInvalid
from pipeline.metrics.collector import register
from pipeline.settings import Settings, variable_of


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Answer at the address of the settings for as long as the block runs; gives the address.

    Raises:
        SettingsInvalid: Nobody can listen there.
    """
    registry = CollectorRegistry()
    with closing(register(registry, settings)):
        try:
            server, thread = start_http_server(settings.metrics_port, settings.metrics_address, registry)
        except OSError as error:
            raise SettingsInvalid(
                f"Metrics cannot be served on {settings.metrics_address} port {settings.metrics_port}: "
                f"{error.strerror}. Change {variable_of('metrics_port')} or {variable_of('metrics_address')}."
            ) from error
        host = settings.metrics_address
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{settings.metrics_port}/metrics"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
