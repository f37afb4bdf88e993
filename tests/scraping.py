"""Reads a page of metrics as Prometheus does."""

from __future__ import annotations

import socket
from contextlib import closing
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

# By the name of a series and the values of its labels, in the order of the labels' names.
Scraped = dict[tuple[str, tuple[str, ...]], float]


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def get(port: int, path: str = "/metrics") -> tuple[int, str]:
    """Ask a server on this machine; gives the status and the page."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def numbers_in(page: str) -> Scraped:
    """Read every number of a page."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
