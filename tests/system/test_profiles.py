"""People with more than one company: each profile has its own API, limits, ledger and secrets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from tests.recordings import make_recordings, media_in
from tests.servers import running_server
from tests.simulators import Simulator, running_simulator
from tests.system.machine import Command, Machine
from tests.system.scenarios import LIMITS, scenario
from tests.waiting import await_true

ACME, GLOBEX = "secret-of-acme", "secret-of-globex"
# Slower than the default, so that it is the profile's, however busy the machine is.
SLOW, FAST = 2.0, 100.0
OF_NO_COMPANY: dict[str, str | None] = dict.fromkeys(
    (
        "GONG_BASE_URL",
        "GONG_ACCESS_KEY",
        "GONG_ACCESS_KEY_SECRET",
        "GONG_INGEST_DATA_DIR",
        "GONG_INGEST_REQUESTS_PER_SECOND",
    )
)


def write_config(machine: Machine, text: str) -> None:
    config = machine.folder / "config.toml"
    config.write_text(text)
    config.chmod(0o600)
    machine.settings |= {
        **OF_NO_COMPANY,
        "GONG_INGEST_CONFIG": str(config),
        "XDG_DATA_HOME": str(machine.folder / "share"),
    }


def acme_at(simulator: Simulator) -> str:
    return f'[acme]\nbase_url = "{simulator.url}"\naccess_key = "demo-key"'


def rate_of(simulator: Simulator) -> float:
    """Requests a second, between the first and the last one that arrived."""
    times: list[float] = [at for at, *_ in simulator.sent()]
    return (len(times) - 1) / (max(times) - min(times))


@scenario(access_key_secret=ACME)
def test_two_companies_at_once_share_nothing(machine: Machine, simulator: Simulator, folder: Path) -> None:
    acme, globex = (make_recordings(folder / name, count) for name, count in (("acme", 30), ("globex", 10)))
    asked = machine.folder / "asked"
    with running_simulator(**LIMITS, access_key_secret=GLOBEX) as other:
        write_config(
            machine,
            f"""
            default = "acme"
            {acme_at(simulator)}
            access_key_secret = {{ command = ["./print-secret"] }}
            requests_per_second = {FAST}
            [globex]
            base_url = "{other.url}"
            access_key = "demo-key"
            access_key_secret = {{ file = "globex.secret" }}
            requests_per_second = {SLOW}
            """,
        )
        printing = machine.folder / "print-secret"
        printing.write_text(f"#!/bin/sh\necho asked >> {asked}\necho {ACME}\n")
        printing.chmod(0o700)
        (machine.folder / "globex.secret").write_text(f"{GLOBEX}\n")
        status = machine.run("status", "--json")
        assert (status.code, status.document["batches"]) == (0, [])
        assert not asked.exists()

        one = machine.start("backfill", acme.manifest, "--json")
        two = machine.start("--profile", "globex", "backfill", globex.manifest, "--json")
        await_true(lambda: other.health()["requests"] >= 2, "requests arrive", within_s=30)
        arguments = [process.arguments for process in machine.processes()]
        finished = [one.finish(), two.finish()]

        assert [each.code for each in finished] == [0, 0], [each.written for each in finished]
        assert [each.document["done"] for each in finished] == [30, 10]
        assert media_in(simulator) == acme.expected()
        assert media_in(other) == globex.expected()
        assert rate_of(other) < SLOW * 1.3 < rate_of(simulator)
    # The command's workers did not ask again, and nobody saw what it was told.
    assert asked.read_text() == "asked\n"
    assert len(arguments) > 4
    written = "\n".join([*arguments, *(each.written for each in finished)])
    assert not [secret for secret in (ACME, GLOBEX) if secret in written]
    of_globex = machine.run("status", "--profile", "globex", "--json")
    assert [batch["total"] for batch in of_globex.document["batches"]] == [10]
    assert not machine.processes()


def start_celery(machine: Machine, profile: str, log: Path) -> Command:
    """Start a worker by itself, as a container does."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "workers",
        "--quiet",
        "worker",
        "-Q",
        "calls,media",
        "-c",
        "2",
    ]
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, "--without-gossip", "--without-mingle"],
            env=machine.environment({"GONG_INGEST_PROFILE": profile}),
            cwd=Path(__file__).parents[2],
            text=True,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    return Command(process, machine)


@scenario(access_key_secret=ACME)
def test_workers_of_a_profile_use_its_server_and_its_limits(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 10)
    with running_server() as server:
        write_config(
            machine,
            f"""
            {acme_at(simulator)}
            access_key_secret = "{ACME}"
            redis_url = "{server.url}"
            media_roots = ["{recordings.folder}"]
            requests_per_second = {SLOW}
            """,
        )
        log = machine.folder / "celery.log"
        celery = start_celery(machine, "acme", log)
        worker = machine.start("worker", "--profile", "acme", "--queue", "media", "--json")

        finished = machine.run("backfill", recordings.manifest, "--json", "--profile", "acme")

        assert (finished.code, finished.document["done"]) == (0, 10), finished.written + log.read_text()
        assert rate_of(simulator) < SLOW * 1.3
        assert {key.partition(":")[0] for key in server.client.scan_iter()} == {"gong-ingest-acme"}
        for each in (celery, worker):
            each.interrupt(signal.SIGTERM)
        stopped, _ = worker.finish(), celery.finish()
        ready = json.loads(stopped.stdout)
        assert ready["workers"].keys() == {"media"}
        assert (ready["namespace"], ready["server"]) == ("gong-ingest-acme", str(server.socket))
        assert ACME not in stopped.written + log.read_text()


@scenario()
def test_a_command_that_gives_no_secret_ends_the_run_before_anything_is_done(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 1)
    write_config(
        machine,
        f"""
        {acme_at(simulator)}
        access_key_secret = {{ command = ["sh", "-c", "echo {ACME}; exit 1"] }}
        """,
    )

    finished = machine.run("--profile", "acme", "backfill", recordings.manifest)

    assert finished.code == 2
    assert finished.stderr == (
        f"gong-ingest: access_key_secret in profile acme of {machine.folder}/config.toml: "
        "the command sh failed with exit code 1; run it by hand to see why.\n"
    )
    assert not machine.processes()
