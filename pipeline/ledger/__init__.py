"""The ledger: jobs and batches, the truth of what is to be done and what was done.

Invariants: each method is one script of the same name in `lua/`, so each change is atomic on the server and
its rules stand there. Every write of an attempt shows the attempt's lease token; an old one writes nothing.
What a job means and where it may go: `job.py`. How the requests are paced: `limiter`.
"""

from pipeline.ledger.bundles import SUBMIT_BUNDLE, in_bundles
from pipeline.ledger.control import CANCELLED, Cancelled, Control, DeadReason
from pipeline.ledger.filled import Filled, Filling, Link
from pipeline.ledger.fleet import Fleet, Member
from pipeline.ledger.ledger import LOOK_UP_BUNDLE, Claims, Ledger
from pipeline.ledger.manifests import (
    CONFLICT,
    INTAKE_KEPT,
    INTAKE_MANIFEST,
    NO_MANIFEST,
    KnownManifest,
    Manifests,
)
from pipeline.ledger.record import Record, Rejected
from pipeline.ledger.refused import Refused
from pipeline.ledger.story import Event, Story
from pipeline.ledger.tokens import Attempt, Busy, Changed, Elsewhere, Stored, Tokens
from pipeline.ledger.under_way import UnderWay

__all__ = [
    "CANCELLED",
    "CONFLICT",
    "INTAKE_KEPT",
    "INTAKE_MANIFEST",
    "LOOK_UP_BUNDLE",
    "NO_MANIFEST",
    "SUBMIT_BUNDLE",
    "Attempt",
    "Busy",
    "Cancelled",
    "Changed",
    "Claims",
    "Control",
    "DeadReason",
    "Elsewhere",
    "Event",
    "Filled",
    "Filling",
    "Fleet",
    "KnownManifest",
    "Ledger",
    "Link",
    "Manifests",
    "Member",
    "Record",
    "Refused",
    "Rejected",
    "Stored",
    "Story",
    "Tokens",
    "UnderWay",
    "in_bundles",
]
