"""Lets all checks look side by side, each in a thread of its own and with a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.doctor import api, fleet, machine, rights, server
from pipeline.doctor import traces as tracing
from pipeline.doctor.finding import Finding, problem, warning
from pipeline.doctor.patient import Patient
from pipeline.errors import IngestError, LedgerRefused, LedgerUnreachable

Check = Callable[[Patient], Iterator[Finding]]

DEADLINE_S = 10.0
# A request to the API may wait for its slot, and for its answer.
API_DEADLINE_S = 45.0

# By the name under which one is told that tells nothing itself, in the order in which they are told.
CHECKS: dict[str, Check] = {
    "settings": machine.profile,
    "server": server.reached,
    "role": server.role,
    "memory": server.memory,
    "persistence": server.persistence,
    "clock": server.clock,
    "rights": rights.rights,
    "credentials": api.credentials,
    "media roots": machine.media_roots,
    "disk": machine.disk,
    "workers": fleet.workers,
    "queues": fleet.queues,
    "gate": fleet.gate,
    "traces": tracing.traces,
}


@dataclass(slots=True)
class _Running:
    name: str
    check: Check
    patient: Patient
    found: list[Finding] = field(default_factory=list)
    is_unknown: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, name=f"doctor-{self.name}", daemon=True).start()

    def _run(self) -> None:
        try:
            for finding in self.check(self.patient):
                self.found.append(finding)
        except LedgerUnreachable as error:
            # It is told once, where the server is told of.
            self.is_unknown = self.name != "server"
            if not self.is_unknown:
                self.found.append(
                    problem(self.name, str(error), "Start it, or correct GONG_INGEST_REDIS_URL.")
                )
        except LedgerRefused as error:
            self.found.append(
                problem(self.name, str(error), "See docs/redis.md for the rights of each role.")
            )
        except IngestError as error:
            self.found.append(problem(self.name, str(error), ""))
        except Exception as error:  # noqa: BLE001 - one that fails hides no other
            self.found.append(
                problem(
                    self.name,
                    f"This check failed: {type(error).__name__}: {error}",
                    "Report it with this sentence.",
                )
            )
        finally:
            self.ended.set()

    def findings(self, deadline: float) -> list[Finding]:
        if self.ended.wait(max(0.0, deadline - time.monotonic())):
            return self.found
        return [
            *self.found,
            warning(self.name, "Not known: this took too long.", "Run it again, or look at what it asks."),
        ]


def examine(
    patient: Patient, checks: Mapping[str, Check] = CHECKS, *, deadline_s: float = DEADLINE_S
) -> list[Finding]:
    """Look at everything; gives the findings in the order of the checks.

    Args:
        patient: What to look at.
        checks: By name.
        deadline_s: For each check but the one that asks the API.
    """
    began = time.monotonic()
    running = [_Running(name, check, patient) for name, check in checks.items()]
    for each in running:
        each.start()
    found: list[Finding] = []
    for each in running:
        allowed_s = max(deadline_s, API_DEADLINE_S) if each.check is api.credentials else deadline_s
        found += each.findings(began + allowed_s)
    if unknown := [each.name for each in running if each.is_unknown]:
        told = f"Nothing is known of {', '.join(unknown)}: the ledger's server cannot be used."
        found.append(warning("not looked at", told, "Mend what is said of the server, and run this again."))
    return found
