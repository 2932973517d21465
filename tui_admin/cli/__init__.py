"""The command `tui-admin`: commands in one file a group, and the door to the console.

The console and the demo start without the command parser and without storage: a person waits for
the first frame, and both take longer to import than it takes to draw.
"""

from __future__ import annotations

import gc
import os
import sys

from tui_admin.errors import ConsoleError
from tui_admin.i18n import _

DONE, REFUSED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
_SENTENCE_LIMIT = 1000


def main() -> None:
    """Do what the command line of this process asks for, and end it with the exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Do what `arguments` ask for and return the exit code; no exception of ours gets out."""
    for stream in (sys.stdout, sys.stderr):
        # A character that the terminal's character set lacks is no reason to fail half-way.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _dispatch(arguments)
    except ConsoleError as error:
        complain(error.sentence)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter shall not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return REFUSED
    except Exception as error:  # noqa: BLE001 (the last line before the terminal)
        if os.environ.get("TUI_ADMIN_DEBUG") == "1":
            import traceback

            traceback.print_exc()
        complain(
            _("Something unexpected went wrong ({kind}). TUI_ADMIN_DEBUG=1 shows where.").format(
                kind=type(error).__name__
            )
        )
        return REFUSED


def complain(sentence: str) -> None:
    """Say on standard error why the answer is no."""
    from tui_admin.security.text import safe

    print(safe(sentence, _SENTENCE_LIMIT), file=sys.stderr)  # noqa: T201 (no screen is up)


def _dispatch(arguments: list[str]) -> int:
    match arguments:
        case []:
            gc.disable()  # the console switches it on again once its first frame is out
            from tui_admin.cli.console import run_console

            return run_console()
        case ["recover", link] if not link.startswith("-"):
            gc.disable()
            from tui_admin.cli.console import run_console

            return run_console(link)
        case ["demo"] | ["demo", "--kiosk"]:
            gc.disable()
            from tui_admin.cli.console import run_demo

            return run_demo(kiosk="--kiosk" in arguments)
        case _:
            return _command(arguments)


def _command(arguments: list[str]) -> int:
    """Run one of the commands that the parser knows."""
    import typer

    if any("\udc80" <= char <= "\udcff" for word in arguments for char in word):
        complain(_("An argument is not valid text in the character set of this terminal."))
        return WRONG_USAGE
    _choose_language()
    from tui_admin.cli.app import app

    try:
        return int(app(arguments, prog_name="tui-admin", standalone_mode=False) or DONE)
    except typer.TyperException as error:
        complain(error.format_message())
        path = getattr(getattr(error, "ctx", None), "command_path", "tui-admin")
        complain(_("Help: {command} --help").format(command=path))
        return WRONG_USAGE
    except typer.Abort:
        return REFUSED


def _choose_language() -> None:
    """Speak the settings' language; settings that cannot be read are the command's to refuse."""
    from tui_admin.config import load_settings
    from tui_admin.i18n import current_language

    try:
        current_language().switch(load_settings().locale)
    except Exception:  # noqa: BLE001 (doctor must run whatever the settings hold)
        return
