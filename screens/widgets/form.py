"""The parts that forms are made of: a labelled field, the line that says what happened, a code."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult, RenderResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from screens.widgets.text_field import TextField, obey_binding
from tui_admin.i18n import _

if TYPE_CHECKING:
    from screens.app import ConsoleApp

DIGITS = 6
_SEPARATORS = " -\u00a0\u2007\u2009\u202f"


class LabelledField(Vertical):
    """A label, something to type into, and a reserved line for what is wrong with it.

    `check` looks at the text while it is typed and returns a sentence, or "" when all is well. It
    speaks only after the field was left once, so that nobody is scolded for not being done yet.
    """

    def __init__(
        self,
        label: str,
        place: Widget,
        *,
        id: str,
        check: Callable[[str], str] | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=f"{id}-field", classes=classes)
        self._label = label
        self._place = place
        self._check = check
        self._was_left = False
        self._said = ""
        self._error = Static(classes="field--error", markup=False)

    def compose(self) -> ComposeResult:
        yield Static(Content(self._label), classes="field--label")
        yield self._place
        yield self._error

    @property
    def value(self) -> str:
        """What stands in the field."""
        raise NotImplementedError

    def say(self, sentence: str) -> None:
        """Show what is wrong beside the field; "" takes it away."""
        # Looked at with every key: drawing it again each time would cost as much as the key.
        if sentence != self._said:
            self._said = sentence
            self._error.update(Content(sentence), layout=False)

    def look(self) -> None:
        """Say what is wrong with what stands there now; a refusal stands until the text changes."""
        self.say(self._check(self.value) if self._check and self._was_left else "")

    def left_out(self, characters: int) -> None:
        """Say that a paste was cut."""
        self.say(_("That was too long; {n} characters were left out.").format(n=characters))

    # A class and not `:focus-within`, which Textual does not look at again when the focus goes on.

    def on_descendant_focus(self) -> None:
        self.add_class("-focused")

    def on_descendant_blur(self) -> None:
        self.remove_class("-focused")
        self._was_left = bool(self.value) or self._was_left
        if self._check and self._was_left:
            self.say(self._check(self.value))


class Field(LabelledField):
    """A labelled field of one line."""

    def __init__(
        self,
        label: str,
        *,
        id: str,
        password: bool = False,
        value: str = "",
        placeholder: str = "",
        limit: int = 512,
        check: Callable[[str], str] | None = None,
        enter_moves_on: bool = False,
        classes: str | None = None,
    ) -> None:
        self.input = TextField(
            value, placeholder, id=id, password=password, limit=limit, compact=True
        )
        self.input.enter_moves_on = enter_moves_on
        super().__init__(label, self.input, id=id, check=check, classes=classes)

    @property
    def value(self) -> str:
        """What stands in the field."""
        return self.input.value

    def clear(self) -> None:
        """Empty the field and forget what was said about it."""
        self._was_left = False
        self.input.value = ""
        self.say("")

    def on_input_changed(self, event: TextField.Changed) -> None:
        self.look()

    def on_text_field_overflow(self, event: TextField.Overflow) -> None:
        event.stop()
        self.left_out(event.dropped)


class Notice(Static):
    """The reserved lines for what happened: words, with a sign and a colour beside them."""

    SIGNS: ClassVar[dict[str, str]] = {"error": "! ", "done": "\u2713 ", "busy": "\u2026 ", "": ""}

    said = ""
    """The sentence that is shown, without its sign."""

    def on_mount(self) -> None:
        if not self.said:
            self.say("")

    def say(self, sentence: str, kind: str = "") -> None:
        """Show a sentence; `kind` is `error`, `done`, `busy` or nothing. Without one, what stands
        for all screens is shown."""
        sentence = sentence or cast("ConsoleApp", self.app).standing()
        self.said = sentence
        self.set_class(bool(sentence), "-said")
        for name in ("error", "done", "busy"):
            self.set_class(name == kind, f"-{name}")
        self.update(Content(self.SIGNS[kind] + sentence if sentence else ""), layout=False)


class CodeField(Widget, can_focus=True):
    """Six digits with a place for each. Takes a paste with spaces; the sixth digit completes it."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("backspace,ctrl+h", "rub_out", show=False),
        Binding("ctrl+u,delete", "clear", show=False),
        Binding("enter", "submit", show=False),
    ]

    value: reactive[str] = reactive("")

    def __init__(self, *, id: str | None = None, rule: str = "") -> None:
        """`rule` is said to whoever types something else."""
        super().__init__(id=id)
        self._rule = rule or _("The OTP password is six digits.")

    class FieldMessage(Message):
        """A message about one field."""

        def __init__(self, field: CodeField) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> CodeField:
            """For `@on(CodeField.Completed, "#id")`."""
            return self.field

    class Completed(FieldMessage):
        """The sixth digit was typed or pasted."""

    class Submitted(FieldMessage):
        """Enter was pressed in the field."""

    class Said(Message):
        """What is to be said about what was typed: that it is no digit, or "" for a right one."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    def render(self) -> RenderResult:
        places = self.value.ljust(DIGITS, "_")
        line = Content(" ".join(places[:3]) + "  " + " ".join(places[3:]))
        at = min(len(self.value), DIGITS - 1)
        start = 2 * at + (at >= DIGITS // 2)
        # Where the next digit goes is marked without a colour too.
        return line.stylize("reverse", start, start + 1) if self.has_focus else line

    def fill(self, text: str) -> None:
        """Put a whole code in, as a paste does."""
        digits = "".join(char for char in text[:64].strip() if char not in _SEPARATORS)
        if len(digits) == DIGITS and digits.isascii() and digits.isdigit():
            self.value = digits
            self.post_message(self.Completed(self))
        else:
            self.post_message(self.Said(self._rule))

    async def _on_key(self, event: events.Key) -> None:
        if await obey_binding(self, event):
            return
        char = event.character
        if char is None or not event.is_printable or char in _SEPARATORS:
            return
        event.stop()
        event.prevent_default()
        if not (char.isascii() and char.isdigit()):
            self.post_message(self.Said(self._rule))
        elif len(self.value) < DIGITS:
            self.value += char
            self.post_message(self.Said(""))
            if len(self.value) == DIGITS:
                self.post_message(self.Completed(self))

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.fill(event.text)

    def action_rub_out(self) -> None:
        self.value = self.value[:-1]

    def action_clear(self) -> None:
        self.value = ""

    def action_submit(self) -> None:
        # The sixth digit has sent the code already; Enter out of habit is no try at an empty one.
        if self.value:
            self.post_message(self.Submitted(self))
