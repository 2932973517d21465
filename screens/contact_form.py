"""The contact form: the way to a human, for those who reach neither e-mail nor phone above all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Center, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

import styles
from screens.base import ConsoleScreen
from screens.question import QuestionDialog
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field, Notice
from screens.widgets.text_box import BoxField
from tui_admin import flows
from tui_admin.errors import FieldError
from tui_admin.flows.answers import REACH_LIMIT, STORY_LIMIT, CaseOpened
from tui_admin.i18n import _, zoned_minute
from tui_admin.security.text import canonical_email, clean_line, clean_lines

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

EMAIL_LIMIT = 320


class ContactFormScreen(ConsoleScreen[None]):
    """Takes a case, then shows its number and PIN once.

    With `signed_in` the case is opened under the account's own address, which is shown.
    """

    CSS_PATH = [styles.sheet("contact_form")]
    AUTO_FOCUS = "TextField"

    def __init__(self, *, signed_in: bool = False) -> None:
        super().__init__()
        self._signed_in = signed_in
        self._is_opened = False

    def body(self) -> Iterable[Widget]:
        form = Vertical(
            Static(Content(_("A person answers within one working day.")), id="contact-intro"),
            self._email(),
            Field(
                _("How can we reach you now?"),
                id="reach",
                limit=REACH_LIMIT,
                placeholder=_("another phone number or e-mail"),
                check=_told(partial(clean_line, "reach", limit=REACH_LIMIT, required=True)),
                enter_moves_on=True,
            ),
            BoxField(
                _("What happened?"),
                id="story",
                limit=STORY_LIMIT,
                check=_told(partial(clean_lines, "story", limit=STORY_LIMIT, required=True)),
            ),
            Notice(),
            Horizontal(
                ActionButton(_("Send"), id="send", classes="-first"),
                ActionButton(_("I have a case number"), id="have-number"),
                classes="row",
            ),
            id="contact-form",
            classes="card",
        )
        form.border_title = Content(_("Contact form"))
        yield Center(form, self._opened(), id="middle")

    def _opened(self) -> Widget:
        """What takes the form's place once the case is open."""
        card = Vertical(
            Static(Content(_("Write these two down. The PIN is shown only now."))),
            _line(_("Case number"), "case-number"),
            _line(_("PIN"), "case-pin"),
            Static(id="case-due", markup=False),
            Static(Content(_("With both you see here how your case stands.")), classes="quiet"),
            Static("", classes="gap"),
            Horizontal(ActionButton(_("Done"), id="done", classes="-first"), classes="row"),
            id="case-opened",
            classes="card",
        )
        card.border_title = Content(_("Your case"))
        return card

    def _email(self) -> Widget:
        if self._signed_in:
            return Vertical(
                Static(Content(_("E-mail of your account")), classes="quiet"),
                Static("", id="own-email", markup=False),
                id="own-email-field",
            )
        return Field(
            _("E-mail of your account"),
            id="email",
            limit=EMAIL_LIMIT,
            check=_told(canonical_email),
            enter_moves_on=True,
        )

    def help_text(self) -> str:
        return _(
            "Write how we can reach you and what happened; Tab goes on from one field to the next. "
            "Send gives you a case number and a PIN: whoever has both sees here how the case "
            "stands. Never write a password or a code into it; nobody of us will ask for one."
        )

    def on_mount(self) -> None:
        if self._signed_in:
            self.app.run_worker(self.guarded(self._show_email), exit_on_error=False)

    async def _show_email(self, ctx: Context) -> None:
        profile = await flows.profile.read(ctx, self.console.token)
        if self.is_up:
            self.query_one("#own-email", Static).update(Content(profile.email))

    @on(ActionButton.Pressed, "#send")
    def send(self) -> None:
        self.start(self._send, saying=_("Sending\u2026"))

    async def _send(self, ctx: Context) -> None:
        console = self.console
        reach = self.query_one("#reach-field", Field).value
        story = self.query_one(BoxField).value
        if self._signed_in:
            opened = await flows.support.open_case_signed_in(
                ctx, console.visitor, console.token, reach, story
            )
        else:
            email = self.query_one("#email-field", Field).value
            opened = await flows.support.open_case(ctx, console.visitor, email, reach, story)
        if self.is_up:
            self._show_opened(opened)

    def _show_opened(self, opened: CaseOpened) -> None:
        self._is_opened = True
        due = zoned_minute(opened.due_at, self.console.timezone)
        promise = _("An answer comes by {moment} at the latest.").format(moment=due)
        for place, text in (
            ("#case-number", grouped(opened.number, 4)),
            ("#case-pin", grouped(opened.pin, 3)),
            ("#case-due", promise),
        ):
            self.query_one(place, Static).update(Content(text))
        self.add_class("-opened")
        self.query_one("#done").focus()

    @on(ActionButton.Pressed, "#done")
    def done(self) -> None:
        self.dismiss()

    @on(ActionButton.Pressed, "#have-number")
    def have_number(self) -> None:
        from screens.case import CaseScreen

        self.ask(CaseScreen())

    def action_back(self) -> None:
        """Leave, after asking when something would be lost; what is being sent is waited for."""
        lost = self.what_would_be_lost()
        if self.is_busy:
            self.notice.say(_("One moment: the answer is on its way."), "busy")
        elif lost:
            question = QuestionDialog(
                _("Contact form"), lost, yes=_("Leave all the same"), no=_("Stay")
            )
            self.ask(question, lambda yes: self.dismiss() if yes else None)
        else:
            self.dismiss()

    def what_would_be_lost(self) -> str:
        """The PIN, or what was typed."""
        if self._is_opened:
            return _("The PIN will not be shown again.")
        typed = [field.value for field in self.query(Field)] + [self.query_one(BoxField).value]
        return _("What you typed here is not sent.") if any(map(str.strip, typed)) else ""

    def field_refused(self, error: FieldError) -> None:
        if error.field != "story" or not self.is_up:
            super().field_refused(error)
            return
        story = self.query_one(BoxField)
        self.notice.say("")
        story.box.focus()
        story.say(error.sentence)


def grouped(digits: str, size: int) -> str:
    """Return digits in groups, as people read them out."""
    return " ".join(digits[at : at + size] for at in range(0, len(digits), size))


def _line(label: str, id: str) -> Widget:
    return Horizontal(
        Static(Content(label), classes="case-label quiet"),
        Static(id=id, classes="case-value", markup=False),
        classes="case-line",
    )


def _told(clean: Callable[[str], str]) -> Callable[[str], str]:
    """Return what a field asks while one types: the sentence that `clean` refuses a text with."""

    def check(typed: str) -> str:
        try:
            clean(typed)
        except FieldError as error:
            return error.sentence
        return ""

    return check
