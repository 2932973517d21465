"""The commands over SSH, for people who script: they read, and change nothing."""

from __future__ import annotations

from tui_admin import __version__
from tui_admin.i18n import _


def answer(command: str, fingerprint: str) -> tuple[str, int]:
    """Return what `ssh host command` prints, and its exit code."""
    match command.strip():
        case "help":
            return _("ssh HOST opens the console. Commands: help, version, fingerprint."), 0
        case "version":
            return f"tui-admin {__version__}", 0
        case "fingerprint":
            return fingerprint, 0
        case _:
            return _("Only these commands are known here: help, version, fingerprint."), 1
