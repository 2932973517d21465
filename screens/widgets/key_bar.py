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
        gap, labelled = _what_fits(self._shown, self.size.width)
        parts: list[Content] = []
        self._spans = []
        at = 0
        for number, (key, label, action) in enumerate(self._shown):
            text = f" {label}" if number < labelled else ""
            width = cell_len(key + text) + gap
            parts.append(Content.styled(f" {key}", key_style))
            parts.append(Content.styled(text + " " * (gap - 1), label_style))
            self._spans.append((at, at + width, action))
            at += width
        return Content("").join(parts)

    async def _on_click(self, event: events.Click) -> None:
        event.stop()
        for start, end, action in self._spans:
            if start <= event.x < end:
                await self.screen.run_action(action)


def _what_fits(keys: list[tuple[str, str, str]], width: int) -> tuple[int, int]:
    """Return the gap behind a key, and for how many keys there is room for a label as well.

    Every key stays visible; the last ones, which work everywhere, lose their labels first.
    """
    bare = sum(cell_len(key) for key, _label, _action in keys)
    labels = [cell_len(label) + 1 for _key, label, _action in keys]
    for gap in (3, 2):
        if bare + sum(labels) + gap * len(keys) <= width:
            return gap, len(keys)
    room = width - bare - 2 * len(keys)
    count = 0
    while count < len(labels) and sum(labels[: count + 1]) <= room:
        count += 1
    return 2, count


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
