"""The stream: the bytes as they were, or none that look whole."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media import BLOCK_MAX_BYTES, Access, Media, MediaStream, open_media, probe
from tests.unit.media.samples import wav

SIZE = 3 * BLOCK_MAX_BYTES + 17


def make_media(root: Path, size: int = SIZE) -> tuple[Path, Media]:
    path = root / "call.wav"
    path.write_bytes(wav(size)[:size])
    return path, probe("call.wav", Access((root,)))


def read_all(stream: MediaStream, block: int = BLOCK_MAX_BYTES) -> bytes:
    return b"".join(iter(lambda: stream.read(block), b""))


@pytest.mark.parametrize(
    "size",
    [45, 46, 4095, BLOCK_MAX_BYTES - 1, BLOCK_MAX_BYTES, BLOCK_MAX_BYTES + 1, 2 * BLOCK_MAX_BYTES, SIZE],
)
def test_bytes_and_hash_are_those_of_the_file(tmp_path: Path, size: int) -> None:
    path, media = make_media(tmp_path, size)

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        content = read_all(stream)

        assert content == path.read_bytes()
        assert (stream.size_bytes, stream.count) == (size, size)
        assert stream.sha256_hex == hashlib.sha256(path.read_bytes()).hexdigest()
        assert stream.read() == b""


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_of_any_length_give_the_same(tmp_path: Path, block: int) -> None:
    path, media = make_media(tmp_path, 5003)

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        assert read_all(stream, block) == path.read_bytes()
        assert stream.sha256_hex == hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_block_is_larger_than_1_mib(tmp_path: Path) -> None:
    _, media = make_media(tmp_path)

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        assert len(stream.read(1 << 30)) == BLOCK_MAX_BYTES


def test_there_is_no_hash_before_the_end(tmp_path: Path) -> None:
    _, media = make_media(tmp_path)

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        stream.read()
        with pytest.raises(RuntimeError, match="all or nothing"):
            _ = stream.sha256_hex


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shorten(path: Path) -> None:
    os.truncate(path, SIZE - 1)


def cut_in_half(path: Path) -> None:
    os.truncate(path, SIZE // 2)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(SIZE - 5)
        file.write(b"other")


def replace(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    times = path.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def delete(path: Path) -> None:
    path.unlink()


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = [append, shorten, cut_in_half, rewrite, replace, delete]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("blocks_before", [0, 1, 3])
def test_media_that_changes_while_it_is_read_is_never_given_out_whole(
    tmp_path: Path, change: Callable[[Path], None], blocks_before: int
) -> None:
    path, media = make_media(tmp_path)

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        for _ in range(blocks_before):
            stream.read()
        change(path)
        with pytest.raises(MediaRefused) as refusal:
            read_all(stream)

    assert refusal.value.code == "media_changed"
    assert stream.count < SIZE


def test_media_replaced_by_a_folder_is_never_given_out_whole(tmp_path: Path) -> None:
    path, media = make_media(tmp_path)

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        replace_by_folder(path)
        with pytest.raises(MediaRefused):
            read_all(stream)


@pytest.mark.parametrize("change", [append, shorten, rewrite, replace], ids=lambda change: change.__name__)
@pytest.mark.parametrize("size_bytes", [1000, 3 * BLOCK_MAX_BYTES])
def test_media_that_changed_since_it_was_looked_at_never_comes_out_whole(
    tmp_path: Path, change: Callable[[Path], None], size_bytes: int
) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(wav(size_bytes))
    media, stream = open_media("call.wav", Access((tmp_path,)))
    change(path)

    with stream, pytest.raises(MediaRefused) as refusal:
        read_all(stream)

    assert refusal.value.code == "media_changed"
    assert stream.count < media.size_bytes


def test_media_that_is_gone_when_it_is_opened_is_missing(tmp_path: Path) -> None:
    path, media = make_media(tmp_path)
    path.rename(tmp_path / "moved.wav")

    with pytest.raises(MediaRefused) as refusal:
        open_media(media.reference, Access((tmp_path,)))

    assert refusal.value.code == "media_missing"


def test_a_share_that_fails_while_it_is_read_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, media = make_media(tmp_path)

    def fail(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        stream.read()
        monkeypatch.setattr(os, "pread", fail)
        with pytest.raises(MediaUnavailable, match="Input/output error"):
            read_all(stream)


def test_memory_does_not_grow_with_the_size(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(wav())
    os.truncate(path, 200 * BLOCK_MAX_BYTES)
    media = probe("call.wav", Access((tmp_path,)))

    with open_media(media.reference, Access((tmp_path,)))[1] as stream:
        tracemalloc.start()
        while stream.read():
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 4 * BLOCK_MAX_BYTES
