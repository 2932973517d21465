"""What the panel shows at the right of its menu: one `Pane` an entry."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget

from screens.base import Answer

if TYPE_CHECKING:
    from screens.panel import PanelScreen
    from tui_admin.flows.context import Context


class Pane(VerticalScroll, can_focus=False):
    """One entry of the left menu: shows what `load` got, and calls flows through the panel."""

    FIRST: ClassVar[str] = ".-first"
    """What has the focus when the pane opens."""

    def __init__(self) -> None:
        super().__init__(id="pane")
        self.turn = asyncio.Lock()
        """Whose turn it is to change what the pane shows."""

    @property
    def panel(self) -> PanelScreen:
        """The screen that this pane is on."""
        return cast("PanelScreen", self.screen)

    def ask(
        self, dialog: Screen[Answer], then: Callable[[Answer | None], object] | None = None
    ) -> None:
        """Begin something new in a screen of its own; what was said about the last thing goes."""
        self.panel.notice.say("")
        self.panel.ask(dialog, then)

    @property
    def is_dirty(self) -> bool:
        """Whether something typed would be lost by leaving."""
        return False

    def help_text(self) -> str:
        """What `F1` says about this pane."""
        return ""

    def on_mount(self) -> None:
        self.load()

    def load(self) -> None:
        """Read the state again and show it; beside whatever else is under way."""
        self.app.run_worker(self.panel.guarded(self._load), exit_on_error=False)

    async def _load(self, ctx: Context) -> None:
        """Read and `show`; the pane may be gone by the time that the answer comes."""

    async def show(self, widgets: Iterable[Widget]) -> None:
        """Replace everything that the pane shows; the focus stays where it was, or goes to the
        first thing to do."""
        async with self.turn:
            if not self.is_attached:
                return
            await self._replace(widgets)

    async def _replace(self, widgets: Iterable[Widget]) -> None:
        focused = self.screen.focused
        is_new = not self.children
        focused_id = focused.id if focused is not None and self in focused.ancestors else None
        async with self.batch():
            await self.remove_children()
            await self.mount_all(widgets)
        there = self.query(f"#{focused_id}" if focused_id else self.FIRST)
        if there and (focused_id or is_new or self.screen.focused is None):
            there.first().focus()
