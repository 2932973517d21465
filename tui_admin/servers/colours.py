"""How many colours the terminal at the other end shows, by what its client says of it."""

from __future__ import annotations

import re

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
