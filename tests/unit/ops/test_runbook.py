"""The runbook has an entry for each reason and code that the program knows, and none besides."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import pipeline
from pipeline.errors import IngestError, RecordingRefused, RequestFailed
from pipeline.limiter import REASONS
from pipeline.outcome.effect import Effect
from pipeline.outcome.table import ANSWERS, FAILURES
from tests.command_lines import check_command_line
from tests.expressions import OPS

PACKAGE = Path(pipeline.__file__).parent
PAGES = {path.relative_to(OPS): path for path in [OPS / "runbook.md", *(OPS / "runbook").glob("*.md")]}
TEXTS = {str(name): path.read_text("utf-8") for name, path in PAGES.items()}
# What a job can die of: at once, or when its attempts are spent.
DEADLY = {Effect.DEAD, Effect.BACKOFF, Effect.UNKNOWN}
# Codes that are another's, handed on.
HANDED_ON = {"error.code", "refused.code", "outcome.code", "malformed.code"}


def test_every_dead_letters_code_has_an_entry_and_every_entry_is_such_a_code() -> None:
    codes = {code.replace("{status}", "STATUS") for code in deadly_codes()}

    assert entries_of("runbook/dead-letters.md") == codes


def test_every_reason_of_a_closed_gate_has_an_entry() -> None:
    (section,) = re.findall(r"^## A closed gate$(.*?)^## ", TEXTS["runbook.md"], re.MULTILINE | re.DOTALL)

    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == REASONS


@pytest.mark.parametrize("section", TEXTS["runbook.md"].split("\n## ")[2:], ids=lambda text: text.split()[0])
def test_every_alert_has_a_command_to_look_or_to_act_with(section: str) -> None:
    assert re.search(r"`[^`]*(gong-ingest \w|curl |docker |systemctl |redis-cli |dmesg )[^`]*`", section)


def test_the_codes_are_found_where_they_are_made() -> None:
    codes = deadly_codes()

    # of the table, of an error's own class, of a constant, of a script, and put in the place of another
    assert {
        "server_error",
        "call_invalid",
        "media_address_forbidden",
        "worker_lost",
        "users_unreadable",
    } <= codes
    assert "already_posted" not in codes
    assert "unauthorized" not in codes


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_would_be_taken(page: str) -> None:
    for words in commands_in(TEXTS[page]):
        try:
            check_command_line(words)
        except click.UsageError as error:
            pytest.fail(f"{page}: gong-ingest {shlex.join(words)}: {error.format_message()}")


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    found = list(commands_in(TEXTS["runbook.md"]))

    assert ["gate", "show"] in found
    assert ["limits", "--requests-per-second", "2"] in found


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page: str) -> None:
    folder = PAGES[Path(page)].parent
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[page]):
        name, _, anchor = target.partition("#")
        path = (folder / name).resolve() if name else PAGES[Path(page)]
        assert path.exists(), f"{page} leads to {target}"
        headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE) if path.is_file() else []
        assert not anchor or anchor in {anchor_of(each) for each in headings}, f"{page} leads to {target}"


def anchor_of(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def entries_of(page: str) -> set[str]:
    """Give what stands in the first cell of the rows of a page's tables."""
    found = re.findall(r"^\| `(\w+)` \|", TEXTS[page], re.MULTILINE)
    assert len(found) == len(set(found))
    return set(found)


def commands_in(text: str) -> Iterator[list[str]]:
    """Give the arguments of each command of gong-ingest, with a number where the shell reckons."""
    blocks = re.findall(r"^ {4,}((?![-*|`]).*gong-ingest .*)$", text, re.MULTILINE)
    for line in [*blocks, *re.findall(r"`([^`\n]*gong-ingest [^`\n]*)`", text)]:
        command = line.partition("gong-ingest ")[2]
        if command[0] not in "._" and not command.startswith(("...", "-")):
            command = re.sub(r"\$\(\([^)]*\)\)", "1000", command)
            words = shlex.split(command, comments=True)
            yield words


def deadly_codes() -> set[str]:
    """Collect every code that a dead letter can have."""
    of_table = {row.code for row in ANSWERS if row.effect in DEADLY}
    # those of the failures are the errors' own, but for one
    (unavailable,) = [row.code for row in FAILURES if row.code == "media_unavailable"]
    of_scripts = {
        code
        for path in (PACKAGE / "lua").glob("*.lua")
        for code in re.findall(r"make_dead\([^'()]*'(\w+)'", path.read_text("utf-8"))
    }
    sources = [path for path in PACKAGE.rglob("*.py") if "simulator" not in path.parts]
    return {unavailable} | of_table | of_scripts | {code for path in sources for code in codes_in(path)}


def codes_in(path: Path) -> Iterator[str]:
    """Give the codes that a module makes errors and outcomes with."""
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and (given := code_given(node)) and ast.unparse(given) not in HANDED_ON:
            yield from read(given, name)


def code_given(call: ast.Call) -> ast.expr | None:
    """Find the code among the arguments of a call, if it makes what can be the end of a job."""
    match call.func:
        case ast.Name(id=made) if made in ERRORS and call.args:
            return call.args[0]
        case ast.Name(id="Outcome") if call.args and ends_job(call.args[0]):
            return of_deadly_branch(call.args[0], call.args[2])
        case ast.Name(id="replace"):
            return next((each.value for each in call.keywords if each.arg == "code"), None)
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            # an error of a class whose code is always the same
            return next((each for each in call.args[:1] if isinstance(each, ast.Constant)), None)
    return None


def of_deadly_branch(effect: ast.expr, code: ast.expr) -> ast.expr:
    """Give the code that goes with the effect that ends the job, where both depend on the same."""
    if isinstance(effect, ast.IfExp) and isinstance(code, ast.IfExp):
        assert ast.dump(effect.test) == ast.dump(code.test)
        return code.body if ends_job(effect.body) else code.orelse
    return code


def ends_job(effect: ast.expr) -> bool:
    """Tell whether an effect that is written out may be the end of a job."""
    written = ast.unparse(effect)
    return any(f"Effect.{each.name}" in written for each in DEADLY)


def read(given: ast.expr, module: str) -> Iterator[str]:
    """Give the codes that an expression stands for.

    Raises:
        AssertionError: It cannot be told, so nobody would know whether the runbook has it.
    """
    match given:
        case ast.Constant(value=str(code)):
            yield code
        case ast.IfExp(body=one, orelse=other):
            yield from read(one, module)
            yield from read(other, module)
        case ast.Name(id=constant) if constant.isupper():
            yield getattr(importlib.import_module(module), constant)
        case _:
            pytest.fail(f"{module}: {ast.unparse(given)} may be any code; write it out or name a constant.")


def _names_of(error: type[IngestError]) -> set[str]:
    return {error.__name__}.union(*(_names_of(each) for each in error.__subclasses__()))


# Those that are given their code.
ERRORS = (_names_of(RecordingRefused) | _names_of(RequestFailed)) - {
    "CallInvalid",
    "Conflict",
    "MessageMalformed",
}
