"""Tokens: shown once, kept as hashes, gone when they are revoked."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from pipeline.api.tokens import Scope, Tokens, TokensFile
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

ALL = frozenset(Scope)


@pytest.fixture
def file(tmp_path: Path) -> TokensFile:
    return TokensFile(tmp_path / "below" / "tokens.json")


def test_the_file_has_the_hash_and_nothing_of_the_secret(file: TokensFile) -> None:
    text = file.create("pbx", {Scope.ENQUEUE})

    (token,) = file.read()
    written = file.path.read_text()
    assert (token.name, token.scopes) == ("pbx", frozenset({Scope.ENQUEUE}))
    assert token.sha256 == hashlib.sha256(text.encode()).hexdigest()
    prefix, key, secret = text.split("_", 2)
    assert (prefix, key) == ("gi", token.key)
    assert len(secret) == 43  # 256 bits in base64
    assert secret not in written
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_no_two_tokens_are_the_same(file: TokensFile) -> None:
    assert len({file.create(f"pbx-{number}", ALL) for number in range(20)}) == 20


@pytest.mark.parametrize("name", ["", " pbx", "p\nbx", "x" * 101])
def test_a_name_must_be_fit_for_a_log(file: TokensFile, name: str) -> None:
    with pytest.raises(SettingsInvalid, match="printable"):
        file.create(name, ALL)


def test_a_name_is_given_once(file: TokensFile) -> None:
    file.create("pbx", ALL)
    with pytest.raises(SettingsInvalid, match="already"):
        file.create("pbx", ALL)


def test_tokens_made_at_the_same_time_are_all_there(file: TokensFile) -> None:
    threads = [threading.Thread(target=file.create, args=(f"pbx-{number}", ALL)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(file.read()) == 12


def test_who_holds_a_token_is_known_until_it_is_revoked(file: TokensFile) -> None:
    pbx, crm = file.create("pbx", {Scope.ENQUEUE}), file.create("crm", {Scope.READ})
    tokens = Tokens(file, required=True)
    found = tokens.holder(pbx)
    assert found is not None
    assert (found.name, found.scopes) == ("pbx", frozenset({Scope.ENQUEUE}))

    file.revoke("pbx")

    assert tokens.holder(pbx) is None
    assert tokens.holder(crm) is not None
    with pytest.raises(SettingsInvalid, match="no token 'pbx'"):
        file.revoke("pbx")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + "x",
        lambda text: text.swapcase(),
        lambda text: text.replace("gi_", "gi-"),
        lambda text: "_".join([*text.split("_", 2)[:2], "A" * 43]),
        lambda _: "",
        lambda _: "gi__",
        lambda _: "\udcff",
    ],
)
def test_nothing_but_the_token_itself_is_one(file: TokensFile, change: object) -> None:
    text = file.create("pbx", ALL)

    assert callable(change)
    assert Tokens(file, required=True).holder(change(text)) is None


def test_tokens_are_required_as_soon_as_there_is_a_file_and_for_ever_after(file: TokensFile) -> None:
    tokens = Tokens(file, required=False)
    assert not tokens.are_required()

    text = file.create("pbx", ALL)
    assert tokens.are_required()
    assert tokens.holder(text)

    file.path.unlink()
    assert tokens.are_required()
    assert tokens.holder(text) is None


def test_a_file_is_read_again_only_when_it_has_changed(
    file: TokensFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file.create("pbx", ALL)
    tokens = Tokens(file, required=True)
    assert tokens.holder(text)
    monkeypatch.setattr(TokensFile, "read", lambda _: pytest.fail("it was read again"))

    assert tokens.holder(text)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokens": [{"name": "pbx"}]}', "\xff"])
def test_what_is_no_file_of_tokens_lets_nobody_in(file: TokensFile, content: str) -> None:
    text = file.create("pbx", ALL)
    tokens = Tokens(file, required=True)
    assert tokens.holder(text)

    file.path.write_bytes(content.encode("latin-1"))

    with pytest.raises(SettingsInvalid, match="tokens"):
        tokens.holder(text)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsInvalid, match="cannot be written"):
        TokensFile(tmp_path / "file" / "tokens.json").create("pbx", ALL)


def test_the_file_lies_where_the_settings_say(tmp_path: Path) -> None:
    assert TokensFile.of(Settings(data_dir=tmp_path)).path == tmp_path / "api-tokens.json"
    assert TokensFile.of(Settings(api_tokens=tmp_path / "x.json")).path == tmp_path / "x.json"


def test_a_crash_while_writing_leaves_the_tokens_as_they_were(
    file: TokensFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = file.create("pbx", ALL)

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SettingsInvalid, match="No space left"):
        file.create("crm", ALL)
    monkeypatch.undo()

    assert Tokens(file, required=True).holder(text)
    file.create("crm", ALL)
    assert json.loads(file.path.read_text())["tokens"][1]["name"] == "crm"
