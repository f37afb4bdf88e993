"""Each thing that a newcomer gets wrong is found, with what to do, and nothing else is."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline import __version__
from pipeline.doctor import Finding, Level, Patient, examine
from pipeline.doctor.finding import ok
from pipeline.doctor.machine import LIBRARIES, disk
from pipeline.errors import LedgerUnreachable, SettingsInvalid
from pipeline.job import Lane
from pipeline.rights import ROLES, file_of
from pipeline.settings.address import MEDIA_SCHEMES
from pipeline.settings.fingerprint import fingerprint_of
from tests.integration.doctor.conftest import MakePatient
from tests.integration.ledger.bench import make_submission
from tests.servers import Server
from tests.simulators import Simulator, running_simulator

OAUTH = {
    "base_url": None,
    "access_key": None,
    "access_key_secret": None,
    "oauth_client_id": "client",
    "oauth_client_secret": "secret",
    "store_key": f"{'A' * 43}=",
}


def test_every_place_that_needs_a_library_is_known() -> None:
    assert LIBRARIES.keys() == set(MEDIA_SCHEMES) - {"https", "http"}


def amiss(patient: Patient) -> list[Finding]:
    """Give what is not well."""
    return [finding for finding in examine(patient) if finding.level is not Level.OK]


def the_only(patient: Patient, check: str, level: Level) -> Finding:
    """Give the only thing that is not well."""
    (finding,) = amiss(patient)
    assert (finding.check, finding.level) == (check, level), finding
    assert finding.advice
    return finding


def test_where_nothing_is_wrong_nothing_is_found(make_patient: MakePatient, api: Simulator) -> None:
    before = len(api.record()["requests"])
    patient = make_patient(asks_api=True)

    assert amiss(patient) == []

    requests = api.record()["requests"][before:]
    assert len(requests) == 1
    # in a slot, and counted for the day
    assert patient.limiter.use().today == 1


def test_nothing_is_asked_of_the_api_unless_it_may_be(make_patient: MakePatient, api: Simulator) -> None:
    before = len(api.record()["requests"])
    patient = make_patient()

    assert amiss(patient) == []

    assert len(api.record()["requests"]) == before
    assert patient.limiter.use().today == 0


class Wrong(NamedTuple):
    """Settings that are wrong, and what is said."""

    settings: dict[str, Any]
    check: str
    seen: str


WRONG_OF_API = {
    "no credentials": Wrong(
        {"access_key": None, "access_key_secret": None}, "credentials", "Not set: GONG_ACCESS_KEY and"
    ),
    "a wrong secret": Wrong(
        {"access_key_secret": "guessed"}, "credentials", "lets them read no users (403), as a wrong key"
    ),
    "an address where nobody is": Wrong({"base_url": "http://127.0.0.1:1"}, "API", "127.0.0.1:1"),
}


@pytest.mark.parametrize("wrong", WRONG_OF_API.values(), ids=WRONG_OF_API.keys())
def test_what_is_wrong_with_the_way_to_the_api(make_patient: MakePatient, wrong: Wrong) -> None:
    patient = make_patient(asks_api=True, **wrong.settings)

    finding = the_only(patient, wrong.check, Level.PROBLEM)

    assert wrong.seen in finding.seen
    assert "guessed" not in str(finding)
    # others may have better credentials
    assert patient.limiter.gate() is None


def test_an_address_of_something_else_is_told(make_patient: MakePatient, api: Simulator) -> None:
    patient = make_patient(asks_api=True, base_url=f"{api.url}/nowhere")

    finding = the_only(patient, "API", Level.PROBLEM)

    assert "What answers there is not the API (404)" in finding.seen


def test_an_api_that_has_enough_closes_the_gate_for_all(make_patient: MakePatient) -> None:
    with running_simulator(faults="429=1:30-30") as busy:
        patient = make_patient(asks_api=True, base_url=busy.url)
        finding = the_only(patient, "credentials", Level.WARNING)

    assert "had enough requests for now" in finding.seen
    gate = patient.limiter.gate()
    assert gate is not None
    assert gate.reason == "rate_limited"


def test_a_closed_gate_is_told_and_nothing_is_sent(make_patient: MakePatient, api: Simulator) -> None:
    patient = make_patient(asks_api=True)
    patient.limiter.close_by_hand("Gong asked us to wait")
    before = len(api.record()["requests"])

    credentials, gate = amiss(patient)

    assert "The API was not asked: gate closed since" in credentials.seen
    assert credentials.level is Level.WARNING
    assert "by_hand: Gong asked us to wait" in gate.seen
    assert (gate.level, gate.advice) == (Level.PROBLEM, "gong-ingest gate open")
    assert len(api.record()["requests"]) == before


SPOILT = {
    "evicts": (
        ("CONFIG SET maxmemory-policy allkeys-lru",),
        "memory",
        Level.PROBLEM,
        "maxmemory-policy is allkeys",
    ),
    "is nearly full": (("CONFIG SET maxmemory 1100kb",), "memory", Level.WARNING, "It is nearly full"),
    "keeps nothing": (("CONFIG SET appendonly no",), "persistence", Level.WARNING, "append-only file is off"),
    "answers first": (
        ("CONFIG SET appendfsync everysec",),
        "persistence",
        Level.WARNING,
        "answers before its append-only file is on the disk (appendfsync everysec)",
    ),
    "is a replica": (("REPLICAOF 127.0.0.1 1",), "role", Level.PROBLEM, "It is a replica, which only reads."),
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT.keys())
def test_what_is_wrong_with_the_server(
    make_patient: MakePatient, own_server: Server, spoilt: tuple[tuple[str, ...], str, Level, str]
) -> None:
    commands, check, level, seen = spoilt
    patient = make_patient(redis_url=own_server.url)
    for command in commands:
        own_server.client.execute_command(*command.split())

    finding = the_only(patient, check, level)

    assert seen in finding.seen


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_what_a_user_may_not_ask_the_server_is_not_called_well(
    make_patient: MakePatient, own_server: Server, policy: str
) -> None:
    own_server.client.execute_command("CONFIG", "SET", "appendfsync", policy)
    rules = ("on", ">word", "~*", "&*", "+@all", "-config|get")
    own_server.client.execute_command("ACL", "SETUSER", "managed", *rules)

    patient = make_patient(redis_url=own_server.url.replace("unix://", "unix://managed:word@"))

    finding = the_only(patient, "persistence", Level.WARNING)
    assert "is not known: this user may not ask (CONFIG GET)" in finding.seen
    assert "whoever runs it" in finding.advice


def test_a_server_that_is_not_there_is_told_once_and_all_else_is_looked_at(make_patient: MakePatient) -> None:
    patient = make_patient(redis_url="redis://:word@127.0.0.1:1/0", worker=False)

    server, unknown = amiss(patient)

    assert (server.check, server.level) == ("server", Level.PROBLEM)
    assert "redis://127.0.0.1:1/0 cannot be used" in server.seen
    assert "word" not in server.seen
    assert "role, memory, persistence, clock, rights, workers, queues, gate" in unknown.seen
    assert {"media roots", "disk", "settings"} <= {finding.check for finding in examine(patient)}


def test_a_frozen_server_is_given_up_and_all_else_is_looked_at(
    make_patient: MakePatient, own_server: Server
) -> None:
    patient = make_patient(redis_url=own_server.url)
    own_server.freeze()
    try:
        checks = {finding.check: finding.level for finding in examine(patient, deadline_s=30)}
    finally:
        own_server.thaw()

    assert checks["server"] is Level.PROBLEM
    assert checks["disk"] is checks["media roots"] is Level.OK


def test_clocks_that_differ_are_told(make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = make_patient(asks_api=True)
    now = time.time
    monkeypatch.setattr("pipeline.doctor.server.time.time", lambda: now() + 100)

    found = {finding.check: finding for finding in amiss(patient)}

    apart = re.search(r"([0-9.]+) s apart; the server's is behind\.", found["clock"].seen)
    assert apart
    # On a busy machine it is not known to a tenth when the server read its clock.
    assert float(apart[1]) == pytest.approx(100, abs=1)
    assert "NTP" in found["clock"].advice


class TestRights:
    """On a server where the user of each role has its rights, and others have not enough."""

    @pytest.fixture
    def users(self, own_server: Server, namespace: str) -> Server:
        for line in file_of(namespace).splitlines():
            own_server.client.execute_command("ACL", "SETUSER", *line.split()[1:], "on", ">word")
        return own_server

    def seen_by(self, make_patient: MakePatient, server: Server, user: str) -> Finding:
        address = server.url.replace("unix://", f"unix://{user}:word@")
        patient = make_patient(redis_url=address, worker=False)
        (finding,) = (each for each in examine(patient) if each.check == "rights")
        return finding

    @pytest.mark.parametrize("role", [role.name for role in ROLES])
    def test_the_user_of_a_role_has_its_rights(
        self, make_patient: MakePatient, users: Server, role: str
    ) -> None:
        finding = self.seen_by(make_patient, users, f"gong-{role}")

        assert finding.level is Level.OK, finding
        has, lacks = finding.seen.split("; and not of: ")
        assert role in has
        assert role not in lacks
        assert users.client.dbsize() == 0

    @pytest.mark.parametrize(
        ("rule", "told"),
        [
            ("-hset", "+hset"),
            ("resetkeys ~{namespace}:", "~{namespace}:job:*"),
            ("-hget resetchannels", "&{namespace}:notices"),
        ],
    )
    def test_what_is_missing_is_told_as_it_is_given(
        self, make_patient: MakePatient, users: Server, namespace: str, rule: str, told: str
    ) -> None:
        rules = rule.format(namespace=namespace).split()
        for role in ROLES:
            users.client.execute_command("ACL", "DELUSER", f"gong-{role.name}")
        (line,) = (line for line in file_of(namespace).splitlines() if line.startswith("user gong-worker "))
        users.client.execute_command("ACL", "SETUSER", *line.split()[1:], "on", ">word", *rules)

        finding = self.seen_by(make_patient, users, "gong-worker")

        assert finding.level is Level.PROBLEM
        assert told.format(namespace=namespace) in finding.advice.split()
        # and what is advised is enough
        added = finding.advice.split()[3:]
        users.client.execute_command("ACL", "SETUSER", "gong-worker", *added)
        assert self.seen_by(make_patient, users, "gong-worker").level is Level.OK


def test_media_that_cannot_be_read_here(make_patient: MakePatient, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    patient = make_patient(
        media_roots=(tmp_path / "none", tmp_path / "empty", tmp_path / "media", "s3://bucket/x"),
    )

    missing, empty = amiss(patient)

    assert f"{tmp_path}/none is not a folder here." in missing.seen
    assert missing.level is Level.PROBLEM
    assert f"{tmp_path}/empty is empty." in empty.seen
    assert empty.level is Level.WARNING


def test_a_library_that_is_missing_is_told_with_how_to_install_it(
    make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.doctor.machine.importlib.util.find_spec", lambda _: None)

    finding = the_only(make_patient(media_roots=("s3://bucket",)), "media roots", Level.PROBLEM)

    assert finding.advice == "pip install 'gong-call-ingest[s3]'"


@pytest.mark.parametrize(("free", "level"), [(10**8, Level.PROBLEM), (10**9, Level.WARNING)])
def test_a_disk_that_is_nearly_full(
    make_patient: MakePatient, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr("pipeline.doctor.machine.shutil.disk_usage", lambda _: usage)

    assert f"{free / 1e9:.1f} GB free" in the_only(make_patient(), "disk", level).seen


@pytest.mark.parametrize(
    ("embedded", "oauth", "level"),
    [(False, {}, Level.OK), (True, {}, Level.PROBLEM), (False, OAUTH, Level.PROBLEM)],
    ids=["a container", "a server's file", "tokens"],
)
def test_a_folder_that_cannot_be_written_is_wrong_only_if_something_is_kept_there(
    make_patient: MakePatient,
    monkeypatch: pytest.MonkeyPatch,
    embedded: bool,
    oauth: dict[str, Any],
    level: Level,
) -> None:
    monkeypatch.setattr("pipeline.doctor.machine.os.access", lambda *_: False)

    (finding,) = disk(replace(make_patient(**oauth), is_embedded=embedded))

    assert finding.level is level
    assert "cannot be written" in finding.seen


def test_recordings_for_which_nobody_works(make_patient: MakePatient) -> None:
    patient = make_patient(worker=False)
    patient.ledger.submit([make_submission("a")], batch="calls", lane=Lane.LIVE)
    assert the_only(patient, "workers", Level.PROBLEM).advice == "gong-ingest worker"

    patient.ledger.join_fleet("calls@here", calls=4, media=0, ttl_s=60)
    workers, *_ = amiss(patient)
    assert workers.advice == "gong-ingest worker --queue media"
    assert "1 recordings wait" in workers.seen


def test_workers_that_are_others_than_this_command(make_patient: MakePatient) -> None:
    patient = make_patient(requests_per_second=50)
    other = replace(patient.settings, requests_per_second=100, lease_ttl_s=60)
    told = f"{__version__} {fingerprint_of(other)}"
    patient.ledger.join_fleet("both@here", calls=4, media=4, ttl_s=60, told=told)
    patient.ledger.join_fleet("old@there", calls=1, media=1, ttl_s=60, told="0.0.9 abc")
    patient.ledger.join_fleet("older@there", calls=1, media=1, ttl_s=60)

    versions, shared = amiss(patient)

    assert "old@there, older@there are 0.0.9, older than that tell theirs" in versions.seen
    assert "both@here has other values than this command for " in shared.seen
    assert "GONG_INGEST_REQUESTS_PER_SECOND, GONG_INGEST_LEASE_TTL_S" in shared.seen


def test_messages_that_nobody_reads(make_patient: MakePatient, server: Server, namespace: str) -> None:
    patient = make_patient(worker=False)
    patient.ledger.join_fleet("calls@here", calls=4, media=0, ttl_s=60)
    server.client.lpush(f"{namespace}:celery:media", "one", "two")
    server.client.lpush(f"{namespace}:celery:celery", "three")

    found = [finding for finding in amiss(patient) if finding.check == "queues"]

    assert [finding.level for finding in found] == [Level.PROBLEM, Level.WARNING]
    assert "2 messages wait in media, which no worker reads." in found[0].seen
    assert found[0].advice == "gong-ingest worker --queue media"
    assert "1 messages wait in the queue celery" in found[1].seen


def test_a_check_that_fails_or_hangs_hides_no_other(make_patient: MakePatient) -> None:
    release = threading.Event()

    def fails(patient: Patient) -> Iterator[Finding]:
        yield ok("first", "It was seen.")
        raise ZeroDivisionError("by nothing")

    def hangs(patient: Patient) -> Iterator[Finding]:
        yield ok("before", "It was seen.")
        release.wait(20)

    def complains(patient: Patient) -> Iterator[Finding]:
        yield from refuse(SettingsInvalid("This is wrong."))

    def is_cut_off(patient: Patient) -> Iterator[Finding]:
        yield from refuse(LedgerUnreachable("It is away."))

    def refuse(error: Exception) -> Iterator[Finding]:
        raise error

    checks = {"fails": fails, "hangs": hangs, "complains": complains, "cut off": is_cut_off}
    try:
        found = examine(make_patient(), checks, deadline_s=5)
    finally:
        release.set()

    assert [(finding.check, finding.level) for finding in found] == [
        ("first", Level.OK),
        ("fails", Level.PROBLEM),
        ("before", Level.OK),
        ("hangs", Level.WARNING),
        ("complains", Level.PROBLEM),
        ("not looked at", Level.WARNING),
    ]
    assert "ZeroDivisionError: by nothing" in found[1].seen
    assert "took too long" in found[3].seen
