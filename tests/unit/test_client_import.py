"""Who only hands recordings in imports nothing of what carries the work or speaks to the API."""

from __future__ import annotations

import subprocess
import sys

NEEDED = ("marshmallow", "platformdirs", "redis")
# What the start of Python itself has brought is not meant.
NEW_PACKAGES = """
import sys
before = set(sys.modules)
{imports}
names = {{name.split(".")[0] for name in set(sys.modules) - before}} - set(sys.stdlib_module_names)
print(" ".join(sorted(name for name in names if not name.startswith("_"))))
"""


def packages_of(imports: str) -> set[str]:
    """Give the packages that a fresh process has imported then."""
    return set(run(NEW_PACKAGES.format(imports=imports)).split())


def run(program: str) -> str:
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_the_client_imports_redis_and_marshmallow_and_no_more() -> None:
    """Redis-py itself imports what it finds of cryptography and opentelemetry."""
    needed = packages_of(f"import {', '.join(NEEDED)}")

    assert packages_of("from pipeline import Pipeline") == needed | {"pipeline"}
    assert needed.isdisjoint({"celery", "click", "flower", "kombu", "requests", "rich", "tornado"})


def test_the_compressor_is_imported_when_something_is_handed_in() -> None:
    look = "print('backports.zstd' in sys.modules or 'compression.zstd' in sys.modules)"
    encode = "from pipeline.payload import Payload; Payload('{}', None).encode()"

    assert run(f"import sys\nfrom pipeline import Pipeline\n{look}\n{encode}\n{look}") == "False\nTrue"


def test_the_package_alone_imports_nothing() -> None:
    look = "print(*sorted(name for name in sys.modules if name.split('.')[0] in ('pipeline', 'redis')))"

    assert run(f"import sys, pipeline\npipeline.__version__\n{look}") == "pipeline"


def test_the_package_has_no_other_name() -> None:
    message = "module 'pipeline' has no attribute 'Pipelines'"
    program = (
        f"import pipeline\ntry: pipeline.Pipelines\nexcept AttributeError as e: print(str(e) == {message!r})"
    )

    assert run(program) == "True"
