"""The wizard of a lost device: e-mail, SMS, CAPTCHA, and OTP is switched off.

What has been proven stands in the database. The screen looks there every moment, so that of two
terminals on one request each follows the other.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Center, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

import styles
from screens.base import FLOWS, ConsoleScreen, understood
from screens.question import QuestionDialog
from screens.widgets.action_button import ActionButton
from screens.widgets.captcha import CaptchaBox
from screens.widgets.countdown import Countdown
from screens.widgets.form import CodeField, Field, Notice
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import (
    ConsoleError,
    FieldError,
    RequestOverError,
    WrongCaptchaError,
    WrongSmsCodeError,
)
from tui_admin.flows.answers import Delivery, Recovery, RequestView, Step, StopOffer, Token
from tui_admin.flows.visitor import LOCAL
from tui_admin.i18n import _, zoned_minute

if TYPE_CHECKING:
    from screens.app import ConsoleApp
    from tui_admin.flows.context import Context

LOOK_S = 1.5
_LINK_LIMIT = 2000


class LostDeviceScreen(ConsoleScreen[None]):
    """Shows the step that the request has reached. `Esc` leaves it; the request stays open."""

    CSS_PATH = [styles.sheet("lost_device")]

    def __init__(self, recovery: Recovery) -> None:
        super().__init__()
        self._recovery = recovery
        self._until_s = time.monotonic() + recovery.view.ttl_s

    def body(self) -> Iterable[Widget]:
        by_email = Vertical(
            Static("", id="email-text"),
            Field(
                _("Code or link from the e-mail"),
                id="mail_code",
                placeholder="ABCDE-12345",
                limit=_LINK_LIMIT,
            ),
            id="by-email",
        )
        by_sms = Vertical(Static("", id="sms-text"), id="by-sms")
        by_code = Vertical(
            Horizontal(
                Static("", id="code-text"),
                CodeField(id="sms_code", rule=_("The SMS code is six digits.")),
                classes="row",
            ),
            CaptchaBox(self.console.abilities),
            id="by-code",
        )
        card = Vertical(
            Horizontal(
                Static("", id="progress"),
                Countdown(self._seconds_left, template=_("{time} left"), id="time-left"),
                classes="row",
            ),
            by_email,
            by_sms,
            by_code,
            Vertical(Static("", id="delivery", classes="quiet"), Notice(), id="news"),
            Horizontal(
                ActionButton(_("Continue"), id="continue", classes="-first"),
                ActionButton(_("Send SMS"), id="send-sms", classes="-first"),
                ActionButton(_("Send"), id="send", classes="-first"),
                ActionButton(_("Send again"), id="send-again"),
                Static("", id="again-in", classes="quiet"),
                ActionButton(_("This was not me"), id="not-me"),
                id="ways",
                classes="row",
            ),
            classes="card",
        )
        card.border_title = Content(_("Deactivate OTP"))
        yield Center(card, id="middle")

    def on_mount(self) -> None:
        super().on_mount()
        self.show(self._recovery.view)
        self.set_interval(LOOK_S, self.look)

    def help_text(self) -> str:
        return _(
            "For the day the device is gone. First the e-mail: run its command in any terminal, or "
            "type its code here. Then have an SMS sent to your phone, type its code and what the "
            "CAPTCHA asks for. OTP is off then, and you sign in with your password. Esc leaves; as "
            "long as the time runs, you can come back with your password or the link."
        )

    def adopt(self, recovery: Recovery) -> None:
        """Go on with another proof: the link was followed in this terminal."""
        self._recovery = recovery
        self.show(recovery.view)

    # What the request says.

    def show(self, view: RequestView) -> None:
        """Show the request as it stands."""
        before = next((step for step in Step if self.has_class(f"-{step}")), None)
        self._until_s = time.monotonic() + view.ttl_s
        for step in Step:
            self.set_class(view.step is step, f"-{step}")
        self.set_class(self._recovery.is_by_link, "-by-link")
        self._say_where(view)
        self._say_delivery(view)
        if view.step is before:
            return
        self.notice.say("")
        self.query_one(Countdown).restart()
        focus = {Step.EMAIL: "#mail_code", Step.SMS: "#send-sms", Step.CODE: "#sms_code"}
        self.query_one(focus[view.step]).focus()
        if view.step is Step.CODE:
            self._want_captcha(as_question=not self.console.abilities.blocks)

    def _say_where(self, view: RequestView) -> None:
        names = (_("E-mail"), _("SMS"), _("CAPTCHA"), _("Done"))
        at = list(Step).index(view.step)
        signs = ["\u25cf" if number <= at else "\u25cb" for number in range(len(names))]
        parts = [f"{sign} {name}" for sign, name in zip(signs, names, strict=True)]
        self.query_one("#progress", Static).update(Content(" \u2500\u2500 ".join(parts)))
        texts = {
            "#email-text": _(
                "We sent a message to {email}. Run its command in any terminal, or type its code "
                "or paste its link here:"
            ).format(email=view.email),
            "#sms-text": self._sms_text(view),
            "#code-text": _("SMS code, sent to {phone}").format(phone=view.phone),
        }
        for selector, text in texts.items():
            self.query_one(selector, Static).update(Content(text))

    def _sms_text(self, view: RequestView) -> str:
        if not self._recovery.is_by_link:
            return _("The e-mail is confirmed. Next, six digits go by SMS to {phone}.").format(
                phone=view.phone
            )
        return _(
            "On {when} somebody at {where} asked to switch OTP off for this account, knowing its "
            "password. If that was you, have six digits sent by SMS to {phone}."
        ).format(
            when=zoned_minute(view.asked_at, self.console.timezone),
            where=_spoken(view.asked_from),
            phone=view.phone,
        )

    def _say_delivery(self, view: RequestView) -> None:
        by_mail = view.step is Step.EMAIL
        delivery, again_s = (
            (view.mail, view.mail_again_s) if by_mail else (view.sms, view.sms_again_s)
        )
        sentence = {
            Delivery.NONE: "",
            Delivery.WAITING: _("It is on its way."),
            Delivery.TRYING: _("It could not be delivered yet; we go on trying."),
            Delivery.SENT: _("It has left here; it may take a minute to arrive."),
            Delivery.FAILED: _("It could not be delivered. The contact form helps."),
        }[delivery]
        if view.step is Step.SMS:
            sentence = ""
        self.query_one("#delivery", Static).update(Content(sentence))
        self.query_one("#send-again", ActionButton).disabled = again_s > 0
        wait = _("in {n} s").format(n=again_s) if again_s and view.step is not Step.SMS else ""
        self.query_one("#again-in", Static).update(Content(wait))

    def _seconds_left(self) -> int:
        return int(self._until_s - time.monotonic())

    @on(Countdown.RanOut)
    def look(self) -> None:
        """Look whether the other terminal, or the time, has brought the request on."""
        if self.is_up and not self.is_busy:
            self.app.run_worker(self._look(), group="look", exclusive=True, exit_on_error=False)

    async def _look(self) -> None:
        try:
            view = await flows.lost_device.look(await self.console.context(), self._proof)
        except RequestOverError as error:
            self.refused(error)
        except ConsoleError:
            return  # The next look may work, and what the person does next will say so.
        else:
            if self.is_up and not self.is_busy:
                self.show(view)

    @property
    def _proof(self) -> Token:
        return self._recovery.proof

    # What the person does.

    @on(TextField.Submitted, "#mail_code")
    @on(ActionButton.Pressed, "#continue")
    def mail_code_typed(self) -> None:
        self._step(flows.lost_device.confirm_mail, self.query_one("#mail_code-field", Field).value)

    @on(ActionButton.Pressed, "#send-sms")
    def send_sms(self) -> None:
        self._step(flows.lost_device.send_sms)

    @on(ActionButton.Pressed, "#send-again")
    def send_again(self) -> None:
        by_mail = self.has_class("-email")
        self._step(flows.lost_device.send_mail_again if by_mail else flows.lost_device.send_sms)

    def _step(self, flow: Callable[..., Awaitable[RequestView]], *typed: str) -> None:
        async def work(ctx: Context) -> None:
            view = await flow(ctx, self.console.visitor, self._proof, *typed)
            if self.is_up:
                self.show(view)

        self.start(work)

    @on(CaptchaBox.Wanted)
    def captcha_wanted(self, event: CaptchaBox.Wanted) -> None:
        self._want_captcha(as_question=event.as_question)

    def _want_captcha(self, *, as_question: bool) -> None:
        async def work(ctx: Context) -> None:
            view = await flows.lost_device.new_captcha(
                ctx, self.console.visitor, self._proof, as_question=as_question
            )
            if self.is_up:
                self.query_one(CaptchaBox).show(view)

        self.app.run_worker(self.guarded(work), exit_on_error=False)

    @on(CodeField.Completed, "#sms_code")
    def code_complete(self) -> None:
        self.query_one("#captcha").focus()

    @on(CodeField.Submitted, "#sms_code")
    @on(TextField.Submitted, "#captcha")
    @on(ActionButton.Pressed, "#send")
    def send(self) -> None:
        self.start(self._finish)

    async def _finish(self, ctx: Context) -> None:
        box = self.query_one(CaptchaBox)
        code = self.query_one("#sms_code", CodeField).value
        try:
            await flows.lost_device.finish(
                ctx, self.console.visitor, self._proof, code, box.challenge_id, box.answer
            )
        except (WrongCaptchaError, WrongSmsCodeError):
            # It is used up, whichever of the two was wrong.
            self._want_captcha(as_question=box.is_question)
            raise
        self.console.back_to_sign_in(RequestOverError("completed").sentence)

    @on(ActionButton.Pressed, "#not-me")
    def not_me(self) -> None:
        view = self._recovery.view
        offer = StopOffer(self._proof, view.asked_at, view.asked_from, is_completed=False)
        ask_to_stop(self.console, offer)

    # What went wrong.

    def refused(self, error: ConsoleError) -> None:
        if not self.is_up:
            return
        if isinstance(error, RequestOverError):
            self.console.back_to_sign_in(error.sentence)
            return
        super().refused(error)
        if isinstance(error, WrongSmsCodeError):
            code = self.query_one("#sms_code", CodeField)
            code.value = ""
            code.focus()
        elif isinstance(error, WrongCaptchaError):
            self.query_one("#captcha").focus()

    def field_refused(self, error: FieldError) -> None:
        if error.field == "sms_code":
            super().refused(error)
            self.query_one("#sms_code").focus()
        else:
            super().field_refused(error)


def _spoken(address: str) -> str:
    return _("this system") if address == LOCAL else address


def ask_to_stop(console: ConsoleApp, offer: StopOffer) -> None:
    """Ask whether a request shall be stopped, and stop it; opening the link does nothing yet."""
    question = _(
        "On {when} somebody at {where} asked to switch OTP off for this account. Stopping it ends "
        "every session and tells our staff."
    ).format(when=zoned_minute(offer.asked_at, console.timezone), where=_spoken(offer.asked_from))
    if offer.is_completed:
        question += "\n" + _("OTP has been switched off already.")
    dialog = QuestionDialog(_("This was not me"), question, yes=_("Stop it"), no=_("Leave it"))

    def answered(yes: bool | None) -> None:
        if yes:
            console.run_worker(_stop(console, offer), group=FLOWS, exit_on_error=False)

    console.push_screen(dialog, answered)


async def _stop(console: ConsoleApp, offer: StopOffer) -> None:
    try:
        await flows.lost_device.stop(await console.context(), console.visitor, offer.stop)
        sentence = _("Stopped. Somebody knows your password: please tell us by the contact form.")
    except Exception as error:  # noqa: BLE001 (`understood` logs it)
        sentence = understood(error).sentence
    console.back_to_sign_in(sentence)
