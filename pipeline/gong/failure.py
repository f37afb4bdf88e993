"""From the libraries' errors to RequestFailed: what the connection saw decides, not the error's name."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from pipeline.errors import RequestFailed
from pipeline.gong.exchange import Exchange


def request_failed(error: Exception, exchange: Exchange, host: str) -> RequestFailed:
    """Return the failure of an exchange with `host`."""
    causes = list(_causes(error))
    reason = reason_of(error)
    if not exchange.sent and any(isinstance(cause, ssl.SSLError) for cause in causes):
        return RequestFailed(
            "tls_failed",
            f"No secure connection to {host} ({reason}); check GONG_BASE_URL and REQUESTS_CA_BUNDLE.",
            sent=False,
        )
    if not exchange.sent:
        return RequestFailed(
            "connect_failed",
            f"No connection to {host} ({reason}); check GONG_BASE_URL, the network and any proxy.",
            sent=False,
        )
    if exchange.timed_out:
        return RequestFailed(
            "timed_out", f"{host} did not answer in time; what the request did is not known.", sent=True
        )
    return RequestFailed(
        "connection_lost",
        f"The connection to {host} broke before an answer ({reason}); what the request did is not known.",
        sent=True,
    )


def reason_of(error: Exception) -> str:
    """Say in a few words what was at the bottom of an error."""
    first = list(_causes(error))[-1]
    return getattr(first, "strerror", None) or str(first) or type(first).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give the error and what it came from, down to the first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
