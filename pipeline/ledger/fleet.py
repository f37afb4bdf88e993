"""The workers that are alive, and how many jobs they may hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A worker that is alive, and what it told of itself.

    Attributes:
        name: Its own and its machine's, as Celery writes it: `media-17@host`.
        calls: Its processes for the queue of calls.
        media: Those for the queue of media.
        version: Of its program; '' if it told none.
        fingerprint: Of the settings that all should share (`settings/fingerprint.py`); '' if it told none.
    """

    name: str
    calls: int
    media: int
    version: str = ""
    fingerprint: str = ""

    @classmethod
    def from_answer(cls, name: str, calls: int, media: int, told: str) -> Member:
        """Read what the script `fleet` answers."""
        version, _, fingerprint = told.partition(" ")
        return cls(name, calls, media, version, fingerprint)

    @property
    def machine(self) -> str:
        """Give the name of its machine, or of its container."""
        return self.name.partition("@")[2]

    def processes(self, queue: str) -> int:
        """Give its processes for a queue."""
        return self.media if queue == "media" else self.calls


@dataclass(frozen=True, slots=True)
class Fleet:
    """The workers that are alive, and their processes for each queue."""

    workers: int
    calls: int
    media: int

    @classmethod
    def of(cls, members: Iterable[Member]) -> Fleet:
        """Count them."""
        listed = list(members)
        return cls(len(listed), sum(each.calls for each in listed), sum(each.media for each in listed))

    @property
    def window(self) -> int:
        """Say how many jobs the fleet may hold at once: one for each process that uploads.

        A fleet without processes for one of the queues could not finish a chain and gets none.
        """
        return self.media if self.calls else 0
