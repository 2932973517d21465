"""T3: of a paste so much is let through, wherever it is cut into pieces on its way."""

from __future__ import annotations

import pytest

from tui_admin.servers import pastes
from tui_admin.servers.pastes import Pastes

BEGIN, END = "\x1b[200~", "\x1b[201~"
MOST = 20


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pastes, "MOST", MOST)


def passed(*pieces: str) -> str:
    watch = Pastes()
    return "".join(watch.admit(piece)[0] for piece in pieces)


@pytest.mark.parametrize("at", range(1, 40))
def test_short_ones_pass_as_they_are(at: int) -> None:
    """Keys and sequences before and after them too."""
    text = f"ab\x1b[A{BEGIN}\x1b[3m pasted{END}\x1b[Icd{BEGIN}e{END}"
    assert passed(text[:at], text[at:]) == text


@pytest.mark.parametrize("at", range(1, 70))
def test_the_end_of_a_long_one_comes(at: int) -> None:
    """The rest is dropped, and what follows is no part of it."""
    text = f"a{BEGIN}{'p' * 50}{END}b"
    assert passed(text[:at], text[at:]) == f"a{BEGIN}{'p' * MOST}{END}b"


@pytest.mark.parametrize("length", range(MOST - 8, MOST + 8))
@pytest.mark.parametrize("at", range(6, 34, 3))
def test_an_end_at_the_limit(length: int, at: int) -> None:
    """It is never cut in two."""
    text = f"{BEGIN}{'p' * length}{END}b"
    assert passed(text[:at], text[at:]) == f"{BEGIN}{'p' * min(length, MOST)}{END}b"


@pytest.mark.parametrize("rubbish", ["\x1b", "\x1b[", "\x1b[20", "\x1b[201", BEGIN])
def test_rubbish_hides_no_end_and_fills_nothing(rubbish: str) -> None:
    """What looks like the beginning of a bracket is no way round the limit."""
    watch = Pastes()
    got = watch.admit(BEGIN + rubbish * 1000)[0]
    assert len(got) <= len(BEGIN) + MOST + 2 * len(END)
    assert watch.admit("x" + END + "b")[0].endswith(END + "b")


def test_what_is_pasted_is_counted() -> None:
    """It costs less than what is typed."""
    watch = Pastes()
    assert watch.admit("abc") == ("abc", 0)
    assert watch.admit(BEGIN + "def")[1] == 3
    assert watch.admit("x" * 30)[1] == 30
    assert watch.admit(END)[1] == len(END)
    assert watch.admit("abc")[1] == 0
