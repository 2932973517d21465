"""The console on this terminal, and the demo. Kept light: nothing here waits for storage."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from textual.drivers.linux_driver import LinuxDriver

from screens.app import ConsoleApp
from screens.terminal import CLEAR, DUMB, detect
from tui_admin.errors import StartError
from tui_admin.flows.visitor import LOCAL, UNKNOWN, Visitor, canonical_address
from tui_admin.i18n import _, use_language

if TYPE_CHECKING:
    from screens.demo_phone import DemoHelp
    from tui_admin.flows.context import Context


class _UntilGone:
    """Writes to a terminal; once its window is closed, to nowhere.

    Textual's thread that writes would end by the error, and everything that is written after that
    would wait for it, the end of the program first of all.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        # What Textual asks besides.
        self.fileno, self.isatty = file.fileno, file.isatty

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


class _CleanDriver(LinuxDriver):
    """Textual's own; it leaves nothing on a terminal that has no second screen to go back from, and
    ends when the window is closed."""

    _file: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._file = _UntilGone(self._file)

    def stop_application_mode(self) -> None:
        self.write(CLEAR)
        super().stop_application_mode()


def run_console(link: str = "") -> int:
    """Open the console on this terminal, at what `link` leads to; return the exit code."""
    return _run(_open_here, link=link)


def run_demo(*, kiosk: bool) -> int:
    """Open the console on a database of its own that is thrown away at the end."""
    from tui_admin.demo import Demo

    with Demo(kiosk=kiosk) as demo:
        return _run(demo.open_context, kiosk=kiosk, demo=demo)


def _run(
    open_context: Callable[[], Awaitable[Context]],
    *,
    kiosk: bool = False,
    demo: DemoHelp | None = None,
    link: str = "",
) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise StartError(_("The console needs a terminal; for scripts see: tui-admin --help"))
    if os.environ.get("TERM") == "dumb":
        raise StartError(_(DUMB))
    _log_to_file()
    visitor = Visitor(_address(), os.environ.get("TERM", ""))
    abilities = detect(os.environ, sys.stdout.encoding)
    while True:
        app = ConsoleApp(
            open_context, visitor=visitor, abilities=abilities, kiosk=kiosk, demo=demo, link=link
        )
        app.driver_class = _CleanDriver
        asyncio.run(_live(app))
        # A fault must not open the way to the system beneath a kiosk.
        if not kiosk or app.exit_error is None or isinstance(app.exit_error, StartError):
            break
    if app.exit_error is not None:
        use_language(app.language)
        raise app.exit_error
    return app.return_code or 0


def _address() -> str:
    """Return where the person sits: behind OpenSSH (`deploy/`), what sshd says of the client.

    All who come by it would else be one address, and the misses of one the limit of everybody.
    It is the account's login shell there, and sshd alone sets the variable; whoever starts the
    console in another way can read the key file, and is its operator.
    """
    found = canonical_address(os.environ.get("SSH_CONNECTION", "").partition(" ")[0])
    return LOCAL if found == UNKNOWN else found


def _log_to_file() -> None:
    """Send log lines to the file that is named, if any: on the terminal they would tear the screen.

    Raises:
        StartError: the file cannot be written.
    """
    handler: logging.Handler = logging.NullHandler()
    if name := os.environ.get("TUI_ADMIN_LOG_FILE"):
        try:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            handler = logging.FileHandler(name)
        except OSError as error:
            raise StartError(
                _("The log file {path} cannot be written: {why}").format(
                    path=name, why=error.strerror
                )
            ) from None
    logging.basicConfig(handlers=[handler], format="%(asctime)s %(levelname)s %(name)s %(message)s")


async def _live(app: ConsoleApp) -> None:
    # A closed terminal or a polite end leaves as a person does: signed out, the terminal as it was
    # before, the demo's folder gone.
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(number, app.exit)
    try:
        await app.run_async()
    finally:
        await app.close_context()


async def _open_here() -> Context:
    # The imports take longer than the first frame; a thread does them while that stands.
    wiring = await asyncio.to_thread(_load)
    return await wiring()


def _load() -> Callable[[], Awaitable[Context]]:
    from tui_admin import flows, wiring

    flows.load_all()
    return partial(wiring.open_context, deliver=True)
