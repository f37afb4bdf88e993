"""What a manifest's bytes are before they are lines."""

import codecs
import gzip
import io
import os
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ManifestUnreadable
from pipeline.manifest import Reading, Row, read_manifest
from pipeline.manifest.lines import Lines
from pipeline.manifest.opening import check_encoding, opened
from tests.unit.manifest.builders import jsonl, lines_of, make_call, make_cells, table

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = "clientUniqueId,title\r\n1,Zoë \N{PILE OF POO}\r\n"


def read_all(content: bytes, encoding: str | None = None) -> bytes:
    with opened(io.BytesIO(content), encoding) as stream:
        return b"".join(line.content for line in Lines(stream, "calls.csv"))


# --- encodings


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"", "utf-8"),
    ],
)
@pytest.mark.parametrize("given", [None, "latin-1", "utf-16"])
def test_byte_order_mark_tells_the_encoding_whatever_was_chosen(
    mark: bytes, encoding: str, given: str | None
) -> None:
    if mark or given is None:
        assert read_all(mark + TEXT.encode(encoding), given) == TEXT.encode()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "UTF_8", "utf-8-sig", "utf-16-le", "utf-16-be", "gb18030", "utf-32-le"]
)
def test_chosen_encoding_is_read_without_a_mark(encoding: str) -> None:
    assert read_all(TEXT.encode(encoding), encoding) == TEXT.encode()


def test_utf_16_without_a_mark_begins_with_the_lower_byte() -> None:
    assert read_all(TEXT.encode("utf-16-le"), "utf-16") == TEXT.encode()


@given(st.text(st.characters(codec="cp1252"), max_size=300))
def test_every_text_of_one_byte_a_character_comes_out_as_it_was(text: str) -> None:
    assert read_all(text.encode("cp1252"), "cp1252").decode() == text


# A text of UTF-16 that begins with NUL has the mark of UTF-32.
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200),
    st.sampled_from(["utf-16", "utf-8-sig", "utf-32"]),
)
def test_every_text_with_a_mark_comes_out_as_it_was(text: str, encoding: str) -> None:
    assert read_all(text.encode(encoding)).decode() == text


def test_characters_cut_by_a_block_are_whole() -> None:
    text = "é" * 100_000 + "\n"
    assert read_all(text.encode("utf-16")).decode() == text


@pytest.mark.parametrize("name", ["foo", "base64", "idna", "unicode_escape", "", "utf-7", "a\0b"])
def test_encoding_that_no_file_has_is_refused(name: str) -> None:
    with pytest.raises(ManifestUnreadable, match="is not known"):
        check_encoding(name)


def test_bytes_that_are_none_of_the_encoding_cost_their_row_alone() -> None:
    content = table(make_cells(title="Zoë"), make_cells(title="X")).decode().encode("cp1252")
    rows = list(read_manifest(io.BytesIO(content.replace(b"X", b"\x81")), reading=Reading(encoding="cp1252")))
    assert lines_of(rows) == [("Row", 2), ("RejectedRow", 3)]
    assert isinstance(rows[0], Row)
    assert rows[0].call["title"] == "Zoë"


def test_half_of_a_surrogate_pair_costs_its_row_alone() -> None:
    content = table(make_cells(title="X"), make_cells(title="Y")).decode().encode("utf-16-le")
    broken = codecs.BOM_UTF16_LE + content.replace("X".encode("utf-16-le"), b"\x00\xd8")
    assert lines_of(list(read_manifest(io.BytesIO(broken), form="csv"))) == [("RejectedRow", 2), ("Row", 3)]


def test_end_in_the_middle_of_a_character_is_told_after_the_rows_before_it() -> None:
    content = codecs.BOM_UTF16_LE + table(make_cells(), make_cells()).decode().encode("utf-16-le")
    with pytest.raises(ManifestUnreadable, match="ends in the middle of a character of utf-16-le"):
        list(read_manifest(io.BytesIO(content + b"x"), form="csv"))


def test_utf_8_is_assumed_and_another_encoding_is_told_to_be_named() -> None:
    content = table(make_cells(title="Zoë")).decode().encode("latin-1")
    (row,) = read_manifest(io.BytesIO(content))
    assert not isinstance(row, Row)
    assert "is not UTF-8: byte 0xeb" in row.reason
    assert "--encoding" in row.reason


# --- compression

ROWS = jsonl(*({"call": make_call(clientUniqueId=f"pbx-{place}"), "media": "a.wav"} for place in range(200)))
PACKED: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd.compress}


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize("name", ["calls.jsonl", "calls.csv", "calls", "CALLS.JSONL"])
def test_compressed_manifest_is_read_and_its_form_told_by_the_inner_ending(
    tmp_path: Path, name: str, ending: str
) -> None:
    content = table(make_cells()) if name == "calls.csv" else jsonl({"call": make_call(), "media": "a.wav"})
    path = tmp_path / (name + ending)
    path.write_bytes(PACKED[ending](content))
    (row,) = read_manifest(path)
    assert isinstance(row, Row)
    assert row.call == make_call()


@pytest.mark.parametrize("ending", PACKED)
def test_compression_is_told_by_the_bytes_not_by_the_name(ending: str) -> None:
    rows = list(read_manifest(io.BytesIO(PACKED[ending](ROWS))))
    assert len(rows) == 200
    assert all(isinstance(row, Row) for row in rows)


def test_plain_manifest_with_an_ending_of_a_compressed_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl.gz"
    path.write_bytes(ROWS)
    assert len(list(read_manifest(path))) == 200


@pytest.mark.parametrize("ending", PACKED)
def test_files_joined_end_to_end_are_one_manifest(ending: str) -> None:
    pack = PACKED[ending]
    assert len(list(read_manifest(io.BytesIO(pack(ROWS) + pack(ROWS))))) == 400


@pytest.mark.parametrize("ending", PACKED)
def test_encoding_within_the_compression_is_undone_too(ending: str) -> None:
    assert read_all(PACKED[ending](TEXT.encode("utf-16"))) == TEXT.encode()


@pytest.mark.parametrize("ending", PACKED)
def test_file_that_is_cut_off_is_told_after_its_rows(ending: str) -> None:
    content = jsonl(
        *({"call": make_call(customData=os.urandom(500).hex()), "media": "a"} for _ in range(2000))
    )
    packed = PACKED[ending](content)
    rows = read_manifest(io.BytesIO(packed[: len(packed) // 2]))
    assert isinstance(next(rows), Row)
    with pytest.raises(
        ManifestUnreadable, match=r"beyond line \d+: it is compressed, and cut off or damaged"
    ):
        list(rows)


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\0\0\0", b"\x28\xb5\x2f\xfd\0", b"\x1f\x8bxxxxxxxx"])
def test_file_that_only_begins_like_a_compressed_one_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestUnreadable, match="could not be read"):
        read_manifest(io.BytesIO(content))


def test_workbook_or_archive_is_refused_with_what_to_do() -> None:
    with pytest.raises(ManifestUnreadable, match="save the sheet as CSV"):
        read_manifest(io.BytesIO(b"PK\x03\x04" + bytes(100)))


@pytest.mark.parametrize("ending", PACKED)
def test_memory_does_not_grow_with_what_is_unpacked(ending: str) -> None:
    content = jsonl({"call": make_call(customData="x" * 5_000), "media": "a.wav"}) * 2_000
    packed = PACKED[ending](content)
    tracemalloc.start()
    try:
        assert sum(isinstance(row, Row) for row in read_manifest(io.BytesIO(packed))) == 2_000
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < len(content) / 5


# --- streams


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_pipe_is_read_without_seeking(pack: Callable[[bytes], bytes]) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as pipe:
        pipe.write(pack(jsonl({"call": make_call(), "media": "a.wav"})))
    with os.fdopen(read_end, "rb") as stream:
        assert list(read_manifest(stream)) == [Row(1, make_call(), "a.wav")]


def test_plain_pipe_hands_its_first_row_out_before_it_ends() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as stream, os.fdopen(write_end, "wb") as pipe:
        pipe.write(jsonl({"call": make_call(), "media": "a.wav"}))
        pipe.flush()
        rows = read_manifest(stream)
        pipe.close()
        assert list(rows) == [Row(1, make_call(), "a.wav")]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
def test_standard_input_may_be_compressed(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(ROWS))))
    assert len(list(read_manifest(Path("-"), form="jsonl"))) == 200


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\xff", b"\0", b"xyz" * 9])).map(b"".join))
def test_what_is_no_mark_comes_through_byte_by_byte(content: bytes) -> None:
    assert read_all(b"aaaa" + content) == b"aaaa" + content


@given(st.binary(max_size=40), st.integers(1, 9))
def test_lines_are_no_longer_than_asked_for(content: bytes, size: int) -> None:
    with opened(io.BytesIO(b"text" + content)) as stream:
        pieces = []
        while piece := stream.readline(size):
            pieces.append(piece)
    assert b"".join(pieces) == b"text" + content
    assert all(len(piece) <= size and b"\n" not in piece[:-1] for piece in pieces)
    assert all(len(piece) == size or piece.endswith(b"\n") for piece in pieces[:-1])
