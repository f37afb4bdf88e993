"""The page of one recording, which tells its whole story, and the search that finds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tornado.escape import xhtml_escape
from tornado.web import HTTPError, authenticated

from pipeline.job import RECORDED, State, Step, job_id_of
from pipeline.ledger import Record, Story
from workers.flower import words
from workers.flower.page import GONE, Page

MISSING = words.MISSING
JOB_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class StepView:
    """A step as it is shown: `done`, `now`, `failed` or `later`, and a few words."""

    name: str
    state: str
    told: str


@dataclass(frozen=True, slots=True)
class CallView:
    """What is shown.

    Attributes:
        url: Of the call in Gong; empty while there is none that a browser may be sent to.
        details: Name and value, as HTML, of all that is known.
    """

    story: Story
    url: str
    steps: tuple[StepView, ...]
    details: tuple[tuple[str, str], ...]


class CallPage(Page):
    """`/call/<job id>`."""

    template, active = "gong_ingest/call.html", "batches"

    async def view(self, *parts: str) -> CallView:
        """Read the story.

        Raises:
            HTTPError: The ledger has no such job.
        """
        story = await self.window.ask(self.window.control.story, parts[0])
        if story is None:
            raise HTTPError(404, "The ledger has no such recording: it was never handed in, or is forgotten.")
        return call_view(story)


def call_view(story: Story) -> CallView:
    """Choose what is shown."""
    url = story.record.url or ""
    return CallView(
        story,
        url if url.startswith(("https://", "http://")) else "",
        tuple(steps_of(story)),
        tuple(details_of(story)),
    )


def steps_of(story: Story) -> Iterator[StepView]:
    """Tell how far each step is, by the last one recorded."""
    record = story.record
    recorded = [""] + [RECORDED[step] for step in Step]
    is_done = record.state == State.DONE
    reached = len(Step) if is_done else recorded.index(step_recorded(record))
    told = {Step.CREATE_CALL: f"call {record.call_id}" if record.call_id else "", Step.UPLOAD_MEDIA: ""}
    if record.bytes:
        told[Step.UPLOAD_MEDIA] = words.size(record.bytes)
    elif is_done:
        told[Step.UPLOAD_MEDIA] = "not needed: Gong pulls the media itself"
    for place, step in enumerate(Step):
        state = "done" if place < reached else "later"
        if place == reached:
            state = {State.ACTIVE.value: "now", State.DEAD.value: "failed"}.get(record.state, "later")
        yield StepView(words.step(step.value), state, told.get(step, ""))


def step_recorded(record: Record) -> str:
    """Give the last step recorded; of a dead letter the ledger tells at which one it died."""
    before = {
        Step.VALIDATE.value: "",
        Step.CREATE_CALL.value: "validated",
        Step.UPLOAD_MEDIA.value: "created",
    }
    return before.get(record.step, record.step)


def details_of(story: Story) -> Iterator[tuple[str, str]]:
    """List what is known, as HTML."""
    record = story.record
    yield "clientUniqueId", _text(record.client_unique_id)
    yield "Job", _code(record.job_id)
    yield "callId", _code(record.call_id)
    if record.adopted:
        yield "Adopted", "The call was in Gong before this job posted it."
    elif story.posted and not record.call_id:
        yield (
            "Posted",
            "A create was sent; what came of it is not known yet, and is found out by asking again.",
        )
    if story.lane:
        yield "Lane", _text(story.lane)
    yield "Failed attempts", words.number(record.attempts)
    yield "Media", words.size(record.bytes or story.size_bytes)
    yield "SHA-256", _code(record.sha256)
    yield "Handed in", words.moment(record.accepted_at, "exact")
    yield "Ended", words.moment(record.ended_at, "exact")
    if story.lease_ends_at:
        yield "Held until", words.moment(story.lease_ends_at, "exact")


def _text(value: str | None) -> str:
    return xhtml_escape(value) if value else MISSING


def _code(value: str | None) -> str:
    return f"<code>{xhtml_escape(value)}</code>" if value else MISSING


class FindCall(Page):
    """`/call?q=…`: goes on to the recording with that clientUniqueId, job id or id of its call in Gong."""

    template, active = "gong_ingest/not_found.html", "batches"

    @authenticated
    async def get(self, *_parts: str) -> None:
        """Look for it, and say so where there is none."""
        asked = self.given("q").strip()
        problem, job_id = "", None
        try:
            job_id = await self.window.ask(self._find, asked) if asked else None
        except GONE as error:
            problem = str(error)
            self.set_status(503)
        if job_id:
            self.redirect(self.address("call", job_id))
            return
        if asked and not problem:
            self.set_status(404)
        self.render(self.template, problem=problem, asked=asked, **self._names(None))

    def _find(self, asked: str) -> str | None:
        candidates = [job_id_of(asked), *([asked] if JOB_ID.fullmatch(asked) else [])]
        for job_id, state in zip(candidates, self.ledger.states(candidates), strict=True):
            if state:
                return job_id
        return self.window.manifests.find_call(asked) if is_call_id(asked) else None


def is_call_id(text: str) -> bool:
    """Tell whether Gong could have given a call that id."""
    return text.isascii() and text.isdecimal() and len(text) <= 20
