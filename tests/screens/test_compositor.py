"""A small change is drawn by the widgets that are seen in it, and by no others."""

from __future__ import annotations

import pyte
import pytest
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region

from screens.compositor import CroppingCompositor
from screens.widgets.text_field import TextField
from tests.screens.driving import open_terminal
from tests.support.console import Console


@pytest.mark.parametrize("size", [(80, 24), (61, 21), (120, 40)])
@pytest.mark.parametrize("covered", [False, True])
async def test_each_widget_is_drawn_whole(
    console: Console, size: tuple[int, int], covered: bool
) -> None:
    """What a change of one widget draws on an empty terminal is what the whole frame has there."""
    async with open_terminal(console, size=size) as terminal:
        if covered:
            await terminal.press("f1")
        screen = terminal.app.screen
        compositor = screen._compositor
        assert isinstance(compositor, CroppingCompositor)
        whole = _shown(terminal.app.console, compositor.render_update(full=True), size)
        regions = [
            region.intersection(clip) for region, clip in compositor.visible_widgets.values()
        ]
        assert len(regions) > 5
        for region in regions:
            compositor._dirty_regions.add(region)
            part = _shown(terminal.app.console, compositor.render_update(), size)
            assert _cut(part, region) == _cut(whole, region)


async def test_a_key_asks_its_field_alone(console: Console) -> None:
    """Neither the card nor the columns and the screen beneath are asked for lines."""
    async with open_terminal(console) as terminal:
        compositor = terminal.app.screen._compositor
        field = terminal.app.screen.query_one("#username", TextField)
        asked = list(compositor._get_renders(field.region))
        assert [region for region, _clip, _strips in asked] == [field.region]


def _shown(console: object, update: object, size: tuple[int, int]) -> list[str]:
    assert isinstance(update, ChopsUpdate | LayoutUpdate)
    screen = pyte.Screen(*size)
    pyte.Stream(screen).feed(update.render_segments(console))  # type: ignore[arg-type]
    return list(screen.display)


def _cut(lines: list[str], region: Region) -> list[str]:
    return [lines[y][region.x : region.right] for y in region.line_range]
