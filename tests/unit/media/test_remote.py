"""Media at a store that is asked for parts: how much is asked for, and that no two versions are mixed."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from pipeline.errors import MediaRefused, MediaUnavailable
from pipeline.media.remote import BLOCK_BYTES, BLOCKS_KEPT, BLOCKS_MAX, RemoteMedia

CONTENT = bytes(range(251)) * 4_000


@dataclass
class Store:
    """A store with one object, which heeds no condition: what it gives is what it has."""

    content: bytes = CONTENT
    version: str = "1"
    cut_bytes: int = 0
    asked: list[tuple[int, int | None]] = field(default_factory=list)

    def fetch(self, offset: int, size: int | None, _version: str | None) -> Part:
        self.asked.append((offset, size))
        end = None if size is None else offset + size
        return Part(len(self.content), self.version, self.content[offset:end][: -self.cut_bytes or None])


@dataclass
class Part:
    size_bytes: int
    version: str
    rest: bytes

    def read(self, size: int) -> bytes:
        block, self.rest = self.rest[: min(size, 1000)], self.rest[min(size, 1000) :]
        return block

    def close(self) -> None:
        self.rest = b""


def test_blocks_are_asked_for_once_and_some_are_kept() -> None:
    store = Store()
    media = RemoteMedia("s3://b/a", "a", store.fetch)

    for offset, size in ((0, 9), (BLOCK_BYTES - 2, 5), (5, 5), (len(CONTENT) - 3, 99), (len(CONTENT), 5)):
        assert media.read_at(offset, size) == CONTENT[offset : offset + size]
    assert [offset // BLOCK_BYTES for offset, _ in store.asked] == [0, 1, len(CONTENT) // BLOCK_BYTES]
    for number in range(BLOCKS_KEPT + 1):
        media.read_at(number * BLOCK_BYTES, 1)
    before = len(store.asked)
    media.read_at(BLOCKS_KEPT * BLOCK_BYTES, 1)
    assert len(store.asked) == before
    media.read_at(0, 1)
    assert len(store.asked) == before + 1


def test_media_that_would_be_searched_for_ever_is_refused() -> None:
    store = Store(content=bytes(2 * BLOCKS_MAX * BLOCK_BYTES))
    media = RemoteMedia("s3://b/a", "a", store.fetch)

    for number in range(BLOCKS_MAX):
        media.read_at(number * BLOCK_BYTES, 1)
    with pytest.raises(MediaRefused, match=f"could not be told from {BLOCKS_MAX} parts"):
        media.read_at(BLOCKS_MAX * BLOCK_BYTES, 1)
    assert len(store.asked) == BLOCKS_MAX + 1


def test_two_versions_are_never_mixed() -> None:
    store = Store()
    media = RemoteMedia("s3://b/a", "a", store.fetch)
    store.version = "2"

    with pytest.raises(MediaRefused, match="changed since it was looked at"):
        media.read_at(BLOCK_BYTES, 1)
    with pytest.raises(MediaRefused, match="changed since it was looked at"):
        media.read(1)
    assert media.fingerprint_now() != media.fingerprint


def test_a_part_that_breaks_off_is_no_part() -> None:
    store = Store()
    media = RemoteMedia("s3://b/a", "a", store.fetch)
    store.cut_bytes = 1

    with pytest.raises(MediaUnavailable, match="broke off after 65,535 of 65,536 bytes"):
        media.read_at(BLOCK_BYTES, 1)


def test_it_is_read_to_its_end_with_one_request() -> None:
    store = Store()
    media = RemoteMedia("s3://b/a", "a", store.fetch)

    parts = [media.read(100_000)]
    while parts[-1]:
        parts.append(media.read(100_000))
    assert b"".join(parts) == CONTENT
    assert store.asked == [(0, BLOCK_BYTES), (0, None)]


def test_media_of_the_same_version_elsewhere_is_other_media() -> None:
    fingerprints = {RemoteMedia(f"s3://b/{name}", name, Store().fetch).fingerprint for name in "ab"}
    assert len(fingerprints) == 2
