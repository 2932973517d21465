"""What is taken for granted of a terminal, by what its environment says."""

from __future__ import annotations

import pytest

from screens.terminal import TerminalAbilities, detect


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("xterm", (True, True, 16)),
        ("xterm-256color", (True, True, 16)),
        ("xterm-kitty", (True, True, 16)),
        ("XTERM-256COLOR", (True, True, 16)),
        ("tmux-256color", (True, True, 16)),
        ("screen-256color", (True, True, 16)),
        ("alacritty", (True, True, 16)),
        ("somebody-elses-new-terminal", (True, True, 16)),
        ("xterm-color", (True, True, 8)),
        ("screen", (True, True, 8)),
        ("putty-256color", (True, False, 16)),
        ("linux", (True, False, 8)),
        ("linux-16color", (True, False, 8)),
        ("ansi", (False, False, 8)),
        ("sun-color", (False, False, 8)),
        ("dumb", (False, False, 0)),
        ("unknown", (False, False, 0)),
        ("vt100", (False, False, 0)),
        ("vt220-8bit", (False, False, 0)),
        ("sun", (False, False, 0)),
        ("", (False, False, 0)),
    ],
)
def test_abilities_follow_the_name_of_the_terminal(
    term: str, expected: tuple[bool, bool, int]
) -> None:
    """TERM decides on glyphs and colours; a name nobody knows is a modern terminal."""
    assert detect({"TERM": term}, "utf-8") == TerminalAbilities(*expected)


@pytest.mark.parametrize(
    ("environ", "encoding", "utf8"),
    [
        ({}, "utf-8", True),
        ({}, "UTF8", True),
        ({}, "iso-8859-1", False),
        ({}, "ascii", False),
        ({}, "no-such-encoding", False),
        ({}, None, True),
        ({"LANG": "C"}, None, True),
        ({"LANG": "cs_CZ.UTF-8"}, None, True),
        ({"LANG": "de_DE.ISO-8859-15@euro"}, None, False),
        ({"LANG": "cs_CZ.ISO-8859-2"}, None, False),
        ({"LANG": "cs_CZ.ISO-8859-2"}, "utf-8", True),
        ({"LC_ALL": "C.UTF-8", "LANG": "cs_CZ.ISO-8859-2"}, None, True),
        ({"LC_ALL": "", "LC_CTYPE": "cs_CZ.ISO-8859-2", "LANG": "C.UTF-8"}, None, False),
    ],
)
def test_no_block_glyphs_without_utf8(
    environ: dict[str, str], encoding: str | None, utf8: bool
) -> None:
    """The stream's encoding decides, then the first of the locale's variables that is set."""
    abilities = detect({"TERM": "xterm", **environ}, encoding)
    assert abilities == TerminalAbilities(blocks=utf8, quadrants=utf8, colours=16)


def test_windows_has_no_term() -> None:
    """Windows sets no TERM: its terminal names itself, its old console has no quadrants."""
    assert detect({"OS": "Windows_NT"}, "utf-8") == TerminalAbilities(True, False)
    both = {"OS": "Windows_NT", "WT_SESSION": "0f0f"}
    assert detect(both, "utf-8") == TerminalAbilities(True, True)
