"""What the user that GONG_INGEST_REDIS_URL names may do: which roles it has the rights of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.doctor.finding import Finding, ok, problem
from pipeline.doctor.patient import Patient
from pipeline.rights import ROLES
from pipeline.rights.probing import ADMINISTERS, Try, missing, tries_of

# More than that are no longer read.
TOLD_MOST = 12


def rights(patient: Patient) -> Iterator[Finding]:
    """Try what each role needs; nothing of it is carried out."""
    if patient.store.refusals([ADMINISTERS.words]) == [""]:
        yield ok(
            "rights", "This user may administer the server; docs/redis.md gives each role a user of its own."
        )
        return
    tried = {role: tries_of(role, patient.settings.namespace) for role in ROLES}
    lacks = {role: _missing(patient, tries) for role, tries in tried.items()}
    has = [role.name for role, words in lacks.items() if not words]
    if has:
        yield ok("rights", f"This user has the rights of: {', '.join(has)}; and not of: {_others(has)}.")
        return
    # Whose rights it has the most of.
    nearest = max(ROLES, key=lambda role: (len(tried[role]) - len(lacks[role]), -len(lacks[role])))
    words = lacks[nearest]
    more = f" and {len(words) - TOLD_MOST} more" if len(words) > TOLD_MOST else ""
    yield problem(
        "rights",
        f"This user has the rights of no role; nearest is {nearest.name}, which it lacks "
        f"{' '.join(words[:TOLD_MOST])}{more} for.",
        f"ACL SETUSER NAME {' '.join(words)}",
    )


def _missing(patient: Patient, tries: Sequence[Try]) -> list[str]:
    return missing(tries, patient.store.refusals([each.words for each in tries]))


def _others(has: list[str]) -> str:
    return ", ".join(role.name for role in ROLES if role.name not in has) or "none"
