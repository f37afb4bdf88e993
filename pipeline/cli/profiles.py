"""`gong-ingest profiles`: the profiles in the file of settings, and where each setting comes from.

No secret is shown, and none that a command or a file holds is read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click

from pipeline.cli import ExitCode
from pipeline.cli.choices import PROFILES

MASK = "********"
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def profiles(context: click.Context, as_json: bool) -> int:
    """Show the profiles in the file of settings, and which of them is in use.

    \b
    Example of such a file, for two companies:
      default = "acme"
      [acme]
      base_url = "https://us-1234.api.gong.io"
      access_key = "ABC"
      access_key_secret = { command = ["pass", "gong/acme"] }
      [globex]
      base_url = "https://us-5678.api.gong.io"
      access_key = "DEF"
      access_key_secret = { file = "~/.secrets/gong-globex" }
      requests_per_second = 10
    Its use:
      gong-ingest profiles
      gong-ingest --profile globex backfill calls.jsonl
    """
    return ExitCode.DONE if context.invoked_subcommand else _list(as_json=as_json)


@profiles.command()
@click.argument("name", required=False, type=PROFILES)
@json_option
def show(name: str | None, as_json: bool) -> None:
    """Show every setting of the profile NAME, or of the one in use, and where it comes from.

    \b
    Example:
      gong-ingest profiles show acme
    """
    from pipeline.settings import Settings
    from pipeline.settings.environment import PROFILE

    if name:
        os.environ[PROFILE] = name
    layers = Settings.layers()
    held = {each.name: _default(each) for each in fields(Settings)} | layers.values
    settings = {
        name: {"value": _shown(name, value), "from": layers.origin(name), "variable": form.variable}
        for (name, value), form in zip(held.items(), Settings.forms().values(), strict=True)
    }
    if as_json:
        chosen = layers.profile.name if layers.profile else None
        click.echo(json.dumps({"profile": chosen, "settings": settings}))
    else:
        _print(settings)
    _refuse_contradictions(held, layers.placed)


def _list(*, as_json: bool) -> int:
    from pipeline.settings import Settings
    from pipeline.settings.environment import PROFILE
    from pipeline.settings.profiles import read_profiles

    found, forms = read_profiles(), Settings.forms()
    in_use = os.environ.get(PROFILE) or found.default
    read = {profile.name: profile.read(forms) for profile in found}
    listed = [
        {"name": name, "in_use": name == in_use, "base_url": values.get("base_url"), "problems": problems}
        for name, (values, problems) in read.items()
    ]
    if as_json:
        click.echo(json.dumps({"path": str(found.path), "profiles": listed}))
    else:
        _print_list(found.path, listed)
    problems = [problem for _, wrong in read.values() for problem in wrong]
    for problem in problems:
        click.echo(problem, err=True)
    return ExitCode.WRONG_USAGE if problems else ExitCode.DONE


def _default(setting: Any) -> Any:
    return setting.default_factory() if setting.default is MISSING else setting.default


def _shown(name: str, value: object) -> Any:
    """Give a value as it may be shown: of a secret only where it lies, of an address with one no password."""
    from pipeline.connecting import shown
    from pipeline.settings import SecretSource, Settings

    if isinstance(value, SecretSource):
        return f"({value})"
    if isinstance(value, str) and Settings.forms()[name].is_secret:
        return shown(value) if name == "redis_url" else MASK
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _refuse_contradictions(held: dict[str, Any], placed: Callable[[str], str]) -> None:
    """Refuse settings that contradict each other, but leave out what would have to be read for it.

    Raises:
        SettingsInvalid: They do.
    """
    from pipeline.errors import SettingsInvalid
    from pipeline.settings import SecretSource, Settings

    # What is said of the way to a server depends on its address.
    is_address_read = not isinstance(held["redis_url"], SecretSource)
    known = {name: value for name, value in held.items() if is_address_read or not name.startswith("redis_")}
    try:
        Settings(**known)
    except SettingsInvalid as error:
        raise SettingsInvalid(placed(str(error))) from None


def _print(settings: dict[str, dict[str, Any]]) -> None:
    rows = [(name, _text(each["value"]), _origin(each)) for name, each in settings.items()]
    _print_table(("setting", "value", "from"), rows)


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)


def _origin(each: dict[str, Any]) -> str:
    return str(each["variable"] if each["from"] == "environment" else each["from"])


def _print_list(path: Path, listed: list[dict[str, Any]]) -> None:
    if not listed:
        click.echo(f"No profiles in {path}; how to write them: gong-ingest profiles --help")
        return
    rows = [
        (each["name"], str(each["base_url"] or ""), "in use" if each["in_use"] else "") for each in listed
    ]
    _print_table(("profile", "address", ""), rows)
    click.echo(f"in {path}")


def _print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write columns as wide as they are, so that no path is folded."""
    table = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
