"""The console of one terminal: which screen is up, who is signed in, and when that ends."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget
from textual.worker import WorkerCancelled, WorkerFailed

import styles
from screens.attendance import Attendance
from screens.base import FLOWS, ConsoleScreen, FlowCaller, understood
from screens.compositor import cache_no_lines
from screens.contained import ContainedApp
from screens.sign_in import SignInScreen
from screens.stylesheet import SharedStylesheet
from screens.terminal import TerminalAbilities
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import (
    ConsoleError,
    LimitedError,
    SessionEndedError,
    StartError,
    UnavailableError,
)
from tui_admin.flows.visitor import Visitor
from tui_admin.i18n import N_, SOURCE_LANGUAGE, Language, _, use_language
from tui_admin.security.text import safe

if TYPE_CHECKING:
    from rich.console import RenderableType

    from screens.demo_phone import DemoHelp
    from tui_admin.flows.answers import NeedsCode, SignedIn, Token
    from tui_admin.flows.context import Context

log = logging.getLogger(__name__)
DEFAULT_THEME = "calm-dark"
LAST_ANSWER_S = 5.0
"""How long leaving waits for a flow that is under way."""
THEME_PAUSE_S = 0.3
"""How long a theme stands at least; the repeats of a key come faster."""
INSIDE = styles.sheet("inside")

cache_no_lines()


def _nothing(_outcome: str = "") -> None:
    """Nobody waits for this console or counts its sign-ins."""


class ConsoleApp(ContainedApp, inherit_bindings=False):
    """One `ConsoleApp` a terminal.

    It is drawn before storage is there: `open_context` runs while the first frame stands, and
    flows wait for it.

    Args:
        open_context: Opens settings, storage and keys; may raise `StartError`.
        visitor: The peer's address and the terminal's name.
        abilities: What the terminal can draw.
        kiosk: Take away leaving, copying, and everything else that reaches beyond the console.
        demo: The sample accounts and the phone of the demo.
        ahead: Nobody waits for the first frame, so it does not hurry: all shared sheets are read
            before it, and nothing has to be styled again after it.
        link: The link of a letter that this terminal was opened by.
    """

    # The default screen's own sheet is not loaded by Textual, so it stands here.
    CSS_PATH = [styles.sheet("theme"), styles.sheet("sign_in")]
    HORIZONTAL_BREAKPOINTS = [
        (0, "-tiny"),
        (60, "-narrow"),
        (80, "-normal"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [
        (0, "-low"),
        (20, "-short"),
        (24, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "phone", N_("Phone"), key_display="F2"),
        Binding("f4", "theme", N_("Theme"), key_display="F4"),
        Binding("ctrl+q", "leave", N_("Leave"), key_display="^Q"),
        Binding("ctrl+c", "leave", show=False),
        # By priority, and so before the next key is looked at: keys that came in one burst would
        # else still go to the field before, and show a password in clear there.
        Binding("tab", "focus_next", show=False, priority=True),
        Binding("shift+tab", "focus_previous", show=False, priority=True),
    ]

    def __init__(
        self,
        open_context: Callable[[], Awaitable[Context]],
        *,
        visitor: Visitor,
        abilities: TerminalAbilities,
        kiosk: bool = False,
        demo: DemoHelp | None = None,
        ahead: bool = False,
        link: str = "",
    ) -> None:
        super().__init__(css_path=[*self.CSS_PATH, INSIDE] if ahead else None)
        self._open_context = open_context
        self._opened: asyncio.Future[Context] | None = None
        self.visitor = visitor
        self.abilities = abilities
        self.kiosk = kiosk
        self.demo = demo
        self.language = Language()
        self.timezone = "UTC"
        self.brand = ""
        self._signed_in: SignedIn | None = None
        self.is_over = False
        """Whether its terminal ends, and keys that have come by now lead to nothing."""
        self._parts: list[Widget] = []
        """What was on the screens at the end."""
        self._link = link
        self.standing: Callable[[], str] = str
        """The sentence that every screen shows while it has none of its own."""
        self.when_open: Callable[[], None] = _nothing
        """Called once flows can be called."""
        self.on_sign_in: Callable[[str], None] = _nothing
        """Called with how a sign-in went: `accepted`, `refused`, `limited` or `unavailable`."""
        self.when_signed_in: Callable[[bool], None] = lambda _is_signed_in: None
        """Called when somebody has signed in, and when nobody is any more."""
        self.when_missed: Callable[[], None] = _nothing
        """Called for each wrong password or code at the sign-in."""
        self.attendance = Attendance(self)
        self._own_theme = DEFAULT_THEME
        self._themed_s = -THEME_PAUSE_S
        for name, colours in styles.themes().items():
            self.register_theme(Theme(name=name, **colours))
        # Set without its watcher, which would parse every style sheet a second time.
        self.set_reactive(App.theme, DEFAULT_THEME)
        self.stylesheet = SharedStylesheet(variables=self.get_css_variables())

    # The beginning: the first frame does not wait for storage.

    def get_default_screen(self) -> Screen[Any]:
        """The sign-in screen is the first and the lowest of the stack."""
        screen = SignInScreen()
        # Textual sets them only at the first resize, and then looks every style up again.
        for name in self.size_classes(self.size):
            screen.add_class(name, update=False)  # it is styled when it is mounted
        return screen

    @classmethod
    def size_classes(cls, size: tuple[int, int]) -> tuple[str, str]:
        """Return the classes that a screen of this size has, for its width and its height."""
        width, height = (
            max(point for point in points or [] if point[0] <= cells)[1]
            for cells, points in zip(
                size, (cls.HORIZONTAL_BREAKPOINTS, cls.VERTICAL_BREAKPOINTS), strict=True
            )
        )
        return width, height

    def on_load(self) -> None:
        # Every task of this terminal starts below this one and inherits the language.
        use_language(self.language)

    def on_mount(self) -> None:
        self._opened = asyncio.get_running_loop().create_future()

    def on_ready(self) -> None:
        # The first frame is out. Earlier, the imports in their thread would slow it down, and so
        # would the garbage collector, which the command has switched off until now.
        gc.enable()
        # What the first screen has no use for; read before any other screen's own sheet.
        if not self.stylesheet.has_source(str(INSIDE)):
            self.stylesheet.read(INSIDE)
            self.stylesheet.reparse()
            self.stylesheet.update(self)
        self.run_worker(self._open(), exit_on_error=False)

    async def _open(self) -> None:
        try:
            context = await self._open_context()
        except Exception as error:
            if not isinstance(error, StartError):
                log.exception("the console could not start")
            self.exit_error = error if isinstance(error, ConsoleError) else UnavailableError()
            self.exit(return_code=1)
            return
        assert self._opened is not None  # noqa: S101 (set before the worker starts)
        self.brand = safe(context.settings.brand)
        self.use_locale(context.settings.locale, context.settings.timezone)
        self._opened.set_result(context)
        if self.language.code != SOURCE_LANGUAGE and isinstance(self.screen, SignInScreen):
            await self.screen.speak_again()
        for screen in self.screen_stack:
            if isinstance(screen, ConsoleScreen):
                screen.show_brand()
        self.attendance.start(context.settings.sessions.idle_s)
        if self._link:
            link, self._link = self._link, ""
            await self.follow_link(link)
        self.when_open()

    @property
    def is_open(self) -> bool:
        """Whether flows can be called without waiting for storage."""
        return self._opened is not None and self._opened.done()

    async def context(self) -> Context:
        """Return what flows work with, once it is open."""
        assert self._opened is not None  # noqa: S101 (set at mount, before any key)
        return await asyncio.shield(self._opened)

    async def on_exit_app(self) -> None:
        """Let flows come to their answer before Textual cancels them: a session that is opened
        while somebody leaves has to be known, or nothing would end it."""
        flows_left = [worker for worker in self.workers if worker.group == FLOWS]
        with suppress(TimeoutError, WorkerCancelled, WorkerFailed):
            async with asyncio.timeout(LAST_ANSWER_S):
                await self.workers.wait_for_complete(flows_left)

    async def hang_up(self) -> None:
        """End the session of a window that was closed on it; called once the app has stopped."""
        if self.is_open and self.signed_in is not None:
            await self._end_session(self.signed_in.session, "signed_out")
            self.signed_in = None

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """End this terminal."""
        for screen in self.screen_stack:
            self._parts += screen.walk_children(Widget, with_self=True)
        super().exit(result, return_code, message)

    def let_go(self) -> None:
        """Take everything apart; called once the app has stopped and `hang_up` is done.

        Widgets, styles and the app name each other all around. Left as they are, they stay until
        the garbage collector looks at all objects of all terminals.
        """
        for part in [*self._parts, self]:
            part.__dict__.clear()

    async def close_context(self) -> None:
        """Let storage and threads go; called once the app has stopped, if they are its own."""
        await self.hang_up()
        if self._opened is not None and self._opened.done():
            await self._opened.result().close()

    async def _start_over(self) -> None:
        """Give the next person at a kiosk everything as it was in the beginning."""
        old, self._opened = self._opened, asyncio.get_running_loop().create_future()
        if self.demo is not None:
            self.demo.phone.reset()
        if old is not None and old.done():
            await old.result().close()
        await self._open()

    # Who is signed in.

    @property
    def signed_in(self) -> SignedIn | None:
        """Who is signed in, and under which token."""
        return self._signed_in

    @signed_in.setter
    def signed_in(self, signed_in: SignedIn | None) -> None:
        had_been, self._signed_in = self._signed_in, signed_in
        if (had_been is None) is not (signed_in is None):
            self.when_signed_in(signed_in is not None)

    @property
    def token(self) -> Token:
        """The session's token.

        Raises:
            SessionEndedError: nobody is signed in.
        """
        if self.signed_in is None:
            raise SessionEndedError("")
        return self.signed_in.session

    def begin_session(self, signed_in: SignedIn) -> None:
        """Show the panel to the person who has just signed in."""
        from screens.panel import PanelScreen

        self.signed_in = signed_in
        self.on_sign_in("accepted")
        self._clipboard = ""
        self._own_theme = self.theme
        self.attendance.begin_session()
        self.use_locale(signed_in.language, signed_in.timezone)
        if signed_in.theme in styles.themes():
            self.theme = signed_in.theme
        self._pop_to_sign_in()
        self.push_screen(PanelScreen(signed_in))

    def use_locale(self, language: str, timezone: str) -> None:
        """Speak this language and show times in this zone; an empty one changes nothing."""
        self.language.switch(language or self.language.code)
        self.timezone = timezone or self.timezone

    def replace_token(self, old: Token, new: Token) -> None:
        """Go on under a new token after a change of factors."""
        if self.signed_in is not None and self.signed_in.session == old:
            self.signed_in = replace(self.signed_in, session=new)

    def session_over(self, sentence: str) -> None:
        """Return to the sign-in screen and say why; safe to call twice.

        The next person finds nothing of the last one's: no language, theme or copied key.
        """
        if self.signed_in is not None or not isinstance(self.screen, SignInScreen):
            self.back_to_sign_in(sentence)

    def back_to_sign_in(self, sentence: str) -> None:
        """Close everything above the sign-in screen and say why."""
        if self.signed_in is not None:
            self.theme = self._own_theme
        self.signed_in = None
        self._clipboard = ""
        self._pop_to_sign_in()
        if self.is_open and self._opened is not None:
            settings = self._opened.result().settings
            self.use_locale(settings.locale, settings.timezone)
        if isinstance(self.screen, SignInScreen):
            self.screen.begin_again(sentence)

    async def follow_link(self, typed: str) -> None:
        """Go to what the link of a letter leads to; `typed` is the link, or what was pasted."""
        from screens.lost_device import LostDeviceScreen, ask_to_stop
        from tui_admin.flows.answers import StopOffer

        try:
            found = await flows.lost_device.open_link(await self.context(), typed)
        except Exception as error:  # noqa: BLE001 (`understood` logs it)
            self.back_to_sign_in(understood(error).sentence)
            return
        waiting = [s for s in self.screen_stack if isinstance(s, LostDeviceScreen)]
        if isinstance(found, StopOffer):
            ask_to_stop(self, found)
        elif waiting:
            waiting[0].adopt(found)
        else:
            self.push_screen(LostDeviceScreen(found))

    def missed(self, error: ConsoleError) -> None:
        """A password or code at the sign-in was wrong, or is not looked at any more."""
        outcomes = {LimitedError: "limited", UnavailableError: "unavailable"}
        found = (name for kind, name in outcomes.items() if isinstance(error, kind))
        self.on_sign_in(next(found, "refused"))
        self.when_missed()

    def end_with(self, error: ConsoleError) -> None:
        """End this terminal and leave a sentence for the person."""
        self.exit_error = error
        self.exit(return_code=1)

    def announce(self, sentence: Callable[[], str]) -> None:
        """Say something to whoever is there, whatever screen is up, now and from then on wherever
        there is nothing else to say."""
        self.standing = sentence
        self.bell()
        if isinstance(self.screen, FlowCaller):
            self.screen.notice.say("")

    def session_over_for(self, token: Token, sentence: str) -> None:
        """As `session_over`, if `token` is still the one that this terminal works under."""
        if self.signed_in is not None and self.signed_in.session == token:
            self.session_over(sentence)

    def sign_out(self, reason: str = "signed_out") -> None:
        """End the session in the database, then go back to the sign-in screen."""
        self.run_worker(self._sign_out(reason), group=FLOWS, exit_on_error=False)

    async def _sign_out(self, reason: str) -> None:
        if self.signed_in is None:
            return
        token = self.signed_in.session
        self.session_over_for(token, await self._end_session(token, reason))

    async def _end_session(self, token: Token, reason: str) -> str:
        """End a session in the database; return the sentence for the person.

        Without the database the terminal forgets the token all the same, and the session's row
        ends by its times.
        """
        try:
            await flows.sessions.sign_out(await self.context(), self.visitor, token, reason)
        except Exception as error:  # noqa: BLE001 (`understood` logs it)
            return understood(error).sentence
        return _("Signed out.") if reason == "signed_out" else SessionEndedError(reason).sentence

    def forget(self, answer: NeedsCode | SignedIn) -> None:
        """End what a sign-in began after the person had left it."""
        self.run_worker(self._forget(answer), group=FLOWS, exit_on_error=False)

    async def _forget(self, answer: NeedsCode | SignedIn) -> None:
        from tui_admin.flows.answers import SignedIn

        if isinstance(answer, SignedIn):
            await self._end_session(answer.session, "signed_out")
            return
        with suppress(ConsoleError):  # It runs out by itself.
            await flows.sign_in.cancel(await self.context(), self.visitor, answer.half)

    def _pop_to_sign_in(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    # Keys, in their order, and what is done with nobody there.

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown | events.Paste):
            self.attendance.note()
        if isinstance(event, events.Key) and event.key == "enter" and not event.is_forwarded:
            field = self.focused
            if isinstance(field, TextField) and field.enter_moves_on:
                self.screen.focus_next()
                return
        await super().on_event(event)

    async def end_idle(self) -> None:
        """Leave nothing of a person who has gone: the session, what was typed, at a kiosk all."""
        self._own_theme = DEFAULT_THEME
        if self.signed_in is not None:
            await self._sign_out("idle")
        else:
            # A password that was typed and not sent shall not wait for the next person.
            self._pop_to_sign_in()
            if isinstance(self.screen, SignInScreen):
                self.screen.begin_again("")
        if self.kiosk:
            self.theme = DEFAULT_THEME
            if self.screen.has_class("-phone"):
                await self.action_phone()
            # Last: the sign-out above still needs the storage that goes now.
            await self._start_over()

    # Keys that work everywhere.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "phone":
            return self.demo is not None
        if action == "leave":
            return not self.kiosk
        return super().check_action(action, parameters)

    def action_theme(self) -> None:
        """Go on to the next theme, and remember it for this account.

        Every style is looked up again for that, which takes as long as ten keys. So the repeats of
        a key that is held change nothing.
        """
        now_s = time.monotonic()
        if now_s - self._themed_s < THEME_PAUSE_S:
            return
        self._themed_s = now_s
        names = list(styles.themes())
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        if self.signed_in is not None:
            self.run_worker(self._remember_theme(self.theme), exclusive=True, group="theme")

    async def _remember_theme(self, theme: str) -> None:
        context, token = await self.context(), self.token
        try:
            await flows.profile.remember_theme(context, self.visitor, token, theme)
        except ConsoleError:
            return  # The theme is on the screen all the same.
        except Exception:
            log.exception("a theme could not be remembered")

    async def action_phone(self) -> None:
        """Open or close the drawer with the demo's phone."""
        from screens.demo_phone import toggle_phone

        await toggle_phone(self)

    def action_leave(self) -> None:
        """Leave the console; asks when somebody is signed in or something would be lost."""
        from screens.question import QuestionDialog

        if isinstance(self.screen, QuestionDialog):
            return
        open_screens = [s for s in self.screen_stack if isinstance(s, FlowCaller)]
        lost = [sentence for s in open_screens if (sentence := s.what_would_be_lost())]
        if self.signed_in is not None:
            lost.append(_("You are signed in. Log out and leave?"))
            yes = _("Log out and leave")
        else:
            yes = _("Leave all the same")
        if not lost:
            self.exit()
            return
        question = QuestionDialog(_("Leave"), "\n".join(lost), yes=yes, no=_("Stay"))
        self.push_screen(question, self._leave_answered)

    def _leave_answered(self, yes: bool | None) -> None:
        if yes:
            self.run_worker(self._sign_out_and_exit(), exit_on_error=False)

    async def _sign_out_and_exit(self) -> None:
        await self._sign_out("signed_out")
        self.exit()
