"""What a job carries: the body of the create as it will be sent, and where its media lies.

Invariants: what `decode` gives is what `encode` was given, letter by letter. A payload begins with its
version, so that a program that does not know it leaves the job to one that does. The dictionary belongs to
the version: whoever changes a byte of it makes a new one.
A body is mostly the names of its fields, which the dictionary has, and letters that are as frequent as its
tables say: a body of 700 bytes takes about 300 in the server's memory, and a million of them wait there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

# That of a recording whose media Gong pulls through a link is its own: a program that knows no links must not
# upload it.
PAYLOAD_VERSION = 4
LINKED_VERSION = 5
# Of those whose media lies below roots of their own: whoever does not know them must not look below others.
ROOTED_VERSION = 6
ROOTED_LINKED_VERSION = 7
# Written before, with the words of the dictionary alone; who knows its tables too reads them as they are.
_BEFORE = ("2", "3")
_LINKED = ("3", str(LINKED_VERSION), str(ROOTED_LINKED_VERSION))
_ROOTED = (str(ROOTED_VERSION), str(ROOTED_LINKED_VERSION))
_KNOWN = (*_BEFORE, str(PAYLOAD_VERSION), str(LINKED_VERSION), *_ROOTED)

# Names: openapi.json, NewCallRequest.
_WORDS = (
    b'"callProviderCode":"","workspaceId":"","meetingUrl":"","scheduledStart":"","scheduledEnd":"",'
    b'"speakersTimeline":{"precise":true,"speechSegments":[{"fromTime":0,"toTime":1,"partyIds":["1","2"]},'
    b'{"fromTime":"context":[{"system":"Salesforce","objects":[{"objectType":"Account","objectId":"001'
    b'"Opportunity","objectId":"006"Contact""Lead""HubSpot","fields":[{"name":"","value":""}]}]}]'
    b'"downloadMediaUrl":"https://","customData":"","disposition":"Connected","purpose":"","languageCode":"en-US",'
    b'"direction":"Conference""Unknown""Outbound""Inbound","duration":,"primaryUser":"","title":"Call with ",'
    b'"parties":[{"emailAddress":"@gmail.com","partyId":"","mediaChannelId":0,"mediaChannelId":1},'
    b'{"userId":"","name":""},{"phoneNumber":"+44","name":""},{"phoneNumber":"+1"}]'
    b'{"clientUniqueId":"","actualStart":"2025-2026-01-02T03:04:05.000Z","actualStart":"2026-01-01T00:00:00+00:00",'
)
# How often each letter and length is there, so that no frame has to say it: zstd's `finalize_dict` made
# it of calls of other systems (`examples/mappings`), each many times with other digits.
_TABLES = base64.b85decode(
    "H>5D^V$GaIG!Vd=rUNrD13L+skckS8jreaHDI;w^J0iQ=I$nZC{0|6^AFcH5lw?XNrA$O}!QQ|;B?AH&00szBV@xLi00cln"
    "g@X=&3!@7I5}pnf$nd%bApigX3OHo|0001h00000^va{;h0!=93X;U5(O8(0!YLCt0ssI20096100aO400;m800"
)
# Every frame begins with it.
_MAGIC = b"\x28\xb5\x2f\xfd"
_CANONICAL = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Payload:
    """What a job carries.

    Attributes:
        body: JSON text of `POST /v2/calls`, never changed after it was accepted.
        media: Reference of the media, or None when the call has a downloadMediaUrl.
        is_linked: Gong gets a link to the media, signed when the call is created, instead of an upload.
        roots: Where the media is looked for and nowhere else, by workers of the machine on which that was
            said; empty where workers know it.
    """

    body: str
    media: str | None
    is_linked: bool = False
    roots: tuple[str, ...] = ()

    @property
    def has_upload(self) -> bool:
        """Tell whether the media is uploaded."""
        return self.media is not None and not self.is_linked

    def encode(self) -> str:
        """Write the payload as three lines: its version, the media as JSON, the body compressed in base64."""
        if self.roots:
            version = ROOTED_LINKED_VERSION if self.is_linked else ROOTED_VERSION
            return f"{version}\n{json.dumps([self.media, *self.roots])}\n{pack(self.body)}"
        version = LINKED_VERSION if self.is_linked else PAYLOAD_VERSION
        return f"{version}\n{json.dumps(self.media)}\n{pack(self.body)}"

    @classmethod
    def decode(cls, text: str) -> Payload:
        """Read what `encode` wrote, or that of a version before.

        Raises:
            ValueError: The payload is of a version that this program does not know.
        """
        version, _, rest = text.partition("\n")
        if not cls.is_known(text):
            raise ValueError(f"the payload's version is {version!r}, known are {', '.join(_KNOWN)}")
        where, _, packed = rest.partition("\n")
        media, *roots = json.loads(where) if version in _ROOTED else [json.loads(where)]
        return cls(body=unpack(packed), media=media, is_linked=version in _LINKED, roots=tuple(roots))

    @staticmethod
    def is_known(text: str) -> bool:
        """Tell whether `decode` understands the payload's version."""
        return text.partition("\n")[0] in _KNOWN

    @property
    def client_unique_id(self) -> str:
        """Read the call's own identifier out of the body."""
        return str(json.loads(self.body)["clientUniqueId"])


def content_hash_of(call: Mapping[str, Any], media: str | None) -> str:
    """Hash what a recording is, whatever the order of its fields: 11 characters, 64 bits.

    It tells one content of a recording from another, never one recording from another.
    """
    canonical = _CANONICAL.encode([media, call]).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(canonical, digest_size=8).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def pack(text: str) -> str:
    """Compress a text with the dictionary of this version."""
    packed = _compressor().pack(text.encode("utf-8", "surrogatepass"))
    return base64.b64encode(packed[len(_MAGIC) :]).decode()


def unpack(text: str) -> str:
    """Give what `pack` was given."""
    packed = _MAGIC + base64.b64decode(text)
    return _compressor().unpack(packed).decode("utf-8", "surrogatepass")


class _Compressor(NamedTuple):
    """Both ways of a frame."""

    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


@cache
def _compressor() -> _Compressor:
    """Import the library when the first payload needs it: who only asks does without."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    dictionary = zstd.ZstdDict(_TABLES + _WORDS)
    names = zstd.CompressionParameter
    # The version says which dictionary it is.
    options: dict[int, int] = {names.compression_level: 3, names.dict_id_flag: 0}
    # Digested once: that saves half of the time for each.
    packer = zstd.ZstdCompressor(options=options, zstd_dict=dictionary.as_digested_dict)
    return _Compressor(
        lambda plain: packer.compress(plain, mode=packer.FLUSH_FRAME),
        lambda packed: zstd.decompress(packed, zstd_dict=dictionary.as_digested_dict),
    )
