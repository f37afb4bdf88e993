"""The API: whether its address and the credentials are right, by one request for the list of users.

Invariants: the request leaves in a slot of the limiter, and only one is sent. What the API says of this
command's credentials closes no gate, since workers may have others; that a limit is reached does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pipeline.authorization import client_of
from pipeline.consequence import late_teller, tell_fleet
from pipeline.doctor.finding import Finding, ok, problem, warning
from pipeline.doctor.patient import Patient
from pipeline.errors import AccessAwaited, AccessMissing, AccessUnavailable, RequestFailed, SettingsInvalid
from pipeline.gong import GongClient
from pipeline.history import Endpoint, counted
from pipeline.job import Lane
from pipeline.limiter import Notices, Refusal, Slot
from pipeline.outcome import Answer, FleetEffect
from pipeline.people.answer import Page, page_of

# A slot further away is not waited for, and who misses so many has no time for one.
WAIT_MAX_S, SLOTS_MAX = 5.0, 5
# A Date header has whole seconds, and the way to and fro takes some.
CLOCKS_APART_S = 5.0

ADDRESS_ADVICE = "Correct GONG_BASE_URL: the address stands on Gong's page of API keys."


def credentials(patient: Patient) -> Iterator[Finding]:
    """Ask the API for the first page of users, if the settings say where it is and what with."""
    try:
        client = client_of(patient.settings, patient.store)
    except SettingsInvalid as error:
        yield problem(
            "credentials", str(error), "Where to find them: the README, Bring your own recordings in."
        )
        return
    if not patient.asks_api:
        yield ok("credentials", "They are set; whether the API takes them was not asked.")
        return
    with closing(client):
        try:
            client.prepare()
        except (AccessAwaited, AccessMissing, AccessUnavailable) as missing:
            yield problem("credentials", str(missing), "What to do about OAuth tokens: docs/oauth.md.")
            return
        try:
            # Nothing is sent yet.
            client.connect()
        except RequestFailed as failed:
            yield problem("API", str(failed), f"{ADDRESS_ADVICE} Or let this machine connect to it.")
            return
        slot = _slot(patient, client)
        if isinstance(slot, str):
            yield warning(
                "credentials", f"The API was not asked: {slot}.", "Run this again when requests may leave."
            )
        else:
            yield from _asked(patient, client, slot)


def _slot(patient: Patient, client: GongClient) -> Slot | str:
    """Wait for a slot; gives why there is none instead."""
    limiter, notices = patient.limiter, Notices(patient.store)
    notices.listen()
    missed: Slot | None = None
    lead_s, ends = 0.0, time.monotonic() + WAIT_MAX_S
    for _ in range(SLOTS_MAX):
        asked_at = time.monotonic()
        answer = limiter.acquire(Lane.LIVE, missed=missed, lead_s=lead_s)
        missed = None
        if isinstance(answer, Refusal):
            if answer.reason != "second" or time.monotonic() + answer.wait_s > ends:
                return _why(patient, answer)
            time.sleep(answer.wait_s)
            continue
        client.connect()
        ready_at = time.monotonic()
        slot = _followed(answer, notices)
        if slot and not slot.is_missed:
            return slot
        missed = slot or answer
        lead_s = ready_at - asked_at + 0.05
    if missed:
        limiter.give_up(missed)
    return "other requests were always first"


def _followed(slot: Slot, notices: Notices) -> Slot | None:
    """Wait for the instant; None if the slot was taken back."""
    followed: Slot | None = slot
    while followed and followed.wait_s > 0:
        followed = notices.follow(followed, followed.wait_s)
    return followed


def _why(patient: Patient, refusal: Refusal) -> str:
    if gate := patient.limiter.gate():
        return gate.sentence
    return "the day's requests are used up" if refusal.reason == "day" else "others wait for their turn"


def _asked(patient: Patient, client: GongClient, slot: Slot) -> Iterator[Finding]:
    result: Answer | RequestFailed
    try:
        result = client.list_users(on_left=late_teller(slot, patient.limiter))
    except RequestFailed as failed:
        result = failed
    answer = result if isinstance(result, Answer) else None
    patient.ledger.count(counted.request(Endpoint.LIST_USERS, slot.lane, answer.status if answer else None))
    page = page_of(result, key_works=False, now=datetime.now(UTC))
    if isinstance(page, Page):
        patient.limiter.note_success(slot)
        yield ok(
            "credentials",
            "The API takes them, and lets them read users. That they may create calls only a call shows.",
        )
    elif page.fleet is FleetEffect.CLOSE_RETRY_AFTER:
        tell_fleet(page, answer=answer, slot=slot, limiter=patient.limiter, failures_to_close=1)
        yield warning(
            "credentials",
            f"The API has had enough requests for now: {page.message}",
            "Wait; if nothing else runs here, somebody else uses the same key.",
        )
    else:
        yield _refused(patient, answer, page.message)
    if answer and answer.date:
        yield from _clock(answer.date)


def _refused(patient: Patient, answer: Answer | None, message: str) -> Finding:
    status = answer.status if answer else None
    said = f" It said: {'; '.join(answer.messages)}" if answer and answer.messages else ""
    if status == 401:
        return problem(
            "credentials",
            f"The API refuses them (401).{said}",
            "Check key and secret: both on Gong's page of API keys, of the same company as the address.",
        )
    if status == 403:
        return _forbidden(patient, said)
    if status in {404, 405, 501} or (status is not None and 300 <= status < 400):
        return problem("API", f"What answers there is not the API ({status}).{said}", ADDRESS_ADVICE)
    return problem(
        "API", message, "Look at the API and the way to it; what passes by itself is asked again by workers."
    )


def _forbidden(patient: Patient, said: str) -> Finding:
    if any(counts.created for counts in patient.ledger.batches()):
        return warning(
            "credentials",
            f"They create calls, and may not read users (403).{said}",
            "Give the key the scope api:users:read if recordings name users by email address.",
        )
    return problem(
        "credentials",
        f"The API lets them read no users (403), as a wrong key, or one without that scope.{said}",
        "Check key and secret, and that the key has the scopes api:calls:create and api:users:read.",
    )


def _clock(date: str) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(date)
        apart_s = (there - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return
    told = f"The API's clock and this machine's are {abs(apart_s):.0f} s apart"
    if abs(apart_s) > CLOCKS_APART_S:
        yield warning(
            "API's clock", f"{told}.", "Let this machine's be set by NTP: signed addresses follow it."
        )
    else:
        yield ok("API's clock", f"{told}.")
