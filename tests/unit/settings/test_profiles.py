"""The file of profiles: which one counts, what it may say, and what is refused."""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from pipeline.embedded import embedded_server
from pipeline.errors import LedgerUnreachable, SettingsInvalid
from pipeline.settings import Settings
from pipeline.settings.profiles import config_path, warn
from tests.unit.settings.conftest import WriteConfig
from tests.unit.settings.test_environment import BESIDE, TEXTS

NAMES = [setting.name for setting in fields(Settings)]
TWO = """
default = "acme"
[acme]
concurrency = 1
[globex]
concurrency = 2
"""


def toml_of(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml_of, value))}]"
    return str(value) if isinstance(value, int | float) else f'"{value}"'


def refusal() -> str:
    with pytest.raises(SettingsInvalid) as caught:
        Settings.from_env()
    return str(caught.value)


def test_the_file_lies_in_the_platforms_own_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GONG_INGEST_CONFIG")

    assert config_path() == platformdirs.user_config_path("gong-ingest", appauthor=False) / "config.toml"


def test_a_user_without_a_home_has_no_file_and_no_place_for_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("GONG_INGEST_CONFIG")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)

    settings = Settings.from_env()

    with (
        pytest.raises(LedgerUnreachable, match="Set GONG_INGEST_DATA_DIR to one that can be written"),
        embedded_server(settings.data_dir),
    ):
        pass


def test_no_file_is_as_good_as_none_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("GONG_INGEST_CONFIG")
    assert Settings.from_env() == Settings()

    monkeypatch.setenv("GONG_INGEST_CONFIG", str(tmp_path / "none.toml"))
    assert refusal() == f"There is no file {tmp_path}/none.toml; GONG_INGEST_CONFIG names it."


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_read_from_a_profile(write_config: WriteConfig, name: str) -> None:
    values = {each: TEXTS[each][1] for each in (name, *BESIDE.get(name, ()))}
    write_config("[default]\n" + "\n".join(f"{key} = {toml_of(value)}" for key, value in values.items()))

    settings = Settings.from_env()

    assert getattr(settings, name) == TEXTS[name][1]
    assert type(getattr(settings, name)) is type(TEXTS[name][1])


@pytest.mark.parametrize(
    ("named", "text", "concurrency"),
    [
        (None, TWO, 1),
        ("globex", TWO, 2),
        ("", TWO, 1),
        (None, "[default]\nconcurrency = 3\n[acme]\nconcurrency = 1", 3),
        (None, "[acme]\nconcurrency = 1", 4),
    ],
    ids=["default names it", "named", "the empty name", "called default", "none"],
)
def test_the_profile_that_counts(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig, named: str | None, text: str, concurrency: int
) -> None:
    write_config(text)
    if named is not None:
        monkeypatch.setenv("GONG_INGEST_PROFILE", named)

    assert Settings.from_env().concurrency == concurrency


def test_an_argument_wins_over_the_environment_and_that_over_the_profile(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
) -> None:
    write_config("[default]\nconcurrency = 1\nburst = 1\nattempts_max = 1")
    monkeypatch.setenv("GONG_INGEST_BURST", "2")
    monkeypatch.setenv("GONG_INGEST_ATTEMPTS_MAX", "2")

    settings = Settings.from_env(attempts_max=3)

    assert (settings.concurrency, settings.burst, settings.attempts_max) == (1, 2, 3)


@pytest.mark.parametrize(
    ("of_profile", "variables", "expected"),
    [
        ('access_key = "k"\naccess_key_secret = "s"', {"GONG_ACCESS_TOKEN": "t"}, (None, None, "t")),
        ('access_token = "t"', {"GONG_ACCESS_KEY": "k", "GONG_ACCESS_KEY_SECRET": "s"}, ("k", "s", None)),
        ('access_key = "k"', {"GONG_ACCESS_KEY_SECRET": "s"}, ("k", "s", None)),
    ],
    ids=["a token for a key", "a key for a token", "a secret for the profile's key"],
)
def test_credentials_of_the_environment_take_the_place_of_the_profiles(
    monkeypatch: pytest.MonkeyPatch,
    write_config: WriteConfig,
    of_profile: str,
    variables: dict[str, str],
    expected: tuple[str | None, ...],
) -> None:
    write_config(f'[default]\nbase_url = "https://us-1.api.gong.io"\n{of_profile}')
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    assert tuple(Settings.from_env().require_credentials().values()) == expected


def test_two_profiles_share_neither_a_ledger_nor_a_limiter_by_accident(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
) -> None:
    write_config(TWO)
    acme = Settings.from_env()
    monkeypatch.setenv("GONG_INGEST_PROFILE", "globex")
    globex = Settings.from_env()

    data = platformdirs.user_data_path("gong-ingest", appauthor=False)
    assert (acme.namespace, globex.namespace) == ("gong-ingest-acme", "gong-ingest-globex")
    assert (acme.data_dir, globex.data_dir) == (data / "profiles/acme", data / "profiles/globex")
    assert {Settings().namespace, Settings().data_dir}.isdisjoint(
        {acme.namespace, globex.namespace, acme.data_dir, globex.data_dir}
    )


def test_relative_paths_are_relative_to_the_file(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
) -> None:
    path = write_config('[default]\ndata_dir = "data"\nmedia_roots = ["a", "../b", "/c", "~/d"]')
    monkeypatch.setenv("HOME", "/home/me")

    settings = Settings.from_env()

    folder = path.parent
    assert settings.data_dir == folder / "data"
    assert settings.media_roots == (folder / "a", folder / "../b", Path("/c"), Path("/home/me/d"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("requests_per_sec = 3", "is not a setting; did you mean requests_per_second?"),
        ("GONG_INGEST_BURST = 3", "is not a setting."),
        ('concurrency = "4"', "must be a whole number, not '4'."),
        ("concurrency = 2.5", "must be a whole number, not 2.5."),
        ("concurrency = true", "must be a whole number, not true."),
        ('requests_per_second = "three"', "must be a number, not 'three'."),
        ("requests_per_second = nan", "must be a number, not nan."),
        ("requests_per_second = inf", "must be a number, not inf."),
        (f"requests_per_second = 1{'0' * 400}", "must be a number, not 1000"),
        ("requests_per_second = false", "must be a number, not false."),
        ("day_window = 2026-02-17", "must be text, not a date."),
        ("namespace = 5", "must be text, not a number."),
        ("base_url = { command = ['a'] }", "must be text, not a table."),
        ("data_dir = ['a']", "must be a path, not a list."),
        ("data_dir = ''", "must be a path, not text."),
        ("data_dir = '~nobody-there/x'", "names a home that is not known: ~nobody-there/x."),
        ("media_roots = '/a:/b'", "must be a list of paths, not text."),
        ("media_roots = ['/a', 3]", "must be a list of paths."),
        ("access_token = 12345", "must be text, { command = "),
        ("access_token = { command = 'pass x' }", "must be text, { command = "),
        ("access_token = { command = [] }", "must be text, { command = "),
        ("access_token = { command = ['pass', 3] }", "must be text, { command = "),
        ("access_token = { file = 3 }", "must be text, { command = "),
        ("access_token = { file = 'a', command = ['b'] }", "must be text, { command = "),
        ("access_token = { path = 'a' }", "must be text, { command = "),
    ],
)
def test_a_key_that_is_wrong_is_refused_with_its_place(
    write_config: WriteConfig, line: str, says: str
) -> None:
    path = write_config(f"default = 'acme'\n[acme]\n{line}")

    key = line.partition(" ")[0]
    assert refusal().startswith(f"{key} in profile acme of {path} {says}")


def test_a_wrong_value_of_a_secret_is_not_shown(write_config: WriteConfig) -> None:
    write_config("[default]\naccess_key_secret = 123454321\naccess_token = ['very secret']")

    assert "123454321" not in refusal()
    assert "very secret" not in refusal()


def test_all_that_is_wrong_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
) -> None:
    path = write_config("[default]\nconcurency = 3\nburst = 'x'\n[other]\nwrong = 1")
    monkeypatch.setenv("GONG_INGEST_ATTEMPTS_MAX", "many")
    monkeypatch.setenv("GONG_INGEST_BRUST", "1")

    assert refusal() == (
        "GONG_INGEST_BRUST is not a setting; did you mean GONG_INGEST_BURST? "
        "GONG_INGEST_ATTEMPTS_MAX must be a whole number, not 'many'. "
        f"concurency in profile default of {path} is not a setting; did you mean concurrency? "
        f"burst in profile default of {path} must be a whole number, not 'x'."
    )


def test_a_value_out_of_its_bounds_is_refused_with_its_place(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig
) -> None:
    path = write_config("[default]\nburst = 0\nconcurrency = 0\nattempts_max = 5")

    assert refusal() == (
        "GONG_INGEST_BURST must be between 1 and 100. GONG_INGEST_CONCURRENCY must be between 1 and 256. "
        f"(burst, concurrency in profile default of {path})"
    )
    monkeypatch.setenv("GONG_INGEST_BURST", "200")
    assert refusal().endswith(f"(concurrency in profile default of {path})")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[acme\n", "{path} is not TOML: Expected ']'"),
        ("[acme]\na = 1\na = 2", "{path} is not TOML: Cannot overwrite a value"),
        ("burst = 2\n[acme]", "{path}: burst stands in no profile; write a line with its name in brackets"),
        ("default = 3\n[acme]", "{path}: default stands in no profile"),
        ("[[acme]]\nburst = 2", "{path}: acme stands in no profile"),
        ("['a/b']", "{path}: The name of the profile 'a/b' may hold letters, digits, '-' and '_' only"),
        ("['..']", "{path}: The name of the profile '..' may hold"),
        (f"[{'a' * 41}]", "{path}: The name of the profile"),
        (
            "default = 'acm'\n[acme]",
            "{path}: default names the profile acm, which is not there; did you mean acme?",
        ),
        (
            "a = 1\n['b c']\n",
            "{path}: a stands in no profile; write a line with its name in brackets above it. {path}: The",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused(write_config: WriteConfig, text: str, says: str) -> None:
    path = write_config(text)

    assert refusal().startswith(says.format(path=path))


def test_a_file_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GONG_INGEST_CONFIG", str(tmp_path))
    assert refusal() == f"The profiles in {tmp_path} cannot be read: Is a directory."

    (tmp_path / "latin").write_bytes(b"[caf\xe9]")
    monkeypatch.setenv("GONG_INGEST_CONFIG", str(tmp_path / "latin"))
    assert refusal() == f"{tmp_path}/latin is not TOML: it is not UTF-8."


@pytest.mark.parametrize(
    ("named", "says"),
    [("globx", "; did you mean globex?"), ("initech", ". There are: acme, globex.")],
)
def test_an_unknown_profile_is_refused_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig, named: str, says: str
) -> None:
    path = write_config(TWO)
    monkeypatch.setenv("GONG_INGEST_PROFILE", named)

    assert refusal() == f"There is no profile {named} in {path}{says}"


def test_a_profile_that_does_not_count_may_be_wrong(write_config: WriteConfig) -> None:
    write_config(f"{TWO}\nburst = 'wrong'")

    assert Settings.from_env().concurrency == 1


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING):
        Settings.from_env()
        Settings.from_env()
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("line", "mode", "is_told"),
    [
        ('access_key_secret = "s"', 0o644, True),
        ('access_token = "s"', 0o640, True),
        ('redis_url = "redis://u:p@host"', 0o604, True),
        ('access_token = "s"', 0o600, False),
        ('access_key_secret = { file = "s" }', 0o644, False),
        ('redis_url = "redis://host"', 0o644, False),
        ("burst = 2", 0o644, False),
    ],
)
def test_a_secret_that_others_may_read_is_told_once(
    write_config: WriteConfig, caplog: pytest.LogCaptureFixture, line: str, mode: int, is_told: bool
) -> None:
    """Also one of a profile that does not count: it lies there all the same."""
    path = write_config(f"{TWO}\n[other]\n{line}")
    path.chmod(mode)

    sentence = f"{path} holds a secret and others may read it; run: chmod 600 {path}"
    assert warnings_of(caplog) == [sentence] * is_told


def test_a_variable_that_is_left_over_from_another_company_is_told(
    monkeypatch: pytest.MonkeyPatch, write_config: WriteConfig, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_config('[default]\nbase_url = "https://us-1.api.gong.io"\nburst = 3')
    monkeypatch.setenv("GONG_BASE_URL", "https://us-1.api.gong.io")
    monkeypatch.setenv("GONG_INGEST_BURST", "2")
    assert warnings_of(caplog) == []

    monkeypatch.setenv("GONG_BASE_URL", "https://us-2.api.gong.io")
    assert warnings_of(caplog) == [
        f"GONG_BASE_URL in the environment wins over base_url in profile default of {path}."
    ]


@pytest.fixture(autouse=True)
def nothing_told_before() -> None:
    warn.cache_clear()
