"""Drives the console of one terminal as a person would, and reads what it shows.

    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        assert "Scan with your authenticator" in terminal.text()

The clock that the flows look at is the screens' clock too (`turn`), so nothing waits for time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.screen import UPDATE_PERIOD
from textual.worker import WorkerCancelled, WorkerState

from screens.app import ConsoleApp
from screens.cells import screen_cells
from screens.demo_phone import DemoHelp
from screens.terminal import TerminalAbilities
from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from screens.widgets.form import Field
from tests.support.console import HOME, Console, Person, TurnedClock
from tui_admin.demo.phone import Phone
from tui_admin.demo.scanner import read_qr
from tui_admin.flows.answers import Visitor
from tui_admin.flows.context import Context

_FRAMES_AND_QR = re.compile("[\u2500-\u257f\u2580-\u2590\u2594-\u259f]")
FRAME_S = UPDATE_PERIOD / 2
ANYTHING = TerminalAbilities(blocks=True, quadrants=True, colours=256)
SIZE = (80, 24)
CHARACTERS = {"enter": "\r", "tab": "\t", "space": " "}
UNFINISHED = (WorkerState.PENDING, WorkerState.RUNNING)


class TurnedTime:
    """The `time` module as the screens see it: it goes on when the flows' clock is turned."""

    def __init__(self, clock: TurnedClock) -> None:
        self._clock = clock

    def time(self) -> float:
        return self._clock.now().timestamp()

    def monotonic(self) -> float:
        return self._clock.now().timestamp()


class Hint:
    """What the demo gives to the console."""

    hint = "Demo accounts"

    def __init__(self) -> None:
        self.phone = Phone()


@dataclass
class Terminal:
    """One terminal with the console on it."""

    app: ConsoleApp
    pilot: Pilot[None]
    clock: TurnedClock

    # Doing

    async def settle(self) -> None:
        """Wait until no flow is under way and everything is drawn.

        `Pilot.pause` waits longer than it takes, and on a busy machine sometimes too short: it
        judges by the time that this process was given.
        """
        quiet = 0
        while quiet < 2:
            was_busy = await _run_what_is_ready()
            under_way = [worker for worker in self.app.workers if worker.state in UNFINISHED]
            for worker in under_way:
                with suppress(WorkerCancelled):
                    await worker.wait()
            if self._is_to_be_drawn:
                # A layout waits for the next frame, and often leads to another one.
                await asyncio.sleep(FRAME_S)
                quiet = 0
            else:
                quiet = 0 if was_busy or under_way else quiet + 1

    @property
    def _is_to_be_drawn(self) -> bool:
        """Whether the upper screen waits for a frame: Textual has no public way to ask."""
        if self.app._exit or not self.app.is_running:
            return False
        screen = self.app.screen
        return bool(
            screen._layout_required
            or screen._scroll_required
            or screen._repaint_required
            or screen._recompose_required
            or screen._dirty_widgets
            or screen._callbacks
        )

    async def press(self, *keys: str) -> None:
        """Press keys by name, one after the other, and wait for what each leads to."""
        for key in keys:
            await self.burst(key)

    async def type(self, text: str, *keys: str) -> None:
        """Type a text, then keys by name, without waiting between them."""
        await self.burst(*text, *keys)

    async def burst(self, *keys: str) -> None:
        """Send keys all at once, as a fast typist or a script does; nothing waits in between."""
        for key in keys:
            char = key if len(key) == 1 else CHARACTERS.get(key)
            name = _character_to_key(key) if len(key) == 1 else key
            self.app.post_message(events.Key(name, char))
        await self.settle()

    async def paste(self, text: str) -> None:
        """Paste a text into what has the focus, as bracketed paste brings it."""
        self.app.post_message(events.Paste(text))
        await self.settle()

    async def click(self, text: str) -> None:
        """Click on a text where it stands on the screen.

        Raises:
            AssertionError: it does not stand there.
        """
        await self.pilot.click(offset=self.place_of(re.escape(text)))
        await self.settle()

    async def button(self, label: str, index: int = 0) -> None:
        """Click on the (`index`th) button of this label where it is drawn on the upper screen.

        Raises:
            AssertionError: it is not drawn there.
        """
        found = [one for one in self.app.screen.query(ActionButton) if one.label == label]
        assert found, f"no button {label!r}:\n{self.text()}"
        region = found[index].region
        drawn = lines(self.app)[region.y][region.x : region.right]
        assert re.search(button_pattern(label), drawn), f"{label!r} is hidden:\n{self.text()}"
        await self.pilot.click(offset=(region.x + region.width // 2, region.y))
        await self.settle()

    def has_button(self, label: str) -> bool:
        """Whether a button with this label can be seen."""
        return re.search(button_pattern(label), self.text()) is not None

    def place_of(self, pattern: str) -> tuple[int, int]:
        """Return column and row of the middle of a match on the screen."""
        for y, row in enumerate(screen_cells(self.app)):
            columns = [x for x, (char, _fg, _bg) in enumerate(row) for _part in char]
            found = re.search(pattern, "".join(char for char, _fg, _bg in row))
            if found:
                return columns[(found.start() + found.end()) // 2], y
        raise AssertionError(f"{pattern!r} is not on the screen:\n{self.text()}")

    async def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        await self.pilot.resize_terminal(columns, rows)
        await self.settle()

    async def turn(self, seconds: float) -> None:
        """Let time go by; countdowns on the screen see it at once."""
        self.clock.turn(seconds)
        for countdown in self.app.screen.query(Countdown):
            countdown.tick()
        await self.settle()

    async def ring(self) -> None:
        """Let the idle timer ring, as it does when its time has come."""
        timer = self.app.attendance.timer
        assert timer is not None
        timer.stop()
        assert timer._callback is not None
        timer._callback()
        await self.settle()

    async def sign_in(self, person: Person) -> None:
        """Sign in with the password and, with OTP on, a code."""
        await self.type(person.name, "tab", *person.password, "enter")
        if person.key:
            self.at("OtpScreen")
            await self.type(person.code())
        self.at("PanelScreen")

    def record(self) -> list[str]:
        """Collect what is written to the terminal from now on, escape sequences included."""
        written: list[str] = []
        driver = self.app._driver
        assert driver is not None
        driver.write = written.append  # type: ignore[method-assign, assignment]
        return written

    # Looking

    def at(self, screen: str) -> None:
        """Check which screen is up, by the name of its class."""
        name = type(self.app.screen).__name__
        assert name == screen, f"{name} is up, not {screen}:\n{self.text()}"

    def text(self) -> str:
        """What is on the screen now, row by row."""
        return "\n".join(lines(self.app))

    def flat(self) -> str:
        """What is on the screen now, as one line: for sentences that are wrapped.

        Of what lies under a dialog nothing is told: its words stand between the dialog's.
        """
        rows = lines(self.app)
        for card in self.app.screen.query(".card") if self.app.screen.is_modal else ():
            at = card.region
            rows = [row[at.x : at.right] for row in rows[at.y : at.bottom]]
        return " ".join(_FRAMES_AND_QR.sub(" ", "\n".join(rows)).split())

    def shows(self, *sentences: str) -> None:
        """Check that all of these can be read on the screen, wrapped or not."""
        for sentence in sentences:
            assert sentence in self.flat(), f"{sentence!r} is not on the screen:\n{self.text()}"

    def hides(self, *sentences: str) -> None:
        """Check that none of these can be read on the screen."""
        for sentence in sentences:
            assert sentence not in self.flat(), f"{sentence!r} is on the screen:\n{self.text()}"

    def field(self, name: str) -> str:
        """What stands in a field of the screen."""
        return self.app.screen.query_one(f"#{name}-field", Field).value

    @property
    def focused(self) -> str:
        """The id of what has the focus."""
        widget = self.app.focused
        return "" if widget is None else widget.id or ""


def button_pattern(label: str) -> str:
    """Return a pattern for a button as it is drawn, with the focus or without."""
    return rf"\[[ ▸]{re.escape(label)}[ ◂]\]"


def shown_key(terminal: Terminal) -> str:
    """Return the shared key that the screen shows as text."""
    rows = re.findall(r"\b[A-Z2-7]{4}(?: [A-Z2-7]{4}){3}\b", terminal.text())
    assert len(rows) == 2, terminal.text()
    return "".join(rows).replace(" ", "")


def shown_uri(terminal: Terminal) -> str | None:
    """Return what the QR code on the screen says."""
    return read_qr(screen_cells(terminal.app))


async def _run_what_is_ready() -> bool:
    """Let every task go on until each waits for a timer, a thread or a file; whether one did."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    was_busy = bool(ready)
    await asyncio.sleep(0)
    while ready:
        was_busy = True
        await asyncio.sleep(0)
    return was_busy


def lines(app: ConsoleApp) -> list[str]:
    """Return the rows of the screen without the spaces at their ends."""
    rows = screen_cells(app)
    return ["".join(char for char, _fg, _bg in row).rstrip() for row in rows]


@asynccontextmanager
async def open_terminal(
    console: Console,
    *,
    size: tuple[int, int] = SIZE,
    visitor: Visitor = HOME,
    context: Context | None = None,
    open_context: Callable[[], Awaitable[Context]] | None = None,
    kiosk: bool = False,
    demo: DemoHelp | None = None,
    abilities: TerminalAbilities = ANYTHING,
    link: str = "",
    wait: bool = True,
) -> AsyncIterator[Terminal]:
    """Open the console on a terminal of its own; storage is the installation's."""

    async def present() -> Context:
        return context or console.ctx

    app = ConsoleApp(
        open_context or present,
        visitor=visitor,
        abilities=abilities,
        kiosk=kiosk,
        demo=demo,
        link=link,
    )
    async with app.run_test(size=size) as pilot:
        terminal = Terminal(app, pilot, console.clock)
        if wait:
            await terminal.settle()
        yield terminal
