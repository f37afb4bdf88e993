"""Names of profiles and batches on the command line: how they are given, and how a shell completes them.

Invariants: completing never asks for a secret, starts no server, writes nothing but names, and gives up
after a moment: a prompt that waits is worse than one without names.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

if TYPE_CHECKING:
    from pipeline.settings import Settings

# For all that the ledger's server is asked, with the connection to it.
ANSWER_WITHIN_S = 0.3

Decorated = TypeVar("Decorated", bound="Callable[..., Any] | click.Command")


@add_completion_class
class QuotingBashComplete(BashComplete):
    """Bash, which puts a name on the line as it is given: a blank in it would end the word."""

    name = "bash"

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Write a name with whatever means something to a shell quoted."""
        # Two backslashes: the script's `read` takes one away.
        quoted = re.sub(r"([^\w@%+=:,./-])", r"\\\\\1", item.value)
        return f"{item.type},{quoted}"


class Names(click.ParamType[str]):
    """A name of which some are known.

    Args:
        name: What stands for it in the help.
        known: Gives those that are known; whatever it raises on purpose means none.
    """

    def __init__(self, name: str, known: Callable[[], list[str]]) -> None:
        self.name = name
        self._known = known

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem[str]]:
        """Give the names that begin so."""
        from pipeline.errors import IngestError

        # A person at a prompt is told nothing else.
        logging.disable()
        try:
            return [CompletionItem(name) for name in self._known() if name.startswith(incomplete)]
        except IngestError:
            return []


def profile_option(decorated: Decorated) -> Decorated:
    """Add the option `--profile`, which is the same as GONG_INGEST_PROFILE; returns what it was given."""
    option = click.option(
        "--profile",
        type=PROFILES,
        expose_value=False,
        callback=_choose,
        help="Use the settings of this profile; GONG_INGEST_PROFILE when left out.",
    )
    return option(decorated)


def _choose(_context: click.Context, _option: click.Parameter, name: str | None) -> None:
    if name is None:
        return
    if not name:
        # As a script gives it that did not set its variable.
        raise click.BadParameter("the name is empty.")
    from pipeline.settings.environment import PROFILE

    # The settings are read from the environment, here and in what is started from here.
    os.environ[PROFILE] = name


def as_typed(words: str) -> str:
    """Write a command as a person here has to type it: for the same profile."""
    from pipeline.settings.environment import PROFILE

    profile = os.environ.get(PROFILE)
    return f"gong-ingest --profile {profile} {words}" if profile else f"gong-ingest {words}"


def _profiles() -> list[str]:
    from pipeline.settings.profiles import read_profiles

    return [profile.name for profile in read_profiles()]


def _batches() -> list[str]:
    from pipeline.embedded import address_of_running
    from pipeline.settings import SecretSource, Settings

    values = Settings.layers().values
    if any(isinstance(values.get(name), SecretSource) for name in ("redis_url", "redis_sentinel_password")):
        return []
    settings = Settings(**values)
    address = settings.redis_url or address_of_running(settings.data_dir)
    return _batches_at(replace(settings, redis_url=address)) if address else []


def _batches_at(settings: Settings) -> list[str]:
    """Ask a server for its batches; none when it does not answer in time, for whatever reason."""
    from pipeline.errors import IngestError
    from pipeline.store import Store

    found: list[str] = []

    def ask() -> None:
        try:
            store = Store.from_settings(settings, retries=0, answer_within_s=ANSWER_WITHIN_S)
            found.extend(store.run("batches"))
        except IngestError:
            return

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_WITHIN_S)
    return list(found)


PROFILES, BATCHES = Names("name", _profiles), Names("text", _batches)
