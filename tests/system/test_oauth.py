"""OAuth as a user has it, and credentials that are replaced while workers run."""

from __future__ import annotations

import json
import signal
from contextlib import ExitStack
from pathlib import Path

from tests.oauth import CODE, leaked, oauth_of, secrets_of, told
from tests.recordings import make_recordings, media_in
from tests.servers import running_server
from tests.simulators import Simulator
from tests.system.machine import ACCESS_KEY, ACCESS_KEY_SECRET, PIPES, Machine
from tests.system.scenarios import scenario
from tests.waiting import await_true

NO_KEY: dict[str, str | None] = dict.fromkeys(("GONG_ACCESS_KEY", "GONG_ACCESS_KEY_SECRET", "GONG_BASE_URL"))


@scenario(token_lifetime_s=4, faults="token.500=0.2,create.500=0.1")
def test_nothing_of_oauth_is_shown_logged_or_stored_in_clear(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", 20)
    machine.settings |= NO_KEY | oauth_of(simulator)
    machine.settings |= {
        "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
        "GONG_INGEST_LOG_LEVEL": "DEBUG",
        "GONG_INGEST_REQUESTS_PER_SECOND": "8",
    }
    with running_server() as server, ExitStack() as stack:
        machine.settings["GONG_INGEST_REDIS_URL"] = server.url
        # a pipe that nobody reads would be full soon
        log = stack.enter_context((folder / "worker.log").open("w"))
        worker = machine.start("worker", "--json", popen={**PIPES, "stderr": log})
        backfill = machine.start("backfill", recordings.manifest, "--json")
        await_true(lambda: told(simulator)["granted"] >= 2, "tokens are refreshed", within_s=60)
        arguments = [process.arguments for process in machine.processes()]
        shown = [
            machine.run(*words).written for words in (("status", "--json"), ("gate", "show"), ("profiles",))
        ]
        finished = backfill.finish(within_s=120)
        worker.interrupt(signal.SIGTERM)
        shown.append(worker.finish().written)
        logged = (folder / "worker.log").read_text("utf-8")
        shown.append(machine.run("report", "calls", "--format", "jsonl").written)

        assert finished.code == 0, finished.written
        assert media_in(simulator) == recordings.expected()
        folders = (Path(server.url.removeprefix("unix://")).parent, machine.data, machine.folder / "home")
        written = [path.read_bytes() for each in folders for path in each.rglob("*") if path.is_file()]

    seen = "\n".join([finished.written, logged, *arguments, *shown])
    seen += b"".join(written).decode(errors="replace")
    assert "sealed" in seen
    assert "calls.upload" in logged
    assert leaked(secrets_of(simulator), seen) == []


@scenario(token_lifetime_s=3600, oauth_refresh_token="another")
def test_a_lost_refresh_token_closes_the_gate_with_what_to_do_and_a_new_authorization_opens_it(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    # given a refresh token that the API does not take
    recordings = make_recordings(folder / "recordings", 3)
    machine.settings |= NO_KEY | oauth_of(simulator)
    machine.settings["GONG_INGEST_MEDIA_ROOTS"] = str(recordings.folder)
    with running_server() as server:
        machine.settings["GONG_INGEST_REDIS_URL"] = server.url
        worker = machine.start("worker")
        machine.run("backfill", recordings.manifest, "--no-wait")

        # then the gate says what a person has to do, and nothing was asked of the API
        def gate() -> dict[str, str]:
            found: dict[str, str] | None = machine.run("gate", "show", "--json").document["gate"]
            return found or {}

        await_true(lambda: "gong-ingest authorize" in gate().get("detail", ""), "it says so", within_s=60)
        assert gate()["reason"] == "unauthorized"
        assert "create" not in simulator.record()["totals"]

        # when that is done: the address that the browser was led to is pasted
        authorize = machine.start("authorize", "--redirect-uri", "https://example.com/oauth", "--json")
        authorized = authorize.finish(CODE + "\n")
        assert authorized.code == 0, authorized.written
        assert json.loads(authorized.stdout) == {"base_url": simulator.url, "lifetime_s": 3600.0}
        assert (
            f"{simulator.url}/oauth2/authorize?client_id=demo-client&response_type=code" in authorized.stderr
        )
        finished = machine.run("backfill", recordings.manifest, within_s=90)
        worker.interrupt(signal.SIGTERM)
        worker.finish()
    assert finished.code == 0, finished.written
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_a_key_that_is_replaced_in_its_file_is_used_without_a_restart(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    # given workers whose key lies in a file and is wrong, and whose secret is printed by a command
    recordings = make_recordings(folder / "recordings", 6)
    key, secret = folder / "key", folder / "secret"
    key.write_text("revoked-key\n")
    secret.write_text("revoked-secret\n")
    config = folder / "config.toml"
    config.write_text(
        f'[default]\naccess_key = {{ file = "{key}" }}\n'
        f'access_key_secret = {{ command = ["cat", "{secret}"] }}\n'
    )
    machine.settings |= {
        "GONG_ACCESS_KEY": None,
        "GONG_ACCESS_KEY_SECRET": None,
        "GONG_INGEST_CONFIG": str(config),
        "GONG_INGEST_MEDIA_ROOTS": str(recordings.folder),
    }
    with running_server() as server:
        machine.settings["GONG_INGEST_REDIS_URL"] = server.url
        # the profile has a namespace of its own
        machine.settings["GONG_INGEST_NAMESPACE"] = "gong-ingest"
        worker = machine.start("worker")
        machine.run("backfill", recordings.manifest, "--no-wait")
        await_true(lambda: _closed(machine), "the gate is closed", within_s=60)

        # when the key and the secret are replaced
        secret.write_text(f"{ACCESS_KEY_SECRET}\n")
        key.write_text(f"{ACCESS_KEY}\n")
        # A busy machine misses slots of probes, and each moves the next one twice as far away.
        await_true(lambda: not _closed(machine), "the gate opens", within_s=180)

        # then the fleet goes on with them
        finished = machine.run("backfill", recordings.manifest, within_s=120)
        worker.interrupt(signal.SIGTERM)
        stopped = worker.finish()
    assert finished.code == 0, finished.written
    assert media_in(simulator) == recordings.expected()
    assert "another one was read and is used from now on" in stopped.stderr
    assert ACCESS_KEY_SECRET not in stopped.stderr


def _closed(machine: Machine) -> bool:
    return bool(machine.run("gate", "show", "--json").document["gate"])
