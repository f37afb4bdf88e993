"""What no producer may have a worker read: one table of paths and addresses, each refused with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.errors import MediaRefused
from pipeline.media import Access, probe
from pipeline.settings.address import scheme_of
from tests.integration.media.conftest import Names
from tests.recordings import wav
from tests.web import Web

OUTSIDE, UNREADABLE, MISSING = "media_outside_roots", "media_unreadable", "media_missing"
FORBIDDEN, UNKNOWN = "media_address_forbidden", "media_scheme_unknown"
NOT_PUBLIC, NEVER = "not a public address", "never asked"
PLAIN, USER, MISLEADS = "neither a plain name", "names a user", "cannot be printed"
DOTS, FULL = "'.' or '..'", "is not like https://"

# PORT is that of a server that listens on every address of this machine, ROOT the folder of the media.
HOSTILE: list[tuple[str, str, str]] = [
    # paths that lead out of the root, or to what is no recording
    ("../secret.wav", OUTSIDE, "below a media root"),
    ("a/../../secret.wav", OUTSIDE, "below a media root"),
    ("./../media/../secret.wav", OUTSIDE, "below a media root"),
    ("ROOT/../secret.wav", OUTSIDE, "below a media root"),
    ("ROOT-private/secret.wav", OUTSIDE, "below a media root"),
    ("link.wav", OUTSIDE, "below a media root"),
    ("absolute-link.wav", OUTSIDE, "below a media root"),
    ("folder-link/secret.wav", OUTSIDE, "below a media root"),
    ("link-to-link.wav", OUTSIDE, "below a media root"),
    ("proc-link/self/environ", OUTSIDE, "below a media root"),
    ("fd-link", OUTSIDE, "below a media root"),
    ("circle.wav", UNREADABLE, "symbolic links"),
    ("/etc/passwd", OUTSIDE, "below a media root"),
    ("/proc/self/environ", OUTSIDE, "below a media root"),
    ("/dev/zero", OUTSIDE, "below a media root"),
    ("//etc/passwd", OUTSIDE, "below a media root"),
    ("~/secret.wav", MISSING, "not there"),
    ("$HOME/secret.wav", MISSING, "not there"),
    ("%2e%2e/secret.wav", MISSING, "not there"),
    ("..\\secret.wav", MISSING, "not there"),
    ("fifo.wav", UNREADABLE, "a FIFO"),
    ("folder", UNREADABLE, "a folder"),
    ("", UNREADABLE, "a folder"),
    ("a\0.wav", UNREADABLE, "NUL"),
    ("\0", UNREADABLE, "NUL"),
    ("bad\udcff.wav", UNREADABLE, "UTF-8"),
    ("https:/localhost:PORT/a.wav", MISSING, "not there"),
    # schemes that are none of ours
    ("file:///etc/passwd", UNKNOWN, "file://"),
    ("FILE://localhost/etc/passwd", UNKNOWN, "file://"),
    ("gopher://localhost:PORT/_GET", UNKNOWN, "gopher://"),
    ("ftp://localhost/a.wav", UNKNOWN, "ftp://"),
    ("data://text/plain,a", UNKNOWN, "data://"),
    ("jar:https://localhost:PORT/a.wav", MISSING, "not there"),
    # this machine, in every form
    ("https://localhost/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://localhost./a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://LOCALHOST/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://127.0.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://127.9.9.9/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://0.0.0.0/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[::1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[::]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[::ffff:127.0.0.1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[::ffff:7f00:1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[0:0:0:0:0:ffff:127.0.0.1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[::127.0.0.1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[64:ff9b::127.0.0.1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[64:ff9b:1::7f00:1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[2002:7f00:1::]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[2001:0:7f00:1::]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://2130706433/a.wav", FORBIDDEN, PLAIN),
    ("https://0x7f000001/a.wav", FORBIDDEN, PLAIN),
    ("https://0x7f.0.0.1/a.wav", FORBIDDEN, PLAIN),
    ("https://017700000001/a.wav", FORBIDDEN, PLAIN),
    ("https://0177.0.0.1/a.wav", FORBIDDEN, PLAIN),
    ("https://127.1/a.wav", FORBIDDEN, PLAIN),
    ("https://127.0.0.1.:443/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://0/a.wav", FORBIDDEN, PLAIN),
    ("https://127。0。0。1/a.wav", FORBIDDEN, PLAIN),
    ("https://①②⑦.⓪.⓪.①/a.wav", FORBIDDEN, PLAIN),
    ("https://ⓛocalhost/a.wav", FORBIDDEN, PLAIN),
    ("https://127.0.0.1%2f.example.com/a.wav", FORBIDDEN, PLAIN),
    ("https://%6c%6f%63%61%6c%68%6f%73%74/a.wav", FORBIDDEN, PLAIN),
    ("https://[::1%25lo]/a.wav", FORBIDDEN, PLAIN),
    ("https://[localhost]/a.wav", FORBIDDEN, "that is none"),
    # other networks that are not public
    ("https://10.0.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://172.16.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://192.168.1.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://100.64.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://198.18.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://192.88.99.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://224.0.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://239.1.2.3/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://240.0.0.1/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://255.255.255.255/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[fc00::1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[ff02::1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[64:ff9b::10.0.0.1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[3fff::1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://[5f00::1]/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://private.example.com/a.wav", FORBIDDEN, NOT_PUBLIC),
    ("https://mixed.example.com/a.wav", FORBIDDEN, NOT_PUBLIC),
    # clouds' own
    ("https://169.254.169.254/latest/meta-data/", FORBIDDEN, NEVER),
    ("https://[::ffff:169.254.169.254]/a", FORBIDDEN, NEVER),
    ("https://[64:ff9b::169.254.169.254]/a", FORBIDDEN, NEVER),
    ("https://[2002:a9fe:a9fe::]/a", FORBIDDEN, NEVER),
    ("https://[fd00:ec2::254]/latest", FORBIDDEN, NEVER),
    ("https://[fe80::1]/a.wav", FORBIDDEN, NEVER),
    ("https://100.100.100.200/latest", FORBIDDEN, NEVER),
    ("https://168.63.129.16/machine", FORBIDDEN, NEVER),
    ("https://metadata.google.internal/computeMetadata/v1/", FORBIDDEN, NEVER),
    ("https://allowed-metadata.example.com/a", FORBIDDEN, NEVER),
    # users, ports, schemes
    ("https://user:word@localhost:PORT/allowed/a.wav", FORBIDDEN, USER),
    ("https://localhost:PORT@evil.example.com/a.wav", FORBIDDEN, USER),
    ("https://evil.example.com\\@localhost:PORT/allowed/a.wav", FORBIDDEN, MISLEADS),
    ("https://localhost:PORT\\@evil.example.com/a.wav", FORBIDDEN, MISLEADS),
    ("https://evil.example.com:22/a.wav", FORBIDDEN, "port 22"),
    ("https://evil.example.com:8443/a.wav", FORBIDDEN, "port 8443"),
    ("https://evil.example.com:99999/a.wav", FORBIDDEN, "that is none"),
    ("https://evil.example.com:0/a.wav", FORBIDDEN, FULL),
    ("https://127.0.0.1:PORT/allowed/a.wav", FORBIDDEN, "port"),
    ("http://evil.example.com/a.wav", FORBIDDEN, "not encrypted"),
    ("http://localhost:PORT/allowed/a.wav", FORBIDDEN, "not encrypted"),
    ("https:///a.wav", FORBIDDEN, PLAIN),
    ("https://", FORBIDDEN, PLAIN),
    ("https://.../a.wav", FORBIDDEN, PLAIN),
    ("https://a..b/a.wav", FORBIDDEN, PLAIN),
    ("https://loc\talhost:PORT/allowed/a.wav", FORBIDDEN, MISLEADS),
    ("https://localhost:PORT/allowed/a\r\nHost: evil.wav", FORBIDDEN, MISLEADS),
    ("https://localhost:PORT/allowed/a.wav\u202e", FORBIDDEN, MISLEADS),
    # paths beside what is allowed of a host
    ("https://localhost:PORT/secret.wav", FORBIDDEN, "port"),
    ("https://localhost:PORT/allowedness/a.wav", FORBIDDEN, "port"),
    ("https://localhost:PORT/allowed/../secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/%2e%2e/secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/%252e%252e/secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/..%2fsecret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/..%5csecret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/./../secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/..;/secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/..;a=b/secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/%2e%2e%3b/secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/%252e%252e%253ba/secret.wav", UNREADABLE, DOTS),
    ("https://localhost:PORT/allowed/.;/a.wav", UNREADABLE, DOTS),
]


@pytest.fixture
def places(root: Path, tmp_path: Path) -> Path:
    """A root with ways out of it, and a secret beside it."""
    for folder in (tmp_path, tmp_path / "media-private"):
        folder.mkdir(exist_ok=True)
        (folder / "secret.wav").write_bytes(wav(b"secret"))
    (root / "a").mkdir()
    (root / "folder").mkdir()
    links: dict[str, str | Path] = {
        "link.wav": "../secret.wav",
        "absolute-link.wav": tmp_path / "secret.wav",
        "folder-link": tmp_path,
        "link-to-link.wav": "link.wav",
        "proc-link": "/proc",
        "fd-link": "/dev/fd/0",
        "circle.wav": "circle.wav",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "fifo.wav")
    return root


@pytest.fixture
def names(resolver: Names) -> None:
    resolver |= {
        "private.example.com": ["10.1.2.3"],
        "mixed.example.com": ["93.184.215.14", "10.1.2.3"],
        "evil.example.com": ["127.0.0.1"],
        "metadata.google.internal": ["169.254.169.254"],
        "allowed-metadata.example.com": ["169.254.169.254"],
    }


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(("reference", "code", "reason"), HOSTILE, ids=[ascii(row[0]) for row in HOSTILE])
def test_is_refused_with_its_reason_and_without_a_request(
    places: Path, web: Web, reference: str, code: str, reason: str
) -> None:
    allowed = (f"{web.url}/allowed", "https://allowed-metadata.example.com/") if scheme_of(reference) else ()
    access = Access((places, *allowed), connect_timeout_s=2.0)
    web.files |= dict.fromkeys(("/allowed/a.wav", "/secret.wav", "/allowedness/a.wav"), wav(b"secret"))
    reference = reference.replace("PORT", str(web.port)).replace("ROOT", str(places))

    with pytest.raises(MediaRefused) as raised:
        probe(reference, access)

    assert (raised.value.code, reason in str(raised.value)) == (code, True), raised.value
    assert str(raised.value).isprintable()
    assert web.requests == []


def test_what_is_allowed_of_the_same_host_is_read(places: Path, web: Web) -> None:
    web.files["/allowed/a.wav"] = wav(b"sound")

    assert (
        probe(f"{web.url}/allowed/a.wav", Access((places, f"{web.url}/allowed"))).content_type == "audio/wav"
    )
    assert len(web.requests) == 1
