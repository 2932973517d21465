"""Time that runs out, in words and as a bar: the 30-second step, or the life of a key."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import RenderResult
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from tui_admin.i18n import _

_BAR = 6


class Countdown(Widget):
    """Redraws once a second while it is on the screen; `left` gives the whole seconds left.

    With `of_s` it also draws a bar of six cells. Posts `RanOut` once when nothing is left.
    """

    ALLOW_SELECT = False

    seconds: reactive[int] = reactive(0, layout=False)

    class RanOut(Message):
        """Nothing is left."""

    def __init__(
        self,
        left: Callable[[], int],
        *,
        of_s: int = 0,
        template: str = "{time}",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._left = left
        self._of_s = of_s
        self._template = template
        self._is_over = False

    def on_mount(self) -> None:
        self.tick()
        self.set_interval(1, self.tick)

    def restart(self) -> None:
        """Count from what `left` says now."""
        self._is_over = False
        self.tick()

    def tick(self) -> None:
        """Look at the time."""
        self.seconds = max(0, self._left())
        self.set_class(self.seconds <= 5, "-ending")
        if self.seconds == 0 and not self._is_over and not self._of_s:
            self._is_over = True
            self.post_message(self.RanOut())

    def get_content_width(self, *_args: object) -> int:
        # A fixed width: a shorter number must not move what stands beside it.
        return 6 + _BAR if self._of_s else len(self._template.format(time="00:00"))

    def render(self) -> RenderResult:
        if self._of_s:
            full = -(-self.seconds * _BAR // self._of_s)
            time = _("{n} s").format(n=self.seconds)
            return Content(f"{time:>4}  " + "\u2593" * full + "\u2591" * (_BAR - full))
        time = f"{self.seconds // 60}:{self.seconds % 60:02}"
        return Content(self._template.format(time=time))
