"""The panel: navigation bar, left menu, and the pane that the menu chose."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

import styles
from screens.base import ConsoleScreen, Dialog
from screens.pane import Pane
from screens.question import QuestionDialog
from screens.widgets.action_button import ActionButton
from screens.widgets.choice_list import ChoiceList
from screens.widgets.form import Notice
from tui_admin.flows.answers import SignedIn
from tui_admin.i18n import N_, _, ngettext

CONTACT_FORM = "contact_form"
"""The last entry of the menu: a screen of its own, and no pane."""


class PanelMenu(ChoiceList):
    """The left menu. It is short: the keys that turn pages are the pane's."""

    def action_page_up(self) -> None:
        raise SkipAction

    def action_page_down(self) -> None:
        raise SkipAction


class PanelScreen(ConsoleScreen[None]):
    """What a signed-in person sees first."""

    CSS_PATH = [styles.sheet("panel")]
    AUTO_FOCUS = "#menu"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "refresh", N_("Refresh"), key_display="F5"),
        Binding("f6", "my_account", N_("Account"), key_display="F6"),
        Binding("f10", "log_out", N_("Log out"), key_display="F10"),
        # From wherever the focus is: what a pane shows last has no button that would lead there.
        Binding("pageup", "scroll_pane('page_up')", show=False),
        Binding("pagedown", "scroll_pane('page_down')", show=False),
        Binding("ctrl+home", "scroll_pane('home')", show=False),
        Binding("ctrl+end", "scroll_pane('end')", show=False),
    ]

    def __init__(self, signed_in: SignedIn) -> None:
        super().__init__()
        self._username = signed_in.username
        self._recovery_codes_left = signed_in.recovery_codes_left

    def head(self) -> Iterable[Widget]:
        yield Horizontal(
            Static(Content(self.console.brand), id="nav-brand"),
            ActionButton(_("My Account") + " \u25be", id="my-account"),
            Static("", id="crumbs"),
            Static(Content(self._username), id="who"),
            ActionButton(_("Log out"), id="log-out"),
            id="nav",
        )

    def body(self) -> Iterable[Widget]:
        self._panes = panes()
        options = [Option("", id=name) for name in (*self._panes, CONTACT_FORM)]
        menu = PanelMenu(*options, id="menu", markup=False)
        yield Horizontal(
            menu,
            Vertical(Vertical(id="pane-place"), Notice(), id="content"),
            id="panel",
        )

    def on_mount(self) -> None:
        self.app.call_later(self._begin)

    async def _begin(self) -> None:
        await self.open_pane("account_security")
        left = self._recovery_codes_left
        if left is not None and self.is_up:
            text = ngettext(
                "You used a recovery code; {n} is left.",
                "You used a recovery code; {n} are left.",
                left,
            )
            self.notice.say(text.format(n=left))

    async def speak_again(self, name: str, sentence: str) -> None:
        """Say everything in the language that is in force now."""
        if not self.is_up:
            return
        await self.recompose()
        await self.open_pane(name)
        if self.is_up:
            self.done(sentence)

    @property
    def pane(self) -> Pane | None:
        """The pane that is shown."""
        return next(iter(self.query(Pane).results(Pane)), None)

    def help_text(self) -> str:
        general = _(
            "Choose in the menu at the left with the arrow keys and Enter, or with the mouse. PgUp "
            "and PgDn show what has no room at its right."
        )
        pane = self.pane
        return general + ("\n\n" + pane.help_text() if pane else "")

    async def open_pane(self, name: str) -> None:
        """Show another pane. The session may end meanwhile, by its time or with the terminal, and
        then nothing of this screen is left to show it on."""
        if not self.is_up:
            return
        place = self.query_one("#pane-place")
        title, pane = self._panes[name]
        async with self.batch():
            await place.remove_children()
            if not self.is_up:
                return
            self.notice.say("")
            await place.mount(pane())
        if not self.is_up:
            return
        menu = self.query_one("#menu", OptionList)
        menu.highlighted = list(self._panes).index(name)
        for entry, (label, _pane) in self._panes.items():
            marker = "\u25b8 " if entry == name else "  "
            menu.replace_option_prompt(entry, Content(marker + label))
        menu.replace_option_prompt(CONTACT_FORM, Content("  " + _("Contact Form")))
        crumbs = _("Customer") + " \u203a " + title
        self.query_one("#crumbs", Static).update(Content(crumbs))

    @on(OptionList.OptionSelected, "#menu")
    def chosen(self, event: OptionList.OptionSelected) -> None:
        name = str(event.option_id)
        if name == CONTACT_FORM:
            self._open_contact_form()
            return
        self.unless_dirty(lambda: self.app.call_later(self.open_pane, name))

    def _open_contact_form(self) -> None:
        """Open the form over the pane, which keeps what was typed into it."""
        from screens.contact_form import ContactFormScreen

        self.ask(ContactFormScreen(signed_in=True), lambda _none: self._mark_the_pane())

    def _mark_the_pane(self) -> None:
        menu = self.query_one("#menu", OptionList)
        kinds = [kind for _label, kind in self._panes.values()]
        menu.highlighted = kinds.index(type(self.pane)) if self.pane else 0

    def done(self, sentence: str) -> None:
        """Say that something was done."""
        self.notice.say(sentence, "done")

    def unless_dirty(self, go: Callable[[], object]) -> None:
        """Go at once, or after asking when something typed would be lost."""
        lost = self.what_would_be_lost()
        if not lost:
            go()
            return
        question = QuestionDialog(_("Not saved"), lost, yes=_("Throw it away"), no=_("Stay"))
        self.ask(question, lambda yes: go() if yes else None)

    def what_would_be_lost(self) -> str:
        """What was typed into the pane and not saved."""
        if self.pane is not None and self.pane.is_dirty:
            return _("What you changed here is not saved.")
        return ""

    def action_scroll_pane(self, way: str) -> None:
        """Show another part of the pane; the focus stays where it is."""
        pane = self.pane
        if pane is None:
            return
        ways: dict[str, Callable[..., None]] = {
            "page_up": pane.scroll_page_up,
            "page_down": pane.scroll_page_down,
            "home": pane.scroll_home,
            "end": pane.scroll_end,
        }
        ways[way](animate=False)

    def action_refresh(self) -> None:
        """Read the pane's state again."""
        self.unless_dirty(self._load_again)

    def _load_again(self) -> None:
        # What was said about the last time is old now.
        self.notice.say("")
        if self.pane is not None:
            self.pane.load()

    def action_back(self) -> None:
        """From the pane to the menu; from the menu to the question whether to log out."""
        menu = self.query_one("#menu")
        if self.focused is not menu:
            menu.focus()
        else:
            self.action_log_out()

    @on(ActionButton.Pressed, "#log-out")
    def action_log_out(self) -> None:
        """End the session, after asking."""
        text = "\n".join(filter(None, [self.what_would_be_lost(), _("End this session?")]))
        question = QuestionDialog(_("Log out"), text, yes=_("Log out"), no=_("Stay"))
        self.ask(question, lambda yes: self.console.sign_out() if yes else None)

    @on(ActionButton.Pressed, "#my-account")
    def action_my_account(self) -> None:
        """Open the menu of the navigation bar."""
        self.ask(MyAccountMenu(), self._from_my_account)

    def _from_my_account(self, choice: str | None) -> None:
        if choice is not None:
            self.query_one("#menu").focus()


class MyAccountMenu(Dialog[str]):
    """What `My Account` opens; `F6` again, or a click beside it, closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f6", "cancel", show=False)]

    async def _on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.action_cancel()

    def body(self) -> ComposeResult:
        with Vertical(id="drop-down"):
            yield ChoiceList(Option(Content(_("Customer")), id="customer"), markup=False)
            yield Notice()

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


def panes() -> dict[str, tuple[str, type[Pane]]]:
    """Return the entries of the left menu in their order: the label, and what it opens."""
    from screens.account_security import AccountSecurityPane
    from screens.basic_settings import BasicSettingsPane

    return {
        "basic_settings": (_("Basic Settings"), BasicSettingsPane),
        "account_security": (_("Account Security"), AccountSecurityPane),
    }
