"""One run of the simulator: its clock, and everything that its requests share.

What a request meets, in this order; the first that says no answers it:

    1. an injected 429
    2. the limits, over all requests, with right and with wrong credentials
    3. the authorization, or an injected 401
    4. an injected 500
    5. the operation

Every request takes one from the limits, whatever its answer, but for those that are answered by 1 or 2, and
those for OAuth tokens, which Gong has on another host; these say themselves who may.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import string
import time

from pipeline.simulator import answers, faults
from pipeline.simulator.answers import Answer
from pipeline.simulator.chance import sequence
from pipeline.simulator.faults import Dice, Fate
from pipeline.simulator.limits import Limits, retry_after_s
from pipeline.simulator.oauth import Tokens
from pipeline.simulator.options import SimulatorOptions
from pipeline.simulator.record import RequestLog
from pipeline.simulator.routes import Route, Routes
from pipeline.simulator.state import Company


class Simulation:
    """The state of a running simulator.

    Attributes:
        started_at_s: Unix time at which its clock stood at 0.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self._monotonic_start_s = time.monotonic()
        self.started_at_s = time.time()
        self.log = RequestLog()
        self.dice = Dice(options.seed, faults.parse(options.faults), options.latency_s)
        self.company = Company(
            users=options.users, duplicate_status=options.duplicate_status, seed=options.seed
        )
        self.tokens = Tokens(options, self.clock)
        self.routes = Routes(self.company, self.tokens, self.clock, processing_s=options.processing_s)
        self._limits = Limits(
            options.policy,
            options.requests_per_second,
            options.requests_per_day,
            day_s=options.day_s,
            wall_start_s=self.started_at_s,
        )
        self._request_ids = sequence(options.seed, "request ids")

    def clock(self) -> float:
        """Return the seconds since the start, on the monotonic clock."""
        return time.monotonic() - self._monotonic_start_s

    def new_request_id(self) -> str:
        """Return a new requestId, of the form in openapi.json."""
        return "".join(self._request_ids.choices(string.ascii_lowercase + string.digits, k=19))

    def refuse(self, route: Route, fate: Fate, authorization: str, now_s: float) -> Answer | None:
        """Say why a request does not get to its operation, None when it does; take it from the limits."""
        if fate.kind == "429":
            return answers.injected(answers.too_many_requests(retry_after_s(fate.retry_after_s)))
        if route.endpoint != "token":
            wait_s = self._limits.admit(now_s)
            if wait_s > 0:
                return answers.too_many_requests(retry_after_s(wait_s))
            if not self._is_authorized(authorization):
                return answers.access_denied(route.denied_status)
        if fate.kind == "401":
            return answers.injected(answers.access_denied(route.denied_status))
        if fate.kind == "500":
            return answers.injected(answers.unexpected_error())
        return None

    def _is_authorized(self, authorization: str) -> bool:
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "bearer":
            token, given_token = self.options.access_token, credentials.strip()
            is_option = token is not None and hmac.compare_digest(given_token.encode(), token.encode())
            return is_option or self.tokens.takes(given_token)
        expected = f"{self.options.access_key}:{self.options.access_key_secret}"
        try:
            given = base64.b64decode(credentials.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, expected.encode())
