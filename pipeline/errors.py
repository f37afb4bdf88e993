"""The errors of the pipeline, in one tree by what the caller can do about them.

    IngestError
    ├── SettingsInvalid        fix the settings, then start again
    ├── ManifestUnreadable     fix the manifest's path or its form
    ├── RecordingRefused       fix the recording; sending it as it is would fail
    │   ├── CallInvalid            the call's metadata, with a problem for each field
    │   ├── Conflict               another content is known under its clientUniqueId
    │   ├── MessageMalformed       the message that carries it, with a problem for each part
    │   └── MediaRefused           the media, with a code
    ├── RecordingUnknown       check the clientUniqueId: it was never handed in, or is forgotten
    ├── MediaUnavailable       wait: the place where the media lies does not answer now
    ├── RequestFailed          ask again: the API may or may not have acted
    ├── LeaseLost              stop: another attempt owns the job now
    ├── WorkerStopping         hand the job back: this worker was asked to stop
    ├── PayloadUnknown         leave the job to a newer worker
    ├── LedgerUnreachable      wait: the ledger's server cannot be used now
    ├── LedgerRefused          mend the server, or this program: it refuses what it is asked, and always will
    ├── AccessAwaited          wait: another process is getting the OAuth token
    ├── AccessMissing          stop the fleet: there is no OAuth token to ask with; the text says what to do
    ├── AccessUnavailable      wait: the address that gives OAuth tokens does not answer, and none holds
    ├── CredentialsRefused     fix the key, then start again: the API does not take it
    └── WorkersFailed          read their log: the workers of this machine do not stay up

The text of every error is a sentence for a person: what was wrong, where, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


class IngestError(Exception):
    """Base of everything that this project raises on purpose."""


class SettingsInvalid(IngestError):
    """The settings contradict each other, are unknown or cannot be used."""


class ManifestUnreadable(IngestError):
    """The manifest as a whole cannot be read: it is missing, a folder, or of an unknown form."""


class RecordingRefused(IngestError):
    """The recording cannot be brought in as it is; no request is made for it.

    Attributes:
        code: One word for the reason, stable, used to group dead letters.
    """

    code: str

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field: its path (`parties.1.mediaChannelId`) and what would be right."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class CallInvalid(RecordingRefused):
    """The call's metadata breaks the rules of `POST /v2/calls`; `problems` names every field."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("call_invalid", "; ".join(map(str, problems)))
        self.problems = problems


class Conflict(RecordingRefused):
    """The ledger has another content under the same clientUniqueId, which stays as it is.

    Attributes:
        state: Of the recording that is there, a `State`.
        batch: Its batch.
        problems: As those of `CallInvalid`.
    """

    def __init__(self, client_unique_id: str, *, state: str, batch: str) -> None:
        problem = Problem(
            "clientUniqueId",
            f"{client_unique_id!r} is known with other content, {state} in the batch {batch!r}; "
            "the first one stays. Give another recording another clientUniqueId.",
        )
        super().__init__("conflict", str(problem))
        self.state = state
        self.batch = batch
        self.problems = (problem,)


class MessageMalformed(RecordingRefused):
    """A message does not have the form in which a recording is handed in.

    Attributes:
        problems: As those of `CallInvalid`.
        text: What could be read of the message.
        call: The call in it, if there seems to be one.
    """

    def __init__(self, *problems: Problem, text: str, call: object = None) -> None:
        super().__init__("message_malformed", "; ".join(map(str, problems)))
        self.problems = problems
        self.text = text
        self.call = call


class RecordingUnknown(IngestError):
    """The ledger has no recording of that clientUniqueId."""


class MediaRefused(RecordingRefused):
    """The media is missing, empty, too large, unreadable, changed while read, or not audio or video."""


def is_of_media(code: str) -> bool:
    """Tell of the code of whatever was refused whether its media was, and nothing else."""
    return code.startswith("media_")


class MediaUnavailable(IngestError):
    """The place where the media lies is slow or refuses for now."""


class RequestFailed(IngestError):
    """A request to the API ended without a complete answer.

    Attributes:
        code: `connect_failed`, `timed_out`, `connection_lost` or `tls_failed`.
        sent: Whether any byte of the request may have reached the API. If it may, the outcome is unknown.
    """

    def __init__(self, code: str, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.sent = sent


class LeaseLost(IngestError):
    """The lease ran out or was claimed by another attempt; whatever is held now must not be used."""

    @classmethod
    def to_another(cls, job_id: str) -> Self:
        """Say that another attempt has the job."""
        return cls(f"The lease on job {job_id} was lost to another attempt.")


class WorkerStopping(IngestError):
    """The worker was asked to stop; the job goes back, so that another one goes on at once."""


class PayloadUnknown(IngestError):
    """The job was written by a newer version of this program, which this one does not understand."""


class LedgerUnreachable(IngestError):
    """The ledger's server does not answer, or answers that it cannot write.

    Attributes:
        answers: To the first of many that were handed in together (`Pipeline.enqueue_many`); these are
            written.
    """

    answers: tuple[Any, ...] = ()


class LedgerRefused(IngestError):
    """The ledger's server refuses what it is asked to do; to ask again would not help.

    Attributes:
        answers: As those of `LedgerUnreachable`.
    """

    answers: tuple[Any, ...] = ()


class AccessAwaited(IngestError):
    """The OAuth token has ended, and another process is getting the next one.

    Attributes:
        wait_s: How long it takes at most.
    """

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class AccessMissing(IngestError):
    """There is no OAuth token to ask the API with, and none can be had until a person does something."""


class AccessUnavailable(IngestError):
    """There is no OAuth token to ask the API with, since the address that gives them does not answer."""


class CredentialsRefused(IngestError):
    """The API refuses the credentials, and nothing was brought in with them before."""


class WorkersFailed(IngestError):
    """The workers that this command started end as soon as they are started."""
