"""The points of the flow at which a process of `fatal_worker` or `fatal_intake` may kill itself.

What is wrapped: each step's begin, slot and record, each request, the other ends of an attempt, and the
publishing of a claimed job.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.job import Step

POINTS = (
    "postpone",
    *(f"begin_step {step}" for step in Step),
    *(f"acquire {step}" for step in (Step.CREATE_CALL, Step.UPLOAD_MEDIA)),
    *(f"request {step}" for step in (Step.CREATE_CALL, Step.UPLOAD_MEDIA)),
    *(f"record_step {step}" for step in Step),
    *("bury", "publish"),
)
MOMENTS = [f"{moment} {point}" for point in POINTS for moment in ("before", "after")]

SUBMIT = "submit"
INTAKE_SCRIPTS = ("look_at_intake", SUBMIT, "take_from_intake")


def intake_moments(deaths: int) -> list[str]:
    """List the moments of the intake, at each of which so many workers die."""
    return [
        f"{moment} {script} {death}"
        for script in INTAKE_SCRIPTS
        for moment in ("before", "after")
        for death in range(deaths)
        # only behind a look it is known whether there is something to lose
        if (moment, script) != ("before", "look_at_intake")
    ]


def plan_of(folder: Path) -> Path:
    """Give the file that names the moment planned for each clientUniqueId."""
    return folder / "plan.json"


def marker_of(folder: Path, moment: str) -> Path:
    """Give the file that tells that a process died at this moment."""
    return folder / f"died {moment}"
