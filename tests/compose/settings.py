"""What the fleet of these tests is set to, and what is asked of it again and again."""

from __future__ import annotations

from tests.compose.engine import Compose
from tests.waiting import await_true

PER_SECOND = 30
HEALTHY_WITHIN_S = 120.0
ROLES = ("redis", "calls", "media", "flower", "api", "prometheus", "simulator")
KEY = {
    "GONG_BASE_URL": "http://simulator:8080",
    "GONG_ACCESS_KEY": "demo-key",
    "GONG_ACCESS_KEY_SECRET": "demo-secret",
}


def await_healthy(compose: Compose) -> None:
    await_true(lambda: compose.are_healthy(*ROLES), "the fleet is well", within_s=HEALTHY_WITHIN_S)


def read(name: str, compose: Compose) -> str:
    return (compose.folder / "fleet" / name).read_text("utf-8").strip()
