"""What the store shows of an address, and the texts of its scripts."""

from __future__ import annotations

import re
import string
from collections import Counter
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
        ("sentinels://user:w[rd@a:1,[::1]:2/calls/2", "sentinels://a:1,[::1]:2/calls"),
        ("sentinel://user:wo/rd@a:1/calls", "sentinel://…"),
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
    assert script_text(name).endswith((LUA / f"{name}.lua").read_text("utf-8"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_stands_behind_all_that_it_uses_of_the_preludes_and_nothing_else(name: str) -> None:
    own = (LUA / f"{name}.lua").read_text("utf-8")
    before = script_text(name).removesuffix(own)
    defined = names_in(before)

    assert before.startswith("local prefix = KEYS[1]\n")
    assert "if format ~= FORMAT then" in before
    assert "if KEYS[2] then" in before
    # A name stands where it is defined, and where it is used.
    words = Counter(re.findall(r"\w+", re.sub(r"--.*|'[^']*'", "", script_text(name))))
    assert [each for each in defined if words[each] < 2] == []
    everything = {
        each for prelude in PRELUDES for each in names_in((LUA / f"{prelude}.lua").read_text("utf-8"))
    }
    assert everything & words.keys() == set(defined)


def names_in(text: str) -> list[str]:
    """Give what is defined at the left edge."""
    return re.findall(r"^local (?:function )?(\w+)", text, re.MULTILINE)


def test_what_is_left_out_takes_with_it_what_is_used_by_it_alone() -> None:
    whole, less = script_text("members"), script_text("members", without="if KEYS[2]")

    assert "traffic_key" in whole
    assert "KEYS[2]" not in less
    assert "traffic_key" not in less
    assert "HGETALL" in less
