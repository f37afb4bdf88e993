"""Who is slow on the way to a slot, or with it."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from pipeline.gong import GongClient
from pipeline.limiter import Limiter, Notices, Refusal, Slot
from pipeline.outcome import Answer


class LongInComing(Limiter):
    """Hears of its first slot late."""

    vague = 1

    @classmethod
    def of(cls, limiter: Limiter) -> LongInComing:
        return cls(limiter._store, limiter.limits)

    def acquire(self, *args: Any, **kwargs: Any) -> Slot | Refusal:
        answer = super().acquire(*args, **kwargs)
        if isinstance(answer, Slot) and self.vague:
            self.vague -= 1
            return replace(answer, doubt_s=0.1)
        return answer


class CutOff(Notices):
    """Loses its subscription while a slot is waited for, so many times."""

    cuts = 1

    def follow(self, slot: Slot, timeout_s: float) -> Slot | None:
        if self.cuts:
            self.cuts -= 1
            return None
        return super().follow(slot, timeout_s)


class SlowToConnect(GongClient):
    """Takes longer to connect, the first time, than a slot holds."""

    @classmethod
    def of(cls, client: GongClient) -> SlowToConnect:
        slow = cls(client.base_url, access_key="demo-key", access_key_secret="demo-secret")
        slow.delays_s = [0.1]
        return slow

    delays_s: list[float]

    def connect(self) -> None:
        super().connect()
        if self.delays_s:
            threading.Event().wait(self.delays_s.pop())


class SlowToLeave(GongClient):
    """Loses its connection when the slot has come, and takes long to open another."""

    @classmethod
    def of(cls, client: GongClient) -> SlowToLeave:
        return cls(client.base_url, access_key="demo-key", access_key_secret="demo-secret")

    def create_call(self, *args: Any, **kwargs: Any) -> Answer:
        self._open_anew()
        return super().create_call(*args, **kwargs)

    def upload_media(self, *args: Any, **kwargs: Any) -> Answer:
        self._open_anew()
        return super().upload_media(*args, **kwargs)

    def _open_anew(self) -> None:
        self.close()
        threading.Event().wait(0.05)
