"""Fresh roots of Debian, as this machine's own mirror gives them, and commands in them.

A root has the release that this machine has, what is asked for from its packages, and nothing else. pip finds
its packages there as it does here: its configuration, and every file and folder that this names, are shown to
the root. Everything runs by systemd-nspawn, so nothing that is started in a root outlives the command, or the
machine, that it was started in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

TREE = Path(__file__).parents[2]
SOURCE = Path("/root/gong-call-ingest")
# Where a root has the certificates of this machine: a package of its own may write where they lie here.
CERTIFICATES = "/opt/certificates.pem"
MISSING = "{name} is not there; apt-get update && apt-get install debootstrap systemd-container"
NONE: Mapping[str, str] = MappingProxyType({})
# What an installer writes, and debootstrap does not.
HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
# A root has none of this machine's services, so packages that are installed there start none of theirs.
NO_SERVICES = "#!/bin/sh\nexit 101\n"


@dataclass(frozen=True, slots=True)
class Root:
    """A root that nobody uses but one test."""

    path: Path

    def run(
        self, script: str, *, env: Mapping[str, str] = NONE, within_s: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of bash as root in the folder of the clone; everything that it starts ends with it."""
        command = self.nspawn("--as-pid2", "--pipe", f"--chdir={SOURCE}", env=env)
        return subprocess.run(
            [*command, "/bin/bash", "-e", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    def nspawn(self, *options: str, env: Mapping[str, str] = NONE) -> list[str]:
        """Give the command line that runs something in this root."""
        binds = [f"--bind-ro={path}" for path in of_pip()]
        if trusted := certificates():
            binds.append(f"--bind-ro={trusted}:{CERTIFICATES}")
        variables = [f"--setenv={name}={value}" for name, value in {**carried(), **env}.items()]
        common = ("--quiet", "--register=no", "--keep-unit", "--resolv-conf=replace-host")
        return [program("systemd-nspawn"), *common, f"--directory={self.path}", *options, *binds, *variables]

    def clone(self) -> None:
        """Put what was committed last there, as `git clone` gives it."""
        target = self.path / SOURCE.relative_to("/")
        done("git", "clone", "--quiet", "--depth=1", TREE.as_uri(), str(target))

    def copy(self, path: Path) -> Root:
        """Make another root with all that is in this one."""
        done("cp", "--archive", str(self.path), str(path))
        return Root(path)


def make_root(path: Path, *packages: str) -> Root:
    """Make a root with these packages and what they need."""
    release, site = mirror()
    include = f"--include={','.join(packages)}"
    done(program("debootstrap"), "--variant=minbase", include, release, str(path), site)
    (path / "etc" / "hosts").write_text(HOSTS)
    policy = path / "usr" / "sbin" / "policy-rc.d"
    policy.write_text(NO_SERVICES)
    policy.chmod(0o755)
    return Root(path)


def mirror() -> tuple[str, str]:
    """Give Debian's release of this machine, and where its packages come from, as apt has it."""
    fields = dict(
        line.partition("=")[::2] for line in Path("/etc/os-release").read_text("utf-8").splitlines()
    )
    release = fields.get("VERSION_CODENAME", "")
    form = "$(ORIGIN) $(CODENAME) $(COMPONENT) $(SITE)"
    lines = done("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines()
    for line in lines:
        if line.startswith(f"Debian {release} main "):
            return release, line.rpartition(" ")[2]
    pytest.fail(f"apt has no mirror of Debian {release}: apt-get update")


def carried() -> dict[str, str]:
    """Give what the environment says of the way to packages: pip's own, proxies, and who is trusted."""
    own = ("PIP_", "http_proxy", "https_proxy", "no_proxy")
    trusted = {"PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"} if certificates() else set()
    variables = {name: value for name, value in os.environ.items() if name.startswith(own)}
    return variables | dict.fromkeys(trusted, CERTIFICATES)


def certificates() -> Path | None:
    """Give the file of those whom pip trusts here, if it is told one."""
    told = re.search(
        r"^global\.cert='(.*)'$", done(sys.executable, "-m", "pip", "config", "list"), re.MULTILINE
    )
    name = os.environ.get("PIP_CERT") or (told[1] if told else "")
    return Path(name) if name and Path(name).is_file() else None


def of_pip() -> list[Path]:
    """List the files and folders of this machine that pip's configuration lies in, and that it names."""
    told = done(sys.executable, "-m", "pip", "config", "debug")
    named = {_whole(Path(path)) for path in re.findall(r"(?:(?<=file://)|(?<![\w/:]))/[^\s',]+", told)}
    found = {path for path in named if path.exists() and path != certificates()}
    return sorted(path for path in found if not found & set(path.parents))


def _whole(path: Path) -> Path:
    """Give the folder of an index together with the files that it links to, which lie beside it."""
    return path.parent if path.name == "simple" else path


def program(name: str) -> str:
    """Find a program of the system's packages."""
    return shutil.which(name) or pytest.fail(MISSING.format(name=name))


def done(*command: str) -> str:
    """Run something here that must end well; gives what it printed."""
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, f"{' '.join(command)}\n{process.stdout}{process.stderr}"
    return process.stdout


def block(page: str, heading: str, number: int = 0) -> str:
    """Give a block of commands as it stands in a page of the tree, below a heading."""
    text = (TREE / page).read_text("utf-8")
    _, _, section = text.partition(f"\n## {heading}\n")
    section = section.partition("\n## ")[0]
    blocks: list[list[str]] = []
    before = ""
    for line in section.splitlines():
        if line.startswith("    "):
            if not before.startswith("    "):
                blocks.append([])
            blocks[-1].append(line[4:])
        before = line
    return "\n".join(blocks[number]) + "\n"


def at_the_end_of(process: subprocess.CompletedProcess[str], lines: int = 60) -> str:
    """Give the last lines of what a process printed, for who has to find out why it failed."""
    return "\n".join(_last(process.stdout, lines) + _last(process.stderr, lines))


def _last(text: str, lines: int) -> list[str]:
    return text.splitlines()[-lines:]
