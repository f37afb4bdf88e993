"""Stores of media for tests, in this process: servers that speak S3, Google Cloud Storage and SFTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import boto3
from botocore.config import Config
from gcp_storage_emulator.server import create_server
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST", "AWS_SECRET_ACCESS_KEY": "very-secret-key"}


@dataclass(frozen=True, slots=True)
class S3:
    """A server that runs.

    Attributes:
        client: Puts objects there.
    """

    url: str
    client: Any

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to use it; nothing of the machine's own settings counts."""
        return KEYS | {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def put(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Make a bucket with these objects."""
        self.client.create_bucket(Bucket=bucket)
        for key, content in objects.items():
            self.client.put_object(Bucket=bucket, Key=key, Body=content)


@contextmanager
def running_s3() -> Iterator[S3]:
    """Run a server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
    try:
        yield S3(url, client)
    finally:
        client.close()
        server.stop()


@contextmanager
def running_gs() -> Iterator[str]:
    """Run a server that speaks Google Cloud Storage; gives its address."""
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    host, port = server._api._httpd.server_address
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@dataclass(frozen=True, slots=True)
class SFTP:
    """An SFTP server that runs.

    Attributes:
        url: With the user, without a path.
        folder: What it has as its root.
        known_host: The line for known_hosts.
    """

    url: str
    folder: Path
    known_host: str
    password: str = "very-secret-word"


class _Login(asyncssh.SSHServer):
    def __init__(self, connections: list[Any]) -> None:
        self._connections = connections

    def connection_made(self, conn: Any) -> None:
        self._connections.append(conn)

    def begin_auth(self, _username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("recorder", SFTP.__dataclass_fields__["password"].default)


@contextmanager
def running_sftp(folder: Path) -> Iterator[SFTP]:
    """Run an SFTP server, in a thread of its own."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    connections: list[Any] = []
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def factory(channel: Any) -> Any:
        return asyncssh.SFTPServer(channel, chroot=str(folder).encode())

    async def listen() -> Any:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_factory=lambda: _Login(connections),
            server_host_keys=[key],
            sftp_factory=factory,
        )

    async def close() -> None:
        server.close()
        await server.wait_closed()
        for connection in connections:
            connection.abort()
            await connection.wait_closed()
        # What they closed is let go of by the loop itself.
        await asyncio.sleep(0)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    port = server.get_port()
    public = key.export_public_key().decode().strip()
    try:
        yield SFTP(f"sftp://recorder@127.0.0.1:{port}", folder, f"[127.0.0.1]:{port} {public}\n")
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
