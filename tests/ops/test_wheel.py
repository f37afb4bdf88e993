"""The wheel as somebody installs it with pip or pipx: all that it needs is in it, and nothing of the tree."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.supply.locks import RUNTIME, runtime_of

pytestmark = pytest.mark.long

TREE = Path(__file__).parents[2]
PACKAGES = ("pipeline", "workers")
# What those who run it need beside it, as `share/gong-call-ingest` has it.
BESIDE = ("grafana", "prometheus", "redis", "systemd", "runbook.md", "runbook")
OF_BUILD = ("pyproject.toml", "README.md", "LICENSE", "ops", *PACKAGES)
NONE: Mapping[str, str] = MappingProxyType({})
SUPPLY = Path(sys.prefix) / "supply" / "bin"


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] = NONE, umask: int = 0o022) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GONG", "PYTHON"))}
    process = subprocess.run(
        command, cwd=cwd, env={**kept, **env}, umask=umask, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def built(folder: Path, *, env: Mapping[str, str] = NONE, umask: int = 0o022) -> Path:
    """Build the wheel from a copy of the sources, whose files have other times than those of the tree."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name in OF_BUILD:
        if (TREE / name).is_dir():
            shutil.copytree(
                TREE / name,
                source / name,
                ignore=shutil.ignore_patterns("__pycache__"),
                copy_function=shutil.copy,
            )
        else:
            shutil.copy(TREE / name, source / name)
    options = ("--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir")
    run(sys.executable, "-m", "pip", "wheel", *options, folder, source, cwd=folder, umask=umask, env=env)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


def files_of(*places: Path) -> list[Path]:
    within = [path for place in places for path in (place, *place.rglob("*"))]
    return [path for path in within if path.is_file() and "__pycache__" not in path.parts]


def test_it_holds_every_file_of_the_packages_and_of_what_belongs_beside_them(wheel: Path) -> None:
    packages = files_of(*(TREE / name for name in PACKAGES))
    beside = files_of(*(TREE / "ops" / name for name in BESIDE))
    data = f"{wheel.name.rpartition('-py3')[0]}.data/data/share/gong-call-ingest"
    there = {path.relative_to(TREE).as_posix() for path in packages}
    there |= {f"{data}/{path.relative_to(TREE / 'ops').as_posix()}" for path in beside}

    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert packed == there
    kinds = {Path(name).suffix for name in packed}
    assert kinds >= {".py", ".lua", ".typed", ".html", ".css", ".js", ".json", ".yml", ".acl", ".service"}


def test_it_is_the_same_whoever_builds_it(wheel: Path, tmp_path: Path) -> None:
    again = built(tmp_path, umask=0o077, env={"TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONHASHSEED": "7"})

    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()


def test_what_is_installed_from_it_brings_recordings_in(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "installed"
    venv.create(home, with_pip=True)
    pip = (home / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "-r", TREE / "requirements.lock", cwd=tmp_path)
    # It finds all that it asks for among what is locked.
    run(*pip, "--no-index", wheel, cwd=tmp_path)
    command = home / "bin" / "gong-ingest"

    (where,) = run(
        home / "bin" / "python", "-c", "import pipeline; print(*pipeline.__path__)", cwd=tmp_path
    ).split()
    document: dict[str, Any] = json.loads(run(command, "demo", "--recordings", "2", "--json", cwd=tmp_path))

    assert Path(where).is_relative_to(home)
    assert document == {"recordings": 2, "intact": 2, "calls": 2, "refused_requests": 0}
    assert run(command, "--version", cwd=tmp_path).startswith("gong-ingest")


def test_pipx_installs_it_with_what_belongs_beside_it(wheel: Path, tmp_path: Path) -> None:
    pipx = SUPPLY / "pipx"
    if not pipx.exists():
        pytest.fail("pipx is not there: make long")
    places = {
        "HOME": str(tmp_path),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
    }
    pins = tmp_path / "pins.txt"
    pins.write_text("".join(f"{each.name}=={each.version}\n" for each in runtime_of(RUNTIME[:1]).values()))

    run(pipx, "install", "--pip-args", f"--constraint {pins}", wheel, cwd=tmp_path, env=places)
    command = tmp_path / "bin" / "gong-ingest"
    document = json.loads(run(command, "demo", "--recordings", "2", "--json", cwd=tmp_path, env=places))

    assert document == {"recordings": 2, "intact": 2, "calls": 2, "refused_requests": 0}
    share = tmp_path / "pipx" / "venvs" / "gong-call-ingest" / "share" / "gong-call-ingest"
    for path in files_of(*(TREE / "ops" / name for name in BESIDE)):
        assert (share / path.relative_to(TREE / "ops")).read_bytes() == path.read_bytes()
    dashboard = json.loads((share / "grafana" / "dashboards" / "gong-ingest.json").read_text("utf-8"))
    assert dashboard["panels"]
