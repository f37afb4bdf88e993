"""One receiver for all of these tests, as new for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hook import Hook, running_hook


@pytest.fixture(scope="session")
def shared_hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hook]:
    with running_hook(tmp_path_factory.mktemp("hook")) as running:
        yield running


@pytest.fixture
def hook(shared_hook: Hook) -> Hook:
    shared_hook.forget()
    return shared_hook
