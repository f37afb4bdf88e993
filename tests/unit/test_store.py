"""What the store shows of an address, and the texts of its scripts."""

from __future__ import annotations

import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import pipeline
from pipeline.connecting import shown
from pipeline.scripts import PRELUDES, script_text

LUA = Path(pipeline.__file__).parent / "lua"
SCRIPTS = sorted(path.stem for path in LUA.glob("*.lua") if not path.stem.endswith("prelude"))
PASSWORDS = st.text(string.ascii_letters + string.digits + "/?#@:%", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("redis://ledger.internal:6379/2", "redis://ledger.internal:6379/2"),
        ("rediss://user:password@ledger.internal/0", "rediss://ledger.internal/0"),
        ("redis://:password@10.0.0.1:6380", "redis://10.0.0.1:6380"),
        ("redis://ledger/0?password=other", "redis://ledger/0"),
        ("sentinels://user:word@a:1,b/calls/2", "sentinels://a:1,b:26379/calls"),
        ("unix:///run/valkey.sock", "/run/valkey.sock"),
        ("unix://user:password@/run/valkey.sock?db=1", "/run/valkey.sock"),
    ],
)
def test_an_address_is_shown_without_user_and_password(url: str, text: str) -> None:
    assert shown(url) == text


@given(password=PASSWORDS.map(lambda text: f"Secret{text}Word"))
def test_a_password_is_never_shown(password: str) -> None:
    for url in (
        f"redis://user:{quote(password, safe='')}@host:6379/0",
        f"unix://:{quote(password, safe='')}@/run/valkey.sock",
    ):
        assert "Secret" not in shown(url)
        assert "Word" not in shown(url)


@given(password=PASSWORDS)
@example("pass/word")
@example("pass?word")
@example("pass#word")
@example("1/2")
def test_nothing_of_a_password_with_bare_delimiters_is_shown_either(password: str) -> None:
    """Such an address is refused by the settings; nobody shows it before that."""
    assume(any(letter in password for letter in "/?#"))

    assert shown(f"redis://user:{password}@host:6379/0") in {"redis://…", "redis://host:6379/0"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_has_a_header_and_stands_behind_the_prelude(name: str) -> None:
    header = (LUA / f"{name}.lua").read_text("utf-8").split("\n\n")[0].splitlines()
    words = [line.split()[1] for line in header if line.startswith("-- ") and line.strip("- ")]

    assert all(line.startswith("-- ") or line == "--" for line in header)
    assert {"KEYS", "ARGV", "RETURNS", "ERRORS"} <= set(words)
    assert script_text(name).startswith((LUA / "prelude.lua").read_text("utf-8"))


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(
    ("prelude", "words"),
    [
        ("limiter_prelude", ("gate_key", "limiter_key", "grants_key", "read_gate", "close_gate")),
        ("rows_prelude", ("chunk_of", "note_row", "last_line", "found_batch", "forget_job", "unpacked_id")),
    ],
)
def test_scripts_have_the_preludes_that_they_use(name: str, prelude: str, words: tuple[str, ...]) -> None:
    own = (LUA / f"{name}.lua").read_text("utf-8")

    assert any(word in own for word in words) == (name in PRELUDES[prelude])
    assert ((LUA / f"{prelude}.lua").read_text("utf-8") in script_text(name)) == (name in PRELUDES[prelude])


def test_no_script_is_named_that_is_not_there() -> None:
    assert set(SCRIPTS) >= {name for names in PRELUDES.values() for name in names}
