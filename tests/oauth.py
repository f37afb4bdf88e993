"""OAuth for tests: the variables for a simulator's client, and what must be seen nowhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

from tests.simulators import Simulator

CLIENT_ID, CLIENT_SECRET = "demo-client", "demo-client-secret"
REFRESH_TOKEN, CODE = "demo-refresh-token", "demo-code"
STORE_KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(32, 64))).decode()
PATH = "/oauth2/generate-customer-token"


def oauth_of(simulator: Simulator) -> dict[str, str]:
    """Give the variables with which a simulator is asked by OAuth, and at the address that it names."""
    return {
        "GONG_OAUTH_CLIENT_ID": CLIENT_ID,
        "GONG_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
        "GONG_OAUTH_REFRESH_TOKEN": REFRESH_TOKEN,
        "GONG_OAUTH_TOKEN_URL": simulator.url + PATH,
        "GONG_INGEST_STORE_KEY": STORE_KEY,
    }


def told(simulator: Simulator) -> dict[str, Any]:
    """Say what became of the simulator's tokens."""
    record: dict[str, Any] = simulator.record("calls=0&requests=0")["oauth"]
    return record


def secrets_of(simulator: Simulator) -> list[str]:
    """List everything that must be shown nowhere."""
    pair = f"{CLIENT_ID}:{CLIENT_SECRET}"
    return [CLIENT_SECRET, base64.b64encode(pair.encode()).decode(), STORE_KEY, *told(simulator)["tokens"]]


def leaked(secrets: Iterable[str], seen: str) -> list[str]:
    """List those secrets that stand in a text."""
    return [secret for secret in secrets if secret in seen]
