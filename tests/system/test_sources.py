"""Recordings on their way from each place that media may lie in, with a backfill each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from requests import get

from tests.blobs import ACCOUNT, KEY, running_azure
from tests.recordings import Recordings, make_recordings, make_row, media_in, write_jsonl
from tests.simulators import Simulator
from tests.stores import running_gs, running_s3, running_sftp
from tests.system.machine import Machine
from tests.system.scenarios import scenario
from tests.web import Exchange, Web, running_web

COUNT = 3
TOKEN = "qX7-very-secret-token"


def brought_in(machine: Machine, recordings: Recordings, root: str, *options: str) -> dict[str, object]:
    """Backfill rows whose media is elsewhere under the same paths, named by address and by path."""
    rows = [dict(row) for row in recordings.rows]
    rows[0]["media"] = f"{root}/{rows[0]['media']}"
    manifest = recordings.folder / "elsewhere.jsonl"
    write_jsonl(manifest, rows)
    finished = machine.run("backfill", manifest, "--media-root", root, "--json", *options)
    assert finished.code == 0, finished.written + machine.logs()
    return finished.document


def contents_of(recordings: Recordings) -> Iterator[tuple[str, bytes]]:
    """Give the path of each recording with its media."""
    for row in recordings.rows:
        yield str(row["media"]), (recordings.folder / str(row["media"])).read_bytes()


@contextmanager
def store_with(recordings: Recordings, machine: Machine) -> Iterator[str]:
    """Run a store that speaks S3 and has the media; gives its root."""
    with running_s3() as store:
        # All stores of this process have the same buckets.
        bucket = f"calls-{uuid.uuid4().hex}"
        store.put(bucket, {f"2026/{path}": content for path, content in contents_of(recordings)})
        machine.settings |= store.environment
        yield f"s3://{bucket}/2026"


@scenario()
def test_media_in_an_object_store_is_uploaded(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    with store_with(recordings, machine) as root:
        document = brought_in(machine, recordings, root)

    assert (document["done"], document["requests"]) == (COUNT, 2 * COUNT)
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_media_in_an_object_store_is_linked_to(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    with store_with(recordings, machine) as root:
        local = make_row(recordings.folder, 9)
        both = folder / "recordings" / "both.jsonl"
        roots = {"GONG_INGEST_MEDIA_ROOTS": f"{root}:{recordings.folder}"}
        addresses = [row | {"media": f"{root}/{row['media']}"} for row in recordings.rows]
        write_jsonl(both, [*addresses, local])
        checked = machine.run("check", both, "--media-mode", "link", "--json", settings=roots)
        *problems, summary = map(json.loads, checked.stdout.splitlines())
        assert (summary["recordings"], summary["requests"]) == (COUNT + 1, COUNT + 2)
        assert [each["line"] for each in problems if each["code"] == "media_not_linked"] == [COUNT + 1]

        document = brought_in(machine, recordings, root, "--media-mode", "link")

        assert (document["done"], document["requests"]) == (COUNT, COUNT)
        links = [call["body"]["downloadMediaUrl"] for call in simulator.record("requests=0")["calls"]]
        expected = {(recordings.folder / row["media"]).read_bytes() for row in recordings.rows}
        assert {get(link, timeout=60).content for link in links} == expected
        status = machine.run("status")
        told = machine.logs() + status.written + machine.run("report", "elsewhere").written
        assert not [link for link in links if link.partition("?")[2] in told]


@scenario()
def test_media_at_a_web_server_that_wants_a_token(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)

    def give(exchange: Exchange) -> None:
        if exchange.headers.get("Authorization") == f"Bearer {TOKEN}":
            exchange.redirect(f"/files{exchange.path}")
        else:
            exchange.reply(401)

    with running_web(folder) as web:
        serve(web, recordings, give)
        machine.settings |= {
            "GONG_INGEST_MEDIA_HEADERS": f"localhost:{web.port} Authorization: Bearer {TOKEN}",
            "GONG_INGEST_LOG_LEVEL": "DEBUG",
            "REQUESTS_CA_BUNDLE": str(web.authority),
        }
        document = brought_in(machine, recordings, web.url)

    assert document["done"] == COUNT
    assert media_in(simulator) == recordings.expected()
    assert TOKEN not in machine.logs()
    written = [path.read_bytes() for path in machine.data.rglob("*") if path.is_file()]
    assert not [content for content in written if TOKEN.encode() in content]


def serve(web: Web, recordings: Recordings, give: object) -> None:
    for path, content in contents_of(recordings):
        web.files[f"/files/{path}"] = content
        web.answers[f"/{path}"] = give  # type: ignore[assignment] # a function of an exchange


@scenario()
def test_media_in_google_cloud_storage(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    with running_gs() as url:
        options = ClientOptions(api_endpoint=url)
        nobody: Any = AnonymousCredentials
        client = storage.Client("test", credentials=nobody(), client_options=options)
        bucket = client.create_bucket("calls")
        for path, content in contents_of(recordings):
            bucket.blob(f"2026/{path}").upload_from_string(content)
        client.close()
        machine.settings |= {"STORAGE_EMULATOR_HOST": url, "GOOGLE_CLOUD_PROJECT": "test"}
        document = brought_in(machine, recordings, "gs://calls/2026")

    assert (document["done"], document["requests"]) == (COUNT, 2 * COUNT)
    assert media_in(simulator) == recordings.expected()


@scenario()
def test_media_in_azure_is_uploaded(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    with running_azure(folder) as azure:
        azure.put("calls", {f"2026/{path}": content for path, content in contents_of(recordings)})
        machine.settings |= {
            "AZURE_STORAGE_CONNECTION_STRING": azure.connection,
            "GONG_INGEST_LOG_LEVEL": "DEBUG",
            "REQUESTS_CA_BUNDLE": str(azure.authority),
        }
        document = brought_in(machine, recordings, "az://calls/2026")

    assert (document["done"], document["requests"]) == (COUNT, 2 * COUNT)
    assert media_in(simulator) == recordings.expected()
    assert KEY not in machine.logs()


@scenario()
def test_media_in_azure_is_linked_to_as_an_identity(
    machine: Machine, simulator: Simulator, folder: Path
) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    with running_azure(folder) as azure:
        contents = dict(contents_of(recordings))
        azure.put("calls", {f"2026/{path}": content for path, content in contents.items()})
        machine.settings |= {
            "AZURE_STORAGE_ACCOUNT": ACCOUNT,
            "AZURE_STORAGE_SERVICE_ENDPOINT": azure.endpoint,
            "REQUESTS_CA_BUNDLE": str(azure.authority),
            **azure.identity,
        }
        document = brought_in(machine, recordings, "az://calls/2026", "--media-mode", "link")
    links = [call["body"]["downloadMediaUrl"] for call in simulator.record("requests=0")["calls"]]

    assert (document["done"], document["requests"]) == (COUNT, COUNT)
    assert {link.partition("?")[0] for link in links} == {
        f"{azure.endpoint}/calls/2026/{path}" for path in contents
    }
    assert {parse_qs(link)["skoid"][0] for link in links} == {"oid"}
    told = machine.logs() + machine.run("report", "elsewhere").written
    assert not [link for link in links if link.partition("?")[2] in told]


@scenario()
def test_media_at_an_sftp_server(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    with running_sftp(recordings.folder.parent) as server:
        known_hosts = machine.folder / "home" / ".ssh" / "known_hosts"
        known_hosts.parent.mkdir()
        known_hosts.write_text(server.known_host)
        machine.settings["GONG_INGEST_SFTP_PASSWORD"] = server.password
        document = brought_in(machine, recordings, f"{server.url}/recordings")

    assert document["done"] == COUNT
    assert media_in(simulator) == recordings.expected()
    assert server.password not in machine.logs()


@scenario()
def test_hostile_media_stops_no_other(machine: Machine, simulator: Simulator, folder: Path) -> None:
    recordings = make_recordings(folder / "recordings", COUNT)
    hostile = ["https://169.254.169.254/latest", "s3://private/a.wav", "ftp://a/b", "../secret.wav"]
    rows = [
        make_row(recordings.folder, 100 + number) | {"media": each} for number, each in enumerate(hostile)
    ]
    write_jsonl(recordings.manifest, [*recordings.rows, *rows])

    checked = machine.run("check", recordings.manifest, "--no-users", "--json")
    finished = machine.run("backfill", recordings.manifest, "--json")

    codes = [json.loads(line).get("code") for line in checked.stdout.splitlines()]
    assert [code for code in codes if code and code != "media_short"] == [
        "media_address_forbidden",
        "media_outside_roots",
        "media_scheme_unknown",
        "media_outside_roots",
    ]
    assert (finished.document["done"], finished.document["rejected"]) == (COUNT, len(hostile))
    assert media_in(simulator) == recordings.expected()
