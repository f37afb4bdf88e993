"""What tests share, and scenarios, start processes from threads: each is told its environment."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]
STARTS = {"subprocess.Popen", "subprocess.run", "subprocess.check_call", "subprocess.check_output"}
# Started by the main thread, before any test.
EXCEPT = {"tests/__main__.py"}


def test_no_process_gets_an_environment_that_is_being_changed() -> None:
    modules = [*TESTS.glob("*.py"), *TESTS.glob("chaos/*.py"), *TESTS.glob("system/*.py")]
    starts = [
        (f"{path.relative_to(TESTS.parent)}:{node.lineno}", {keyword.arg for keyword in node.keywords})
        for path in modules
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in STARTS
    ]
    assert len(starts) > 20

    unnamed = [where for where, options in starts if "env" not in options]

    assert [where for where in unnamed if where.partition(":")[0] not in EXCEPT] == []
