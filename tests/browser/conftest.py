"""A browser for each test, and one server for all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.browser import PICTURES, Browser, bring_axe, running_browser
from tests.flowers import LOGIN


@pytest.fixture(scope="session")
def tools() -> None:
    """All that comes from elsewhere."""
    bring_axe()
    PICTURES.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def browser(tools: None) -> Iterator[Browser]:
    """A browser whose person knows the password."""
    with running_browser() as running:
        running.log_in(LOGIN)
        running.look_like("light", 1440)
        yield running
