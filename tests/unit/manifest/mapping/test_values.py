"""Tables of values."""

from pathlib import Path

import pytest

from pipeline.manifest.mapping.values import TableRefused, Tables


def test_words_are_folded_and_stripped(tmp_path: Path) -> None:
    tables = Tables({"users": {" Jane DOE": "7", "ßtraße": "8"}}, tmp_path)
    assert tables.named("users") == {"jane doe": "7", "sstrasse": "8"}


def test_table_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    tables = Tables({"users": {"a": "1"}}, tmp_path)
    with pytest.raises(TableRefused, match=r"no table 'user' below \[values\]; is 'users' meant"):
        tables.named("user")
    with pytest.raises(TableRefused, match=r"add \[values.teams\]"):
        tables.named("teams")


def test_words_without_value_are_all_told(tmp_path: Path) -> None:
    table = {f"user {place}": "" for place in range(15)} | {"known": "7"}
    with pytest.raises(TableRefused) as raised:
        Tables({}, tmp_path).inline(table)
    messages = raised.value.messages
    assert isinstance(messages, dict)
    assert messages["user 0"] == "has no value yet; fill it in"
    assert messages["…"] == "and 5 more"


def test_word_with_two_values_is_refused_and_with_one_twice_is_not(tmp_path: Path) -> None:
    tables = Tables({}, tmp_path)
    assert tables.inline({"Jane": "7", "JANE": "7"}) == {"jane": "7"}
    with pytest.raises(TableRefused) as raised:
        tables.inline({"Jane": "7", "jane ": "8"})
    assert raised.value.messages == {"jane ": "has two values, '7' and '8'"}


@pytest.mark.parametrize(
    "content", [b"a@acme.com,7\nb@acme.com, 8 \n", b"\xef\xbb\xbfa@acme.com,7,x\r\n\r\nb@acme.com,8\r\n"]
)
def test_file_has_words_and_values(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "users.csv").write_bytes(content)
    tables = Tables({}, tmp_path)
    assert tables.of_file("users.csv") == {"a@acme.com": "7", "b@acme.com": "8"}
    (tmp_path / "users.csv").unlink()
    assert tables.of_file("users.csv") == {"a@acme.com": "7", "b@acme.com": "8"}, "read once"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff\xfea", "cannot be read"),
        (b"a;7\n", "row 1 has no second column"),
        (b"", "has no words in it"),
        (b'a,"7\n', "cannot be read"),
    ],
)
def test_file_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "users.csv").write_bytes(content)
    with pytest.raises(TableRefused, match=message):
        Tables({}, tmp_path).of_file("users.csv")
