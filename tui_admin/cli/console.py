"""The console on this terminal, and the demo. Kept light: nothing here waits for storage."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from screens.app import ConsoleApp
from screens.terminal import detect
from tui_admin.flows.answers import Visitor

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
    visitor = Visitor("local", os.environ.get("TERM", ""))
    abilities = detect(os.environ, sys.stdout.encoding)
    app = ConsoleApp(open_context, visitor=visitor, abilities=abilities, kiosk=kiosk, demo=demo)
    asyncio.run(_live(app))
    if app.start_error is not None:
        print(app.start_error.sentence, file=sys.stderr)  # noqa: T201 (the app is over)
    return app.return_code or 0


async def _live(app: ConsoleApp) -> None:
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
