"""The README says what the program does: its tables are held to the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click

from pipeline.cli import COMMANDS, Commands, ExitCode
from pipeline.settings import Settings, variable_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
FOR_PROGRAMS = (ROOT / "docs" / "json.md").read_text("utf-8")


def default_of(name: str) -> str:
    default = next(setting.default for setting in fields(Settings) if setting.name == name)
    if name == "data_dir":
        return "the platform's own place"
    if default is None or default == ():
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_stands_in_the_readme_with_its_default_and_meaning() -> None:
    rows = [
        f"| `{variable_of(setting.name)}` | {default_of(setting.name)} | {setting.metadata['help']} |"
        for setting in fields(Settings)
    ]
    missing = [row for row in rows if row not in README]
    assert not missing, "\n".join(missing)


def test_no_other_setting_stands_in_the_readme() -> None:
    named = {
        line.split("`")[1]
        for line in README.splitlines()
        if line.startswith(("| `GONG_", "| `AZURE_", "| `NAME"))
    }
    assert named == {variable_of(setting.name) for setting in fields(Settings)}


def test_every_command_stands_in_the_readme() -> None:
    missing = [name for name in COMMANDS if f"`gong-ingest {name}" not in README]
    assert not missing


def test_what_each_command_prints_for_programs_is_explained() -> None:
    group = Commands()
    commands = [group.get_command(click.Context(group), name) for name in COMMANDS]
    missing = [
        command.name
        for command in commands
        if command and any("--json" in each.opts for each in command.params)
        # a section, or a row or sentence that names it
        if not re.search(rf"^## {command.name}$|`{command.name}[ `]", FOR_PROGRAMS, re.MULTILINE)
    ]
    assert not missing


def test_every_exit_code_stands_in_the_readme() -> None:
    missing = [code for code in ExitCode if f"\n| {code.value} | " not in README]
    assert not missing
