"""The console on this terminal, and the demo. Kept light: nothing here waits for storage."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from screens.app import ConsoleApp
from screens.terminal import detect
from tui_admin.errors import StartError
from tui_admin.flows.answers import Visitor
from tui_admin.i18n import _

if TYPE_CHECKING:
    from screens.demo_phone import DemoHelp
    from tui_admin.flows.context import Context


def run_console() -> int:
    """Open the console on this terminal; return the exit code."""
    return _run(_open_here)


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
) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise StartError(_("The console needs a terminal; for scripts see: tui-admin --help"))
    # A log line on the terminal would tear the screen; it goes to a file where one is named.
    log_file = os.environ.get("TUI_ADMIN_LOG_FILE")
    logging.basicConfig(
        handlers=[logging.FileHandler(log_file) if log_file else logging.NullHandler()],
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    visitor = Visitor("local", os.environ.get("TERM", ""))
    abilities = detect(os.environ, sys.stdout.encoding)
    app = ConsoleApp(open_context, visitor=visitor, abilities=abilities, kiosk=kiosk, demo=demo)
    asyncio.run(_live(app))
    if app.exit_error is not None:
        raise app.exit_error
    return app.return_code or 0


async def _live(app: ConsoleApp) -> None:
    # A closed terminal or a polite end leaves as a person does: sign-out of Textual's modes, and
    # the demo's folder goes away.
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
    return wiring.open_context
