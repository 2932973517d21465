"""The line of keys at the bottom: what can be pressed here, clickable too."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from tui_admin.i18n import _


class KeyBar(Widget):
    """Shows the keys of the active screen, as many as the width holds.

    Textual's `Footer` mounts a widget a key and mounts them all again at each change of focus;
    this draws one line.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-bar--key", "key-bar--label"}

    def __init__(self) -> None:
        super().__init__()
        self._spans: list[tuple[int, int, str]] = []
        self._shown: list[tuple[str, str, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._look)
        self._look(self.screen)

    def _look(self, screen: Screen[object]) -> None:
        if not screen.is_active:
            return
        shown = shown_keys(screen)
        if shown != self._shown:
            self._shown = shown
            self.refresh()

    def render(self) -> RenderResult:
        key_style = self.get_visual_style("key-bar--key")
        label_style = self.get_visual_style("key-bar--label")
        parts: list[Content] = []
        self._spans = []
        at = 0
        for key, label, action in self._shown:
            width = cell_len(key) + cell_len(label) + 3
            if at + width > self.size.width:
                break
            parts.append(Content.styled(f" {key}", key_style))
            parts.append(Content.styled(f" {label} ", label_style))
            self._spans.append((at, at + width, action))
            at += width
        return Content("").join(parts)

    async def _on_click(self, event: events.Click) -> None:
        event.stop()
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.screen.run_action(action)


def shown_keys(screen: Screen[object]) -> list[tuple[str, str, str]]:
    """Return key, translated label and namespaced action of what `screen` shows as its keys."""
    found: list[tuple[str, str, str]] = []
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding: Binding = active.binding
        if not binding.show or not active.enabled or binding.action in seen:
            continue
        seen.add(binding.action)
        action = binding.action
        if "." not in action:
            action = f"{'app' if active.node is screen.app else 'screen'}.{action}"
        key = screen.app.get_key_display(binding)
        found.append((key, _(binding.description), action))
    return found
