"""A CAPTCHA in a form: the picture or the question, the field for the answer, and another one."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.filter import LineFilter
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from screens.terminal import TerminalAbilities
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field
from screens.widgets.qr import paper_and_ink, runs
from tui_admin import flows
from tui_admin.flows.answers import CaptchaView
from tui_admin.i18n import _

_UPPER, _LOWER = 3, 12
"""Which quarters of a cell are dark, as `runs` wants it."""
_ANSWER_LIMIT = 64


class CaptchaPicture(Widget):
    """Draws rows of pixels with half-blocks, black on white whatever the theme."""

    ALLOW_SELECT = False

    rows: reactive[tuple[str, ...]] = reactive((), layout=True)
    """Rows of `#` and blanks; none draw nothing."""

    def __init__(self, abilities: TerminalAbilities) -> None:
        super().__init__()
        self._colours = abilities.colours

    def get_content_width(self, _container: Size, _viewport: Size) -> int:
        """A column for each pixel."""
        return len(self.rows[0]) if self.rows else 0

    def get_content_height(self, _container: Size, _viewport: Size, _width: int) -> int:
        """A row for two rows of pixels."""
        return -(-len(self.rows) // 2)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """No filter: NO_COLOR would take away what tells black from white."""
        return ()

    def render_line(self, y: int) -> Strip:
        """One line of the picture."""
        upper, lower = ([*self.rows, "", ""][2 * y :])[:2]
        width = len(upper)
        masks = (
            _UPPER * (upper[x] == "#") + _LOWER * (lower[x : x + 1] == "#") for x in range(width)
        )
        return Strip(runs(masks, *paper_and_ink(self._colours)), width)


class CaptchaBox(Vertical):
    """Shows what `show` was given last, and asks its screen for another one by `Wanted`.

    It is as high with a picture as with a question, so that nothing jumps. Enter in the field comes
    through as the field's own `Submitted`.
    """

    challenge_id = ""
    """Which CAPTCHA is shown; empty before the first."""

    class Wanted(Message):
        """Another CAPTCHA was asked for."""

        def __init__(self, *, as_question: bool) -> None:
            super().__init__()
            self.as_question = as_question

    def __init__(self, abilities: TerminalAbilities, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._abilities = abilities
        self.is_question = not abilities.blocks
        """Whether a question is shown; before the first, whether one should be asked for."""
        self._picture = CaptchaPicture(abilities)
        self._question = Static(id="captcha-question", markup=False)
        self._field = Field("", id="captcha", limit=_ANSWER_LIMIT)
        self._another = ActionButton("", id="captcha-new")
        self._other_way = ActionButton("", id="captcha-other-way")

    def compose(self) -> ComposeResult:
        with Vertical(id="captcha-place"):
            yield self._picture
            yield self._question
        yield self._field
        yield Horizontal(self._another, self._other_way, classes="row")

    def on_mount(self) -> None:
        self._say_what_it_is()
        self.app.run_worker(flows.captcha.prepare(), exit_on_error=False)

    @property
    def answer(self) -> str:
        """What was typed."""
        return self._field.value

    def show(self, view: CaptchaView) -> None:
        """Show another CAPTCHA, and forget what was typed for the one before."""
        self.challenge_id = view.id
        is_other_kind = self.is_question == bool(view.picture)
        self.is_question = not view.picture
        self._field.clear()
        self._picture.rows = view.picture if self._abilities.blocks else ()
        question = view.question
        if view.picture and not self._abilities.blocks:
            question = _("This terminal cannot draw the picture. Please ask for a question.")
        self._question.update(Content(question))
        self._say_what_it_is()
        if is_other_kind and self.screen.focused is self._other_way:
            # Who wanted the question hears it, and goes on with the answer.
            self._field.input.focus()

    def _say_what_it_is(self) -> None:
        asks = self.is_question
        self.set_class(asks, "-question")
        label = _("Answer") if asks else _("What do you see?")
        self._field.query_one(".field--label", Static).update(Content(label))
        expected = _("{n} letters and digits").format(n=flows.captcha.LETTERS)
        self._field.input.placeholder = "" if asks else expected
        self._another.label = _("New question") if asks else _("New picture")
        self._other_way.label = _("Show a picture instead") if asks else _("Ask a question instead")
        self._other_way.display = not asks or self._abilities.blocks

    @on(ActionButton.Pressed)
    def pressed(self, event: ActionButton.Pressed) -> None:
        event.stop()
        is_same_kind = event.button is self._another
        self.post_message(self.Wanted(as_question=self.is_question == is_same_kind))
