"""Settings: where they come from, which wins, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_admin.config import load_settings, settings_file
from tui_admin.errors import StartError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path


def test_defaults_are_the_requirements(elsewhere: Path) -> None:
    """S2, S6, S8, S21: without settings the numbers of SECURITY.md are in force."""
    settings = load_settings()
    limits = settings.limits
    assert (limits.account_5min, limits.account_1h, limits.account_1d) == (5, 20, 50)
    assert (limits.address_5min, limits.address_1h, limits.consecutive) == (10, 50, 100)
    assert (settings.sessions.idle_s, settings.sessions.total_s) == (900, 43_200)
    assert (settings.otp.activation_attempts, settings.otp.ahead_steps) == (1, 0)
    assert settings.otp.pending_key_s == 600
    assert (settings.hashing.rounds, settings.hashing.memory_kib, settings.hashing.lanes) == (
        3,
        65_536,
        4,
    )
    assert settings.key_path == settings.data_dir / "keys.json"
    assert settings.url == f"sqlite+aiosqlite:///{settings.data_dir}/tui-admin.db"


def test_a_variable_wins_over_the_file(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `TUI_ADMIN_*` variable wins over the file, name by name within a group, and the file over
    the default."""
    (elsewhere / "tui-admin.toml").write_text(
        'brand = "File"\n[otp]\nactivation_attempts = 2\nahead_steps = 1\n'
    )
    monkeypatch.setenv("TUI_ADMIN_OTP__ACTIVATION_ATTEMPTS", "3")
    settings = load_settings()
    assert settings.brand == "File"
    assert settings.otp.activation_attempts == 3
    assert settings.otp.ahead_steps == 1
    monkeypatch.setenv("TUI_ADMIN_BRAND", "Variable")
    assert load_settings().brand == "Variable"


def test_the_file_is_the_first_that_is_there(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named file comes before the working folder's, and that before the person's own."""
    own = elsewhere / "config" / "tui-admin" / "tui-admin.toml"
    own.parent.mkdir(parents=True)
    own.write_text('brand = "Own"')
    assert load_settings().brand == "Own"
    (elsewhere / "tui-admin.toml").write_text('brand = "Here"')
    assert load_settings().brand == "Here"
    named = elsewhere / "named.toml"
    named.write_text('brand = "Named"')
    monkeypatch.setenv("TUI_ADMIN_CONFIG", str(named))
    assert load_settings().brand == "Named"
    assert settings_file() == named


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[otp]\nactivation_attempts = 0", "otp.activation_attempts"),
        ("[otp]\nactivation_attemps = 1", "otp.activation_attemps"),
        ("[sessions]\nidle_s = 'soon'", "sessions.idle_s"),
        ("brand = ''", "brand"),
        ("no_such_setting = 1", "no_such_setting"),
        ("[hashing]\nmemory_kib = 1", "hashing.memory_kib"),
        ("limits = 5", "limits"),
    ],
)
def test_a_wrong_setting_is_named(elsewhere: Path, content: str, named: str) -> None:
    """S29: a wrong name or value stops the start with a sentence that names it: a mistyped limit
    is never silently the default."""
    (elsewhere / "tui-admin.toml").write_text(content)
    with pytest.raises(StartError, match=named.replace(".", r"\.")):
        load_settings()


@pytest.mark.parametrize("content", [b"not = = toml", b"\xff\xfe", b"[otp"])
def test_a_file_that_cannot_be_read_is_said(elsewhere: Path, content: bytes) -> None:
    """S29: a file that is no TOML, or no text, gives a sentence with its path."""
    (elsewhere / "tui-admin.toml").write_bytes(content)
    with pytest.raises(StartError, match=r"tui-admin\.toml"):
        load_settings()


def test_a_named_file_must_be_there(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """S29: a settings file that was named and is not there is not the same as none."""
    monkeypatch.setenv("TUI_ADMIN_CONFIG", str(elsewhere / "gone.toml"))
    with pytest.raises(StartError, match=r"gone\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TUI_ADMIN_OTP", "not json"),
        ("TUI_ADMIN_OTP__AHEAD_STEPS", "two"),
        ("TUI_ADMIN_LIMITS__BOGUS", "1"),
    ],
)
def test_a_wrong_variable_is_said(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """S29: a variable that is no value of its setting stops the start with a sentence."""
    monkeypatch.setenv(name, value)
    with pytest.raises(StartError):
        load_settings()
