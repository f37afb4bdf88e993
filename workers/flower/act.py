"""What a person does to a batch here: pause, resume, cancel, and bring dead letters back.

Only where Flower has a password and is not read-only. Whether a request was made by a page of ours is
checked as for Flower's own actions: by where the browser says that it comes from, and with OAuth by a token.
"""

from __future__ import annotations

from collections.abc import Callable

from tornado.web import HTTPError, authenticated

from workers.flower.page import GONE, LIVE_HEADER, Page
from workers.flower.words import count_of


class Act(Page):
    """`/batch/act`."""

    async def get(self, *_parts: str) -> None:
        """Nothing is done by following a link."""
        raise HTTPError(405, "This address only takes what a page sends.")

    @authenticated
    async def post(self) -> None:
        """Do what `action` says to the batch of that `name`; 503 if the ledger's server cannot be used."""
        if self.why_no_actions:
            raise HTTPError(403, self.why_no_actions)
        action = ACTIONS.get(self.given("action"))
        if action is None:
            raise HTTPError(400, "There is no such action.")
        try:
            said = await self.window.ask(action, self, self.given("name"))
        except GONE as error:
            raise HTTPError(503, str(error)) from error
        self.window.forget_look()
        if self.request.headers.get(LIVE_HEADER):
            self.write({"said": said})
        else:
            self.redirect(self.address("batch", name=self.given("name")), status=303)


def _pause(act: Act, batch: str) -> str:
    changed = act.window.control.pause(batch)
    return (
        f"{batch} is paused; what is under way is finished first."
        if changed
        else f"{batch} was paused already."
    )


def _resume(act: Act, batch: str) -> str:
    return f"{batch} goes on." if act.window.control.resume(batch) else f"{batch} was not paused."


def _cancel(act: Act, batch: str) -> str:
    if act.given("sure") != "yes":
        raise HTTPError(400, "Nothing was cancelled: a cancel has to be confirmed.")
    cancelled = act.window.control.cancel(batch)
    rest = (
        f"; {cancelled.active:,} under way are finished, or cancelled if they fail"
        if cancelled.active
        else ""
    )
    return f"Cancelled {count_of(cancelled.jobs, 'recording')} of {batch}{rest}."


def _retry(act: Act, batch: str) -> str:
    """Bring back all dead letters of a batch, those of one `code`, or one `job`."""
    job, code = act.given("job"), act.given("code")
    count = act.window.control.retry(batch, code=code, job_ids=[job] if job else [])
    return f"Brought back {count_of(count, 'recording')}." if count else "There was nothing to bring back."


ACTIONS: dict[str, Callable[[Act, str], str]] = {
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "retry": _retry,
}
