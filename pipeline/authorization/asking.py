"""Asking the token address, and what its answer means.

Invariant: no sentence repeats what was answered but a known word: an answer may repeat what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from pipeline.authorization.grants import ANEW
from pipeline.authorization.pair import Pair
from pipeline.errors import RequestFailed
from pipeline.gong import Answer, GongClient
from pipeline.outcome import retry_after_s

# How long nobody asks after a failure, and after a refusal that a person has to mend.
RETRY_S, REFUSED_RETRY_S, RETRY_MAX_S = 2.0, 30.0, 300.0
# RFC 6749, 5.2
ERRORS = frozenset(
    {"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"}
)
OF_CLIENT = frozenset({"invalid_client", "unauthorized_client", "unsupported_grant_type"})


@dataclass(frozen=True, slots=True)
class Nothing:
    """No tokens were given.

    Attributes:
        problem: A sentence that says why, and what to do.
        wait_s: How long nobody should ask again.
        is_refused: A person has to do something.
        is_lost: No further attempt with this grant can succeed.
    """

    problem: str
    wait_s: float = RETRY_S
    is_refused: bool = False
    is_lost: bool = False


def ask(client: GongClient, grant: Mapping[str, str]) -> Pair | Nothing:
    """Ask for tokens."""
    host = urlsplit(client.base_url).hostname
    try:
        answer = client.generate_token(grant)
    except RequestFailed as failed:
        what = failed.code.replace("_", " ")
        return Nothing(f"{host} gives no OAuth tokens ({what}); it is asked again. See GONG_OAUTH_TOKEN_URL.")
    pair = Pair.from_answer(answer, used=grant.get("refresh_token", ""))
    if pair and 200 <= answer.status < 300:
        return pair
    return nothing_of(answer, host or "")


def nothing_of(answer: Answer, host: str) -> Nothing:
    """Say what an answer without tokens means."""
    error = answer.body.get("error")
    word = error if isinstance(error, str) and error in ERRORS else f"HTTP {answer.status}"
    if word in OF_CLIENT or (answer.status in {401, 403} and word != "invalid_grant"):
        return Nothing(
            f"{host} refuses the OAuth client ({word}): check GONG_OAUTH_CLIENT_ID and "
            "GONG_OAUTH_CLIENT_SECRET.",
            REFUSED_RETRY_S,
            is_refused=True,
        )
    # A page of a server between says nothing of the grant.
    if (answer.status == 400 and answer.complete) or word == "invalid_grant":
        return Nothing(
            f"{host} refuses the OAuth refresh token ({word}): it was used before, perhaps by a request "
            f"whose answer was lost, or the authorization was withdrawn. {ANEW}",
            is_refused=True,
            is_lost=True,
        )
    asked_s = retry_after_s(answer.retry_after, default_s=RETRY_S, cap_s=RETRY_MAX_S, now=datetime.now(UTC))
    return Nothing(
        f"{host} gives no OAuth tokens ({word}); it is asked again. See GONG_OAUTH_TOKEN_URL.", asked_s
    )
