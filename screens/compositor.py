"""How lines come to the screen, with less work than Textual takes for it.

The compositor draws, for a small change, only the rows that changed.
Textual's own asks every widget whose container touches the changed region for all of its lines, so
that one letter draws the whole card again: a quarter of the CPU of a key. It also asks those that
lie beneath a widget which covers all of the change: five of them for one letter in a form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual import strip

# Private to Textual, like the method below; the exact pin and `test_compositor` watch over it.
from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class CroppingCompositor(Compositor):
    """Draws the same as its base, asking widgets for less."""

    def _get_renders(
        self, crop: Region | None = None
    ) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if crop is None:
            yield from super()._get_renders(crop)
            return
        rows = Region(0, crop.y, self.size.width, crop.height)
        for widget, (region, clip) in self.visible_widgets.items():
            seen = clip.intersection(rows)
            shown = region.intersection(seen)
            if shown:
                yield region, seen, widget.render_lines(shown.translate(-region.offset))
                if shown.contains_region(crop):
                    # They come from the top down: what lies below this one is not drawn.
                    return


class _NoCache:
    """Remembers nothing."""

    __slots__ = ()

    def get(self, _key: object, default: Any = None) -> Any:
        return default

    def __setitem__(self, _key: object, _value: object) -> None: ...


def cache_no_lines() -> None:
    """Let all lines do without the seven caches that Textual gives each of them.

    They were half of all objects and of the memory of a console, and a tenth of what drawing takes.
    Lines are drawn when they have changed, and find nothing in them then.
    """
    nothing = _NoCache()
    vars(strip)["FIFOCache"] = lambda _size: nothing
