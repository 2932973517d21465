"""What the terminal on the other side can draw, as far as its environment tells.

Nothing is asked of the terminal itself: an answer may never come, and over SSH it would be read as
keys. The environment is the client's (`TERM`, `LANG`, as the SSH channel carries them), never the
server's own.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tui_admin.i18n import N_

DUMB = N_("This terminal says that it is dumb (TERM); the console cannot be drawn on it.")

CLEAR = "\x1b[0m\x1b[H\x1b[2J"
"""Empties the screen. Written at the end: where there is no second screen to go back from, as in
GNU screen and on the Linux console, a shared key would stay on it, and what comes next between its
lines."""


@dataclass(frozen=True, slots=True)
class TerminalAbilities:
    """Which glyphs and how many colours can be counted on."""

    blocks: bool
    """Half blocks, U+2580 and U+2584: nearly every font has them, code page 437 had them."""
    quadrants: bool
    """Quadrants, U+2596 to U+259F: in terminals that draw them by themselves, and in good fonts."""
    colours: int = 16
    """0: reverse video at most; 8: no bright background; 16 or more: anything."""


_NOTHING = TerminalAbilities(blocks=False, quadrants=False, colours=0)

_BY_TERM: tuple[tuple[re.Pattern[str], TerminalAbilities], ...] = (
    # No terminal database knows colours or Unicode for these.
    (re.compile(r"(dumb|unknown|vt\d+|wyse|wy\d+|adm|hp|ibm3|sun$|sun-m)"), _NOTHING),
    # The fonts of these are code page 437 or Latin-1, and their output is bytes, not UTF-8.
    (
        re.compile(r"(ansi|pcansi|cons25|sun-color|pc3)"),
        TerminalAbilities(blocks=False, quadrants=False, colours=8),
    ),
    # A console font has 256 or 512 glyphs: the half blocks are among them, the quadrants are not.
    # A bright background is shown as the plain one there.
    (re.compile(r"(linux|cygwin|fbterm|beterm)"), TerminalAbilities(True, False, 8)),
    # PuTTY takes glyphs from the Windows font, and those seldom have quadrants.
    (re.compile(r"putty"), TerminalAbilities(True, False, 16)),
    (re.compile(r"(xterm-color|screen|rxvt)$"), TerminalAbilities(True, True, 8)),
)
"""First match from the start of `TERM` wins; a name not found here is a modern terminal."""


def detect(environ: Mapping[str, str], encoding: str | None) -> TerminalAbilities:
    """Return what a terminal with this environment shows.

    `encoding` is that of the output stream if it is known; else the locale's variables are
    read, and where they name no character set it is UTF-8, since Textual writes nothing else.
    """
    term = environ.get("TERM", "").strip().lower()
    if not term:
        # Windows sets no TERM. Its newer terminal says so, the old console has no quadrants.
        if environ.get("WT_SESSION"):
            abilities = TerminalAbilities(blocks=True, quadrants=True)
        elif environ.get("OS") == "Windows_NT":
            abilities = TerminalAbilities(blocks=True, quadrants=False)
        else:
            abilities = _NOTHING
    else:
        abilities = next(
            (found for pattern, found in _BY_TERM if pattern.match(term)),
            TerminalAbilities(blocks=True, quadrants=True),
        )
    if _is_utf8(environ, encoding):
        return abilities
    return TerminalAbilities(blocks=False, quadrants=False, colours=abilities.colours)


def _is_utf8(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Return whether text reaches the terminal as UTF-8."""
    if encoding is None:
        # POSIX: the first of these that is set and not empty decides.
        locale = next(
            (value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environ.get(name))), ""
        )
        encoding = locale.partition("@")[0].partition(".")[2]
        if not encoding:
            return True
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
