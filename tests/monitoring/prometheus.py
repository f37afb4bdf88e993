"""Starts Prometheus for tests: a process of its own on a port of its own, with the project's rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.expressions import ALERTS, OPS
from tests.scraping import free_port, get
from tests.waiting import await_true

READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0


def program(name: str) -> str:
    """Find a program of Debian's package.

    Raises:
        FileNotFoundError: It is not installed.
    """
    path = shutil.which(name)
    if path is None:
        raise FileNotFoundError(f"{name} is missing: apt-get install prometheus")
    return path


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus that runs."""

    port: int

    def ask(self, path: str, **query: str) -> tuple[int, dict[str, Any]]:
        """Ask its API; gives the status and the answer."""
        status, text = get(self.port, f"/api/v1/{path}?{urlencode(query)}")
        return status, json.loads(text)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Evaluate an expression now.

        Raises:
            ValueError: It is none.
        """
        status, answer = self.ask("query", query=expression)
        if status != 200:
            raise ValueError(f"{expression}: {answer['error']}")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, expression: str) -> float | None:
        """Evaluate an expression that has at most one series."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        """Name the alerts that stand now, also those that are still waited for."""
        _, answer = self.ask("alerts")
        return {alert["labels"]["alertname"] for alert in answer["data"]["alerts"]}


@contextmanager
def running_prometheus(folder: Path, targets: list[str]) -> Iterator[Prometheus]:
    """Run one as ops/prometheus/prometheus.yml says, but at once and for these targets."""
    config = yaml.safe_load((OPS / "prometheus" / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(ALERTS)]
    config["scrape_configs"][0]["static_configs"] = [{"targets": targets}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    prometheus = Prometheus(free_port())
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{prometheus.port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            await_true(lambda: _is_ready(process, prometheus), "Prometheus is ready", within_s=READY_WITHIN_S)
            yield prometheus
        finally:
            process.terminate()
            process.wait(STOPPED_WITHIN_S)


def _is_ready(process: subprocess.Popen[bytes], prometheus: Prometheus) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"Prometheus ended with {process.returncode}; see its log.")
    try:
        return get(prometheus.port, "/-/ready")[0] == 200
    except ConnectionRefusedError:
        return False
