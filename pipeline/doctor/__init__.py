"""Looks for what a newcomer gets wrong: settings, the ledger's server, the API, this machine, the fleet.

    finding.py      what a check tells: how bad it is, what was seen, what to do
    patient.py      what the checks look at
    server.py, rights.py, api.py, machine.py, fleet.py   the checks
    examination.py  lets all of them look side by side, each with a deadline

Invariants: nothing is changed, and one request at most is sent to the API, in a slot of the limiter. A check
that fails, or does not come to an end, hides no other.
"""

from pipeline.doctor.examination import examine
from pipeline.doctor.finding import Finding, Level
from pipeline.doctor.patient import Patient

__all__ = ["Finding", "Level", "Patient", "examine"]
