"""OAuth as Gong has it: access tokens that end, refresh tokens that may be used once (`API.md`).

A refresh token that comes a second time is taken for a stolen one: the company is locked out, and every token
of it is refused until somebody authorizes anew with the code. That is the harshest that is known of such
servers. Requests for tokens go to another host than the API's, so the limits do not count them.
"""

from __future__ import annotations

import base64
import hmac
import string
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from pipeline.simulator.answers import Answer, Refused
from pipeline.simulator.chance import sequence
from pipeline.simulator.operations import Request
from pipeline.simulator.options import SimulatorOptions

PATH = "/oauth2/generate-customer-token"
MAX_BODY_BYTES = 64 * 1024


class Tokens:
    """The tokens of the company; the clock gives the seconds since the start."""

    def __init__(self, options: SimulatorOptions, clock: Callable[[], float]) -> None:
        client = f"{options.oauth_client_id}:{options.oauth_client_secret}"
        self._client = f"Basic {base64.b64encode(client.encode()).decode()}"
        self._code = options.oauth_code
        self._lifetime_s = options.token_lifetime_s
        self._clock = clock
        self._draws = sequence(options.seed, "tokens")
        self._ends: dict[str, float] = {}
        self._current = options.oauth_refresh_token
        self._used: set[str] = set()
        self._granted = self._reused = self._expired = 0
        self._is_locked = False

    def takes(self, access_token: str) -> bool:
        """Tell whether an access token holds."""
        ends_s = self._ends.get(access_token)
        if ends_s is not None and ends_s <= self._clock():
            self._expired += 1
        return ends_s is not None and ends_s > self._clock() and not self._is_locked

    def record(self) -> dict[str, object]:
        """Say what happened: pairs granted, refresh tokens that came again, requests with an ended token."""
        return {
            "granted": self._granted,
            "reused": self._reused,
            "expired": self._expired,
            "locked": self._is_locked,
            "tokens": [*self._ends, *self._used, self._current],
        }

    def grant(self, authorization: str, form: Mapping[str, str], base_url: str) -> Answer:
        """Give a pair for a refresh token or a code."""
        if not hmac.compare_digest(authorization.encode(), self._client.encode()):
            return Answer(401, {"error": "invalid_client"})
        match form:
            case {"grant_type": "authorization_code", "code": str(code), "redirect_uri": str()}:
                if not hmac.compare_digest(code.encode(), self._code.encode()):
                    return _refused()
                self._is_locked = False
            case {"grant_type": "refresh_token", "refresh_token": str(token)}:
                if token in self._used:
                    self._reused += 1
                    self._is_locked = True
                if self._is_locked or token != self._current:
                    return _refused()
            case _:
                return Answer(400, {"error": "invalid_request"})
        return self._new_pair(base_url)

    def _new_pair(self, base_url: str) -> Answer:
        self._used.add(self._current)
        access, self._current = self._draw("at"), self._draw("rt")
        self._ends[access] = self._clock() + self._lifetime_s
        self._granted += 1
        return Answer(
            200,
            {
                "access_token": access,
                "refresh_token": self._current,
                "token_type": "Bearer",
                "expires_in": self._lifetime_s,
                "scope": "api:calls:create api:users:read",
                "api_base_url_for_customer": base_url,
            },
        )

    def _draw(self, kind: str) -> str:
        return f"{kind}-{''.join(self._draws.choices(string.ascii_letters + string.digits, k=40))}"


class GenerateToken:
    """The operation: `POST /oauth2/generate-customer-token`, a form in the body."""

    def __init__(self, tokens: Tokens, request: Request) -> None:
        if request.content_type != "application/x-www-form-urlencoded" or request.query:
            raise Refused(Answer(400, {"error": "invalid_request"}))
        self._tokens = tokens
        self._request = request
        self._body = bytearray()

    def take(self, chunk: bytes) -> None:
        """Take the next bytes of the form."""
        self._body += chunk
        if len(self._body) > MAX_BODY_BYTES:
            raise Refused(Answer(413, {"error": "invalid_request"}))

    def finish(self) -> Answer:
        """Give a pair, or say why not."""
        headers = self._request.headers
        form = dict(parse_qsl(self._body.decode("utf-8", "replace")))
        return self._tokens.grant(headers.get("authorization", ""), form, f"http://{headers.get('host', '')}")


def _refused() -> Answer:
    return Answer(400, {"error": "invalid_grant"})
