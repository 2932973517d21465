"""How many colours the terminal at the other end shows, by what its client says of it."""

from __future__ import annotations

import re

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

from screens.terminal import TerminalAbilities, detect

_TERM = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")
_MANY = re.compile(r"-direct$|^(xterm-kitty|xterm-ghostty|alacritty|foot|wezterm|iterm)")


def clean_term(term: str) -> str:
    """Return a terminal name that can be one, else `unknown` (T9)."""
    return term if _TERM.fullmatch(term) else "unknown"


def abilities_of(term: str) -> TerminalAbilities:
    """Return what a terminal of this name can draw."""
    return detect({"TERM": term, "LANG": "C.UTF-8"}, "utf-8")


def colour_system(term: str, colorterm: str) -> str:
    """Return Rich's name for the colours: `standard`, `256` or `truecolor`."""
    if colorterm in {"truecolor", "24bit"} or _MANY.search(term):
        return "truecolor"
    return "256" if "256color" in term else "standard"


def keep_apart() -> None:
    """Let terminals with different colours live in one process; safe to call twice.

    Rich and Textual note on a style how it is written, and all apps share their styles: what one
    terminal can show would be sent to all others that come after it.
    """
    Strip.render_style = staticmethod(_render_style)  # type: ignore[method-assign]


def _render_style(style: Style, text: str, color_system: ColorSystem) -> str:
    # Textual's own, but for that it looks at the note first; this one asks the cache, which knows
    # the colours. Links are never written: there are none here.
    ansi = Strip.render_ansi(style, color_system)
    return f"\x1b[{ansi}m{text}\x1b[0m" if ansi else text
