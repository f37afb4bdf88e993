"""The README says what the program does: its tables are held to the code."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from pipeline.cli import COMMANDS, ExitCode
from pipeline.settings import Settings, variable_of

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


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


def test_every_exit_code_stands_in_the_readme() -> None:
    missing = [code for code in ExitCode if f"\n| {code.value} | " not in README]
    assert not missing
