"""A server that answers as the documents of Azure Blob Storage's REST interface say, in this process.

Only what the pipeline asks of it is there: blobs put and got whole or in part, keys that are lent. Signatures
are computed here from the documents (Authorize with Shared Key; Create a service SAS, a user delegation SAS),
not by Microsoft's client. What the long tests run is Azurite, Microsoft's own emulator (`azurite.py`).
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from azure.storage.blob import BlobServiceClient

from tests.web import Exchange, Web, running_web

ACCOUNT = "calls0account"
KEY = base64.b64encode(b"a key of 64 bytes, as every account of Azure has two of it.....!").decode()
_SIGNED_HEADERS = (
    *("Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date"),
    *("If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range"),
)
# What a link's signature is of, behind its rights, its times and the blob; "" is what is never given.
_BY_ACCOUNT = ("si", "sip", "spr", "sv", "sr", "", "ses", "rscc", "rscd", "rsce", "rscl", "rsct")
_BY_IDENTITY = (
    *("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid", "scid", "skdutid", "sduoid"),
    *("sip", "spr", "sv", "sr", "", "ses", "srh", "srq", "rscc", "rscd", "rsce", "rscl", "rsct"),
)
_versions = count(0x8DC0000)


def _token() -> str:
    """Make what an identity is known by: for blobs, of nobody's key, for a day."""
    now_s = time.time()
    parts: list[dict[str, object]] = [
        {"alg": "RS256", "typ": "JWT"},
        {
            "aud": "https://storage.azure.com",
            "iss": "https://sts.windows.net/tenant/",
            "oid": "me",
            "tid": "us",
        }
        | {"iat": int(now_s), "nbf": int(now_s) - 60, "exp": int(now_s) + 86_400},
    ]
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*texts, "c2lnbmF0dXJl"])


TOKEN = _token()


@dataclass(frozen=True)
class Account:
    """An account in a server that runs.

    Attributes:
        endpoint: Its address.
        authority: File with the certificate of the server's authority.
    """

    endpoint: str
    authority: Path

    @property
    def connection(self) -> str:
        """Its connection string."""
        return f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.endpoint}"

    @property
    def client(self) -> Any:
        """Microsoft's own client, which puts blobs there."""
        return BlobServiceClient.from_connection_string(
            self.connection, connection_verify=str(self.authority), retry_total=0
        )

    def put(self, container: str, blobs: Mapping[str, bytes]) -> None:
        """Make a container with these blobs."""
        with self.client as client:
            client.create_container(container)
            for name, content in blobs.items():
                client.get_blob_client(container, name).upload_blob(content)


@dataclass(frozen=True)
class Azure(Account):
    """The server of this module.

    Attributes:
        web: Its requests, and what it answers instead, by path.
    """

    web: Web

    @property
    def identity(self) -> dict[str, str]:
        """What Azure sets for programs that it runs, so that they are asked as an identity of theirs."""
        return {"IDENTITY_ENDPOINT": f"{self.web.url}/msi/token", "IDENTITY_HEADER": "asked-by-me"}


class _Exchange(Exchange):
    """A request of a blob, with the blob's tag as the server keeps it."""

    tags: dict[str, str]

    def do_PUT(self) -> None:  # noqa: N802 - the name that the standard library calls
        """Make a container, or keep a blob."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self._refused():
            return
        headers = {"ETag": f'"0x{next(_versions):X}"', "Last-Modified": formatdate(usegmt=True)}
        if "restype=container" not in self.path:
            path = unquote(urlsplit(self.path).path)
            self.web.files[path], self.tags[path] = body, headers["ETag"]
        self.reply(201, headers=headers)

    def do_POST(self) -> None:  # noqa: N802 - as above
        """Lend a key (Get User Delegation Key)."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.web.requests.append((self.path, dict(self.headers)))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self.fail(403, "AuthenticationFailed")
            return
        start, expiry = re.findall(r"<(?:Start|Expiry)>([^<]+)", body)
        if datetime.fromisoformat(expiry) - datetime.now(UTC) > timedelta(days=7):
            self.fail(400, "InvalidXmlNodeValue")
            return
        lent = {"SignedOid": "oid", "SignedTid": "tid", "SignedStart": start, "SignedExpiry": expiry}
        lent |= {"SignedService": "b", "SignedVersion": "2025-01-05", "Value": KEY}
        fields = "".join(f"<{name}>{value}</{name}>" for name, value in lent.items())
        self.reply(
            200,
            f'<?xml version="1.0" encoding="utf-8"?><UserDelegationKey>{fields}</UserDelegationKey>'.encode(),
            {"Content-Type": "application/xml"},
        )

    def give(self, **_: object) -> None:
        """Give a blob (Get Blob), or the token of an identity (managed identity of App Service)."""
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        if path == "/msi/token":
            ends = datetime.now(UTC) + timedelta(hours=1)
            told = {"access_token": TOKEN, "expires_on": f"{ends.timestamp():.0f}", "token_type": "Bearer"}
            told |= {"resource": "https://storage.azure.com"}
            is_asked = self.headers["X-IDENTITY-HEADER"] == "asked-by-me"
            body = json.dumps(told).encode() if is_asked else b""
            self.reply(200 if is_asked else 401, body, {"Content-Type": "application/json"})
        elif not self._refused():
            self._give_blob(path)

    def _give_blob(self, path: str) -> None:
        content = self.web.files.get(path)
        if content is None:
            self.fail(404, "BlobNotFound" if path.startswith(f"/{ACCOUNT}/calls/") else "ContainerNotFound")
            return
        if self.headers.get("If-Match", self.tags[path]) != self.tags[path]:
            self.fail(412, "ConditionNotMet")
            return
        asked = self.headers.get("x-ms-range") or self.headers.get("Range")
        first, last = (asked or "bytes=0-").removeprefix("bytes=").split("-")
        part = content[int(first) : int(last or len(content)) + 1]
        if asked and not part:
            self.fail(416, "InvalidRange")
            return
        told = {"ETag": self.tags[path], "x-ms-blob-type": "BlockBlob", "Content-Type": "audio/wav"}
        told |= {"Last-Modified": formatdate(usegmt=True)}
        if asked:
            told["Content-Range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        self.reply(206 if asked else 200, part, told)

    def fail(self, status: int, code: str) -> None:
        """Answer with an error (Status and error codes)."""
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>Because.</Message></Error>'
        headers = {"Content-Type": "application/xml", "x-ms-error-code": code}
        self.reply(status, body.encode(), headers)

    def _refused(self) -> bool:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if "sig" in query:
            is_known = query["sig"] == _signature(self._link(query)) and query["se"] > _now()
        else:
            given = self.headers["Authorization"]
            is_known = given in {
                f"SharedKey {ACCOUNT}:{_signature(self._request(query))}",
                f"Bearer {TOKEN}",
            }
        if not is_known:
            self.fail(403, "AuthenticationFailed")
        return not is_known

    def _request(self, query: dict[str, str]) -> str:
        """Write what a shared key signs."""
        headers = [self.headers.get(name, "") for name in _SIGNED_HEADERS]
        headers[2] = "" if headers[2] == "0" else headers[2]
        names = sorted(name.lower() for name in self.headers if name.lower().startswith("x-ms-"))
        lines = [self.command, *headers, *(f"{name}:{self.headers[name]}" for name in names)]
        resource = f"/{ACCOUNT}{urlsplit(self.path).path}"
        return "\n".join([*lines, resource, *(f"{name}:{query[name]}" for name in sorted(query))])

    def _link(self, query: dict[str, str]) -> str:
        """Write what a link's signature is of."""
        resource = f"/blob{unquote(urlsplit(self.path).path)}"
        begin = [query["sp"], query.get("st", ""), query["se"], resource]
        rest = _BY_IDENTITY if "skoid" in query else _BY_ACCOUNT
        return "\n".join([*begin, *(query.get(name, "") for name in rest)])


def _signature(text: str) -> str:
    return base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), sha256)).decode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def running_azure(folder: Path) -> Iterator[Azure]:
    """Run a server; the folder is for the certificate of its authority."""
    with running_web(folder, exchange=type("_Own", (_Exchange,), {"tags": {}})) as web:
        yield Azure(f"{web.url}/{ACCOUNT}", web.authority, web)
