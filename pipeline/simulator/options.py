"""The settings of one simulator, checked when they are made.

Invariant: an instance that exists can be served; only the port may still turn out to be taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pipeline.simulator import faults

Policy = Literal["fixed", "sliding", "bucket"]
POLICIES: tuple[str, ...] = get_args(Policy)


class SimulatorRefused(Exception):
    """The simulator cannot be started as asked; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Everything that can be set.

    Attributes:
        port: TCP port to listen on; 0 lets the system choose a free one.
        requests_per_second: Requests per second of the whole company; may be fractional (`API.md`, Limits).
        requests_per_day: Requests per day of the whole company (`API.md`, Limits).
        policy: How both limits are counted, see `limits`.
        latency_s: Smallest and largest latency of an answer, drawn evenly, in seconds.
        faults: Faults on demand, in the words of `faults.parse`.
        seed: Where every draw starts from: faults, latencies, call ids and request ids.
        access_key: Accepted with `access_key_secret` as Basic authorization.
        access_token: Accepted as Bearer authorization; None refuses every Bearer token.
        oauth_client_id: OAuth client that may ask for tokens, with `oauth_client_secret`.
        oauth_refresh_token: The refresh token to begin with; it may be used once, like those that follow.
        oauth_code: Code of an authorization, which gives tokens as often as it is used.
        token_lifetime_s: How long each OAuth access token holds, in seconds.
        users: How many users the company has; `users.py` says which of them are disabled.
        duplicate_status: Status of the answer to a clientUniqueId that was posted before, 400 or 409.
        day_s: Length of a day in seconds, shorter to watch a day limit reopen.
        processing_s: How long a call with media stays out of the listings, in seconds.
    """

    port: int = 0
    host: str = "127.0.0.1"
    requests_per_second: float = 3.0
    requests_per_day: int = 10_000
    policy: Policy = "fixed"
    latency_s: tuple[float, float] = (0.0, 0.0)
    faults: str = ""
    seed: int = 0
    access_key: str = "demo-key"
    access_key_secret: str = "demo-secret"  # noqa: S105 - not a secret: the simulator's published default
    access_token: str | None = None
    oauth_client_id: str = "demo-client"
    oauth_client_secret: str = "demo-client-secret"  # noqa: S105 - as above
    oauth_refresh_token: str = "demo-refresh-token"  # noqa: S105 - as above
    oauth_code: str = "demo-code"
    token_lifetime_s: float = 86_400.0
    users: int = 25
    duplicate_status: int = 400
    day_s: float = 86_400.0
    processing_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be served.

        Raises:
            SimulatorRefused: One sentence for each setting that is wrong.
        """
        problems = [sentence for right, sentence in self._rules() if not right]
        try:
            faults.parse(self.faults)
        except faults.FaultsInvalid as error:
            problems.append(str(error))
        if problems:
            raise SimulatorRefused(" ".join(problems))

    def _rules(self) -> list[tuple[bool, str]]:
        low_s, high_s = self.latency_s
        return [
            (0 <= self.port <= 65_535, f"The port must lie between 0 and 65535, not {self.port}."),
            (
                0 < self.requests_per_second < math.inf,
                f"Requests per second must be more than 0, not {self.requests_per_second}.",
            ),
            (self.requests_per_day >= 1, f"Requests per day must be 1 or more, not {self.requests_per_day}."),
            (
                self.policy in POLICIES,
                f"The policy must be one of {', '.join(POLICIES)}, not {self.policy!r}.",
            ),
            (
                0 <= low_s <= high_s < math.inf,
                f"The latency must be two numbers of seconds, the smaller first, not {low_s}-{high_s}.",
            ),
            (
                bool(self.access_key and self.access_key_secret),
                "The access key and its secret must not be empty.",
            ),
            (
                ":" not in self.access_key,
                "The access key must not contain a colon: Basic authorization ends it there.",
            ),
            (
                0 < self.token_lifetime_s < math.inf,
                f"A token must last more than 0 seconds, not {self.token_lifetime_s}.",
            ),
            (
                bool(self.oauth_client_id and self.oauth_client_secret and self.oauth_refresh_token),
                "The OAuth client, its secret and the refresh token must not be empty.",
            ),
            (0 <= self.users <= 100_000, f"The users must number 0 to 100000, not {self.users}."),
            (
                self.duplicate_status in (400, 409),
                f"The status for a duplicate must be 400 or 409, not {self.duplicate_status}.",
            ),
            (0 < self.day_s < math.inf, f"A day must last more than 0 seconds, not {self.day_s}."),
            (
                0 <= self.processing_s < math.inf,
                f"Processing must take 0 seconds or more, not {self.processing_s}.",
            ),
        ]
