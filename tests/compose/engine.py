"""A fleet in containers: the tree as somebody would clone it, and the command line of Compose on it.

Everything belongs to one project of a name of its own, and is taken down with its volumes at the end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).parents[2]
# What the compose file and the image are made from.
CLONED = ("docker-compose.yml", ".dockerignore", "ops", "pipeline", "workers", "tests/compose")
FILES = ("docker-compose.yml", "tests/compose/override.yml")
# Those that are built here, by the variables that name them.
IMAGES = ("IMAGE", "REDIS_IMAGE", "PROMETHEUS_IMAGE")
DOCKER = shutil.which("docker") or ""
ENGINE_MISSING = (
    "There is no Docker engine that can be used: {why}. Install one with Compose (docker.io and "
    "docker-compose on Debian), start it, and let DOCKER_HOST name it if it is not the machine's own."
)


class Compose:
    """The command line of Compose in a clone of the tree."""

    def __init__(self, folder: Path, command: Sequence[str], **settings: str) -> None:
        self.folder = folder
        self.project = f"gong-ingest-test-{uuid.uuid4().hex[:8]}"
        self._command = command
        # With which the API lets this machine in.
        self.token = ""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("GONG", "COMPOSE"))
        }
        self.environment = (
            clean
            | {"COMPOSE_PROJECT_NAME": self.project, "COMPOSE_FILE": os.pathsep.join(FILES)}
            # The builder of engines with and without BuildKit; images have the project's name.
            | {name: f"{self.project}-{name.lower()}" for name in IMAGES}
            | settings
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command of Compose and return at once."""
        return subprocess.Popen(
            [*self._command, *arguments], cwd=self.folder, env=self.environment, text=True, **options
        )

    def run(self, *arguments: str) -> str:
        """Run a command of Compose; gives its standard output, and fails with all of it."""
        return self._run(*self._command, *arguments)

    def docker(self, *arguments: str) -> str:
        """Run a command of the engine; gives its standard output, and fails with all of it."""
        return self._run(DOCKER, *arguments)

    def code_of(self, container: str, *command: str) -> int:
        """Run a command in a container; gives its exit code."""
        return self._start_and_wait(DOCKER, "exec", container, *command).returncode

    def containers(self, *services: str) -> list[str]:
        """List the ids of the containers of some services that exist; of all when none is named."""
        return [text for text in self.run("ps", "-q", *services).split() if text]

    def inspect(self, container: str) -> dict[str, Any]:
        """Read what the engine knows of a container."""
        (document,) = json.loads(self.docker("inspect", container))
        found: dict[str, Any] = document
        return found

    def address_of(self, service: str, network: str) -> str:
        """Give the address of a service's only container; this machine needs no published port for it."""
        (container,) = self.containers(service)
        networks = self.inspect(container)["NetworkSettings"]["Networks"]
        address: str = networks[f"{self.project}_{network}"]["IPAddress"]
        return address

    def port_of(self, service: str) -> int:
        """Give the port of this machine at which a service with a single published port is reached."""
        (container,) = self.containers(service)
        ((binding,),) = self.inspect(container)["NetworkSettings"]["Ports"].values()
        return int(binding["HostPort"])

    def are_healthy(self, *services: str) -> bool:
        """Tell whether every container of some services runs, and its health check says that it is well."""
        states = [self.inspect(container)["State"] for container in self.containers(*services)]
        return bool(states) and all(state.get("Health", {}).get("Status") == "healthy" for state in states)

    def _run(self, *command: str) -> str:
        process = self._start_and_wait(*command)
        assert process.returncode == 0, f"{' '.join(command)}\n{process.stdout}{process.stderr}"
        return process.stdout

    def _start_and_wait(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )


@contextmanager
def cloned(folder: Path, **settings: str) -> Iterator[Compose]:
    """Copy the tree into a folder, and take down and remove at the end whatever was started from it."""
    _require_engine()
    for name in (*CLONED, *_files_of_build()):
        if (TREE / name).is_dir():
            shutil.copytree(TREE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TREE / name, folder / name)
    compose = Compose(folder, _command(), **settings)
    try:
        yield compose
    finally:
        compose.run("down", "--volumes", "--remove-orphans", "--timeout", "60")
        images = [compose.environment[name] for name in IMAGES]
        subprocess.run([DOCKER, "rmi", *images], capture_output=True, check=False)


def _files_of_build() -> Iterator[str]:
    """Name the single files that the Dockerfile copies, as .dockerignore lets them through."""
    for line in (TREE / ".dockerignore").read_text("utf-8").splitlines():
        if line.startswith("!") and (TREE / line[1:]).is_file():
            yield line[1:]


def _require_engine() -> None:
    if not DOCKER:
        pytest.fail(ENGINE_MISSING.format(why="the command docker is not there"))
    info = subprocess.run([DOCKER, "info"], capture_output=True, text=True, check=False)
    if info.returncode:
        pytest.fail(ENGINE_MISSING.format(why=info.stderr.strip().splitlines()[-1]))
    _command()


def _command() -> list[str]:
    """Give the command of Compose, as a plug-in of docker or as a program of its own."""
    plugin = subprocess.run([DOCKER, "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return [DOCKER, "compose"]
    if program := shutil.which("docker-compose"):
        return [program]
    pytest.fail(ENGINE_MISSING.format(why="neither docker compose nor docker-compose is there"))
