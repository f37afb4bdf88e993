"""Local files: what lies below a root and is a file is opened, and nothing else."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import Access, probe
from tests.unit.media.places import refusal_of, write
from tests.unit.media.samples import wav


def test_an_absolute_path_below_a_root_is_taken(root: Path, tmp_path: Path) -> None:
    path = write(root / "call.mp3")

    assert (
        probe(
            str(path),
            Access(
                (
                    tmp_path / "media",
                    root,
                )
            ),
        ).content_type
        == "audio/mpeg"
    )
    (tmp_path / "other").mkdir()
    assert (
        probe(
            str(path),
            Access(
                (
                    tmp_path / "other",
                    root,
                )
            ),
        ).content_type
        == "audio/mpeg"
    )


def test_a_relative_path_is_looked_for_below_each_root_in_order(root: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    write(second / "only-here.mp3")
    write(second / "both.mp3", wav())
    write(root / "both.mp3")

    assert (
        probe(
            "only-here.mp3",
            Access(
                (
                    root,
                    second,
                )
            ),
        ).content_type
        == "audio/mpeg"
    )
    assert (
        probe(
            "both.mp3",
            Access(
                (
                    root,
                    second,
                )
            ),
        ).content_type
        == "audio/mpeg"
    )
    assert (
        probe(
            "both.mp3",
            Access(
                (
                    second,
                    root,
                )
            ),
        ).content_type
        == "audio/wav"
    )


@pytest.mark.parametrize("reference", ["missing.mp3", "no/such/folder.mp3", "other.txt/below.mp3", "x" * 300])
def test_missing(root: Path, reference: str) -> None:
    refusal = refusal_of(reference, root)

    assert refusal.code == "media_missing"
    assert reference in str(refusal)
    assert str(root) in str(refusal)


def test_missing_below_the_root_that_an_absolute_path_names(root: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    write(second / "a.mp3")

    assert refusal_of(str(root / "missing.mp3"), root, second).code == "media_missing"


@pytest.mark.parametrize("reference", ["a\0b.mp3", "\0", "bad\udcff.mp3"], ids=repr)
def test_a_path_that_is_no_text(root: Path, reference: str) -> None:
    refusal = refusal_of(reference, root)

    assert refusal.code == "media_unreadable"
    assert str(refusal).isprintable()


@pytest.mark.parametrize("reference", ["", ".", "folder", "folder/"])
def test_a_folder(root: Path, reference: str) -> None:
    (root / "folder").mkdir()

    refusal = refusal_of(reference, root)

    assert refusal.code == "media_unreadable"
    assert "a folder" in str(refusal)


def test_a_fifo_is_refused_at_once(root: Path) -> None:
    os.mkfifo(root / "call.mp3")

    refusal = refusal_of("call.mp3", root)

    assert refusal.code == "media_unreadable"
    assert "a FIFO" in str(refusal)


def test_a_socket(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("call.mp3")

        assert refusal_of("call.mp3", root).code == "media_unreadable"


def test_a_device() -> None:
    refusal = refusal_of("/dev/zero", Path("/"))

    assert refusal.code == "media_unreadable"
    assert "a device" in str(refusal)


def test_a_file_that_may_not_be_read(root: Path) -> None:
    path = write(root / "locked" / "call.mp3")
    path.chmod(0)
    if os.access(path, os.R_OK):  # for root nothing is locked: ask as somebody else
        refusal = as_nobody(lambda: refusal_of("locked/call.mp3", root), root)
    else:
        refusal = refusal_of("locked/call.mp3", root)

    assert refusal.code == "media_unreadable"
    assert "Permission denied" in str(refusal)


def as_nobody(act: Callable[[], MediaRefused], root: Path) -> MediaRefused:
    for folder in (root, *root.parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o011)
    os.seteuid(65534)
    try:
        return act()
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "reference", ["../secret.mp3", "a/../../secret.mp3", "link.mp3", "folder/secret.mp3", "abs.mp3"]
)
def test_a_way_out_of_the_root(root: Path, tmp_path: Path, reference: str) -> None:
    secret = write(tmp_path / "secret.mp3")
    (root / "a").mkdir()
    (root / "link.mp3").symlink_to("../secret.mp3")
    (root / "abs.mp3").symlink_to(secret)
    (root / "folder").symlink_to(tmp_path)

    refusal = refusal_of(reference, root)

    assert refusal.code == "media_outside_roots"
    assert str(root) in str(refusal)


@pytest.mark.parametrize("reference", ["/etc/passwd", "/proc/self/environ", "/nowhere/at/all.mp3"])
def test_an_absolute_path_beside_the_roots(root: Path, reference: str) -> None:
    assert refusal_of(reference, root).code == "media_outside_roots"


def test_a_root_is_not_a_beginning_of_a_name(root: Path) -> None:
    beside = write(root.with_name(root.name + "-private") / "call.mp3")

    assert refusal_of(str(beside), root).code == "media_outside_roots"


def test_without_roots_no_local_file_is_read(root: Path) -> None:
    with pytest.raises(MediaUnavailable, match="no media root is set; set GONG_INGEST_MEDIA_ROOTS"):
        probe(str(write(root / "call.mp3")), Access())


def test_links_that_stay_below_the_root_are_followed(root: Path, tmp_path: Path) -> None:
    write(root / "2024" / "call.mp3")
    (root / "latest").symlink_to("2024")
    (root / "call.mp3").symlink_to("latest/call.mp3")
    alias = tmp_path / "alias"
    alias.symlink_to(root)

    for reference in ("call.mp3", "latest/call.mp3", str(alias / "call.mp3")):
        assert probe(reference, Access((root,))).content_type == "audio/mpeg"
    assert probe("call.mp3", Access((alias,))).content_type == "audio/mpeg"


def test_links_in_a_circle(root: Path) -> None:
    (root / "a.mp3").symlink_to("b.mp3")
    (root / "b.mp3").symlink_to("a.mp3")

    assert refusal_of("a.mp3", root).code == "media_unreadable"


def test_a_link_that_is_put_in_after_the_look_is_not_followed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Between the path's resolution and the opening, somebody replaces a folder by a link that leads out.
    write(tmp_path / "private" / "call.mp3")
    write(root / "folder" / "call.mp3")
    (root / "alias").symlink_to("folder")
    resolve: Callable[..., str] = os.path.realpath

    def resolve_then_swap(path: Path, *, strict: bool = False) -> str:
        real = resolve(path, strict=strict)
        if str(path).endswith("call.mp3"):
            (root / "folder").rename(root / "moved")
            (root / "folder").symlink_to(tmp_path / "private")
        return real

    monkeypatch.setattr(os.path, "realpath", resolve_then_swap)

    assert refusal_of("alias/call.mp3", root).code == "media_missing"


@pytest.mark.parametrize("reference", ["call.mp3", "folder/call.mp3", "folder//call.mp3"])
def test_no_link_is_looked_for_where_none_is_on_the_way(
    root: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    write(root / reference)
    monkeypatch.delattr(os.path, "realpath")

    assert probe(reference, Access((root,))).size_bytes > 0


def test_a_root_that_is_not_there_is_waited_for(root: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaUnavailable, match="mounted"):
        probe("call.mp3", Access((tmp_path / "share",)))


def test_media_missing_below_an_empty_root_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()

    with pytest.raises(MediaUnavailable, match="mounted"):
        probe("call.mp3", Access((tmp_path / "share",)))


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EMFILE])
@pytest.mark.parametrize("function", ["open", "fstat", "pread"])
def test_a_store_that_does_not_answer_is_waited_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, function: str
) -> None:
    # No file system can be told to fail like this; the system call is made to fail instead.
    write(root / "call.mp3")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, function, fail)
        with pytest.raises(MediaUnavailable) as raised:
            probe("call.mp3", Access((root,)))
    assert os.strerror(number) in str(raised.value)
