"""The drawer with the demo's phone: its tabs, and what a person does with what has arrived."""

from __future__ import annotations

import pytest

from screens.app import ConsoleApp
from screens.cells import screen_cells
from screens.demo_phone import DemoPhone
from tests.demo.conftest import LINK, STOP, letter, until
from tests.screens.driving import Hint, Terminal, lines, open_terminal
from tests.screens.test_hostile_text import HOSTILE, RUBBISH, unsafe
from tests.screens.test_lost_device import to_the_wizard
from tests.screens.test_themes import faint
from tests.support.console import Console
from tests.support.recovery import ANSWER
from tui_admin.demo import ACCOUNTS, Demo
from tui_admin.demo.inbox import Inbox, Mail
from tui_admin.demo.sample import SECURED

NOTHING_ASKS = "Nothing asks for a code here."
RECOVERY = (
    "Somebody asked to deactivate OTP.\n\nYou? Then by this code:\n\n    ABCDE-FGHJK\n\n"
    f"Or anywhere else:\n\n    tui-admin recover {LINK}\n\nNot you? Then stop it:\n\n"
    f"    tui-admin recover {STOP}\n"
)


def send(inbox: Inbox, text: str = "Hello.", subject: str = "Hello") -> Mail:
    """Let a mail arrive."""
    inbox.take_mail(letter(text, subject).as_bytes(), ["alice@example.com"])
    return inbox.mails()[0]


async def look(terminal: Terminal) -> None:
    """Let the drawer look at what has arrived, as it does every second."""
    drawer = terminal.app.screen.query_one(DemoPhone)
    drawer.call_next(drawer.look)
    await terminal.settle()


async def open_tab(terminal: Terminal, name: str) -> None:
    """Open the drawer where it is not, and one of its tabs by a click."""
    if not terminal.app.screen.query(DemoPhone):
        await terminal.press("f2")
    await terminal.click(name)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The links that were followed; none leads anywhere."""
    links: list[str] = []

    async def follow_link(_app: ConsoleApp, typed: str) -> None:
        links.append(typed)

    monkeypatch.setattr(ConsoleApp, "follow_link", follow_link)
    return links


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (120, 40)])
async def test_tabs_by_keyboard(console: Console, size: tuple[int, int]) -> None:
    """Shift+Tab from the first field leads to the drawer, the arrow keys from tab to tab, and Tab
    into what stands there."""
    demo = Hint()
    send(demo.phone.inbox, RECOVERY, "Deactivate OTP")
    async with open_terminal(console, demo=demo, size=size) as terminal:
        await terminal.press("f2")
        terminal.shows("Authenticator Mail 1 SMS", "Scan the QR on screen")
        await terminal.press("shift+tab", "shift+tab")
        assert type(terminal.app.focused).__name__ == "PhoneTabs"
        await terminal.press("left", "right")
        terminal.shows("• Deactivate OTP")
        terminal.hides("Scan the QR on screen")
        await terminal.press("right", "right")
        terminal.shows("No SMS has come yet.")
        await terminal.press("left", "down", "enter")
        terminal.shows("From WEDOS Internet", "To alice@example.com")
        assert terminal.has_button("This was not me") and terminal.has_button("Back")
        assert terminal.focused == "phone-follow"
        await terminal.press("shift+tab", "end")
        await terminal.pilot.wait_for_scheduled_animations()
        terminal.shows("Not you?", STOP[:20])
        await terminal.press("shift+tab", "enter")
        assert terminal.focused == "phone-mails"
        terminal.hides("•", "Mail 1")


async def test_tabs_by_mouse(console: Console) -> None:
    """A click opens a tab, a mail, and leads back."""
    demo = Hint()
    send(demo.phone.inbox, "the text", "First")
    demo.phone.inbox.take_sms("+420603111222", "Your code: 123456")
    async with open_terminal(console, demo=demo) as terminal:
        await open_tab(terminal, "SMS")
        terminal.shows("+420603111222", "Your code: 123456")
        assert terminal.has_button("123456")
        await terminal.click("Mail")
        await terminal.click("First")
        terminal.shows("the text")
        await terminal.button("Back")
        terminal.hides("the text")
        await terminal.click("Authenticator")
        terminal.shows("Scan the QR on screen")


async def test_what_is_unread_is_counted(console: Console) -> None:
    """A letter changes the tab's name at once and opens nothing; reading it counts it off. Esc
    closes the mail first, and is the screen's own key then."""
    demo = Hint()
    inbox = demo.phone.inbox
    async with open_terminal(console, demo=demo) as terminal:
        await terminal.type("alice")
        await terminal.press("f2")
        send(inbox, subject="Older")
        newest = send(inbox, subject="Newer")
        inbox.take_sms("+420603111222", "x")
        await look(terminal)
        terminal.shows("Authenticator Mail 2 SMS 1", "Scan the QR on screen")
        await terminal.click("SMS 1")
        terminal.shows("Authenticator Mail 2 SMS", "• +420603111222")
        await terminal.click("Mail 2")
        terminal.shows("• Newer", "• Older")
        await terminal.click("Newer")
        terminal.shows("Authenticator Mail 1 SMS")
        assert newest.is_read
        await terminal.press("escape")
        terminal.hides("• Newer", "From WEDOS")
        assert terminal.field("username") == "alice"
        await terminal.press("escape")
        assert terminal.field("username") == ""
        for _ in range(12):
            send(inbox)
        await look(terminal)
        terminal.shows("Authenticator Mail 9+ SMS")


async def test_a_new_mail_leaves_the_chosen_one_chosen(console: Console) -> None:
    """Enter opens the mail that was chosen, though another one has come above it."""
    demo = Hint()
    send(demo.phone.inbox, "the older text", "Older")
    async with open_terminal(console, demo=demo) as terminal:
        await open_tab(terminal, "Mail 1")
        await terminal.press("down")
        send(demo.phone.inbox, subject="Newer")
        await look(terminal)
        await terminal.press("enter")
        terminal.shows("the older text")
        # The mail that is read stays open while others come.
        send(demo.phone.inbox)
        await look(terminal)
        terminal.shows("the older text", "Mail 2")


async def test_the_tab_is_remembered(console: Console) -> None:
    """Closing the drawer keeps its tab, on the next screen too."""
    alice = await console.customer("alice")
    demo = Hint()
    async with open_terminal(console, demo=demo) as terminal:
        await open_tab(terminal, "SMS")
        await terminal.press("f2")
        terminal.hides("Demo phone")
        await terminal.press("f2")
        terminal.shows("No SMS has come yet.")
        await terminal.press("f2")
        terminal.app.screen.query_one("#username").focus()
        await terminal.sign_in(alice)
        await terminal.press("f2")
        terminal.shows("No SMS has come yet.")


@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_following_a_link(
    console: Console, followed: list[str], size: tuple[int, int]
) -> None:
    """The first link is followed by Enter, the one that stops it by its own button; where the
    drawer would cover what it leads to, it closes."""
    demo = Hint()
    send(demo.phone.inbox, RECOVERY, "Deactivate OTP")
    async with open_terminal(console, demo=demo, size=size) as terminal:
        await open_tab(terminal, "Mail 1")
        await terminal.press("down", "enter", "enter")
        assert followed == [LINK]
        stays = size[0] >= 80
        assert bool(terminal.app.screen.query(DemoPhone)) is stays
        if not stays:
            await open_tab(terminal, "Mail")
            await terminal.press("down", "enter")
        await terminal.button("This was not me")
        assert followed == [LINK, STOP]


async def test_a_mail_without_a_link_has_nothing_to_follow(console: Console) -> None:
    """And none with one link alone is "not me"."""
    demo = Hint()
    send(demo.phone.inbox, f"tui-admin recover {LINK}", "With one")
    send(demo.phone.inbox, "ABCDE-FGHJK", "With none")
    async with open_terminal(console, demo=demo) as terminal:
        await open_tab(terminal, "Mail 2")
        await terminal.click("With none")
        assert not terminal.has_button("Follow the link")
        # The sign-in screen asks for no mailed code.
        assert not terminal.has_button("Type the code")
        await terminal.button("Back")
        await terminal.click("With one")
        assert terminal.has_button("Follow the link")
        assert not terminal.has_button("This was not me")


async def test_codes_are_typed_where_they_are_asked_for(console: Console) -> None:
    """The mailed code and the SMS code go into the wizard's fields; elsewhere nothing asks."""
    alice = await console.customer("alice", otp=True)
    demo = Hint()
    demo.phone.type_key("WEDOS Internet", "alice", alice.key)
    send(demo.phone.inbox, RECOVERY, "Deactivate OTP")
    demo.phone.inbox.take_sms("+420603123456", "123456 is your code.")
    async with open_terminal(console, demo=demo, size=(110, 30)) as terminal:
        await open_tab(terminal, "SMS 1")
        await terminal.button("123456")
        terminal.shows(NOTHING_ASKS)
        await terminal.press("f2")
        terminal.app.screen.query_one("#username").focus()
        await to_the_wizard(terminal, alice)
        await open_tab(terminal, "Mail 1")
        await terminal.click("• Deactivate")
        await terminal.button("Type the code")
        assert terminal.field("mail_code") == "ABCDE-FGHJK"
        assert terminal.focused == "mail_code"
        # The wizard's field for the SMS code is there, but not to be seen yet.
        await terminal.click("SMS")
        await terminal.button("123456")
        terminal.shows(NOTHING_ASKS)
        # What the authenticator shows is no SMS code either.
        await terminal.click("Authenticator")
        terminal.hides(NOTHING_ASKS)
        code = alice.code()
        await terminal.button(f"{code[:3]} {code[3:]}")
        terminal.shows(NOTHING_ASKS)


async def test_keys_go_where_they_can_be_seen(console: Console) -> None:
    """Where the drawer stands in front of the form, it has the keys; a code closes it."""
    alice = await console.customer("alice")
    async with open_terminal(console, demo=Hint()) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        await terminal.type(alice.password)
        await terminal.press("f2")
        drawer = terminal.app.screen.query_one(DemoPhone)
        seen = set()
        for _press in range(12):
            await terminal.press("tab")
            assert terminal.app.focused is not None and drawer in terminal.app.focused.ancestors
            seen.add(type(terminal.app.focused).__name__)
        assert seen == {"PhoneTabs", "ActionButton"}
        while terminal.focused != "phone-scan":
            await terminal.press("tab")
        await terminal.press("enter")
        terminal.shows("Scanned: alice")
        await terminal.press("shift+tab", "enter")
        assert not terminal.app.screen.query(DemoPhone)
        terminal.shows("Keep these codes")


@pytest.mark.usefixtures("easy_captcha")
@pytest.mark.parametrize("size", [(80, 24), (60, 20)])
async def test_one_person_alone_at_a_kiosk_recovers(
    console: Console, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """S14: the device is lost; letter and SMS really arrive on the phone in the drawer, and with it
    alone OTP is switched off."""
    # What the wizard finds out by itself meanwhile is told of in its own tests.
    with Demo(kiosk=True) as demo:
        inbox = demo.phone.inbox
        async with open_terminal(
            console, open_context=demo.open_context, kiosk=True, demo=demo, size=size
        ) as terminal:
            await terminal.type(SECURED, "tab", *ACCOUNTS[SECURED], "enter")
            await terminal.button("I lost my OTP keycard")
            await until(inbox.mails)
            await open_tab(terminal, "Mail 1")
            await terminal.press("down", "enter")
            await terminal.button("Follow the link")
            terminal.at("LostDeviceScreen")
            terminal.shows("knowing its password.")
            assert terminal.focused == "send-sms"
            await terminal.press("enter")
            await until(inbox.sms)
            # What the authenticator shows is no SMS code.
            await open_tab(terminal, "Authenticator")
            shown = demo.phone.entries()[0][2]
            await terminal.button(f"{shown[:3]} {shown[3:]}")
            terminal.shows(NOTHING_ASKS)
            await look(terminal)
            await terminal.click("SMS 1")
            await terminal.button(inbox.sms()[0].code)
            assert terminal.focused == "captcha"
            await terminal.type(ANSWER, "enter")
            terminal.at("SignInScreen")
            terminal.shows("OTP is now disabled.")
            await until(lambda: len(inbox.mails()) == 2)
            await terminal.app.close_context()


@pytest.mark.parametrize("text", [HOSTILE, *RUBBISH.values(), "x" * 1_000_000, "\n" * 1_000_000])
async def test_hostile_letters_are_shown_and_not_obeyed(console: Console, text: str) -> None:
    """T1, T2: in subject, sender, text and number; the drawer stays as wide as it is."""
    demo = Hint()
    inbox = demo.phone.inbox
    short = text[:300]
    mail = f"Subject: {short}\nFrom: {short}\nContent-Type: text/plain; charset=utf-8\n\n{text}"
    inbox.take_mail(mail.encode("utf-8", "replace"), [short])
    inbox.take_sms(short, text)
    async with open_terminal(console, demo=demo) as terminal:
        sent = terminal.record()
        await open_tab(terminal, "Mail 1")
        assert unsafe(terminal) == set()
        await terminal.press("down", "enter")
        terminal.shows("From")
        assert unsafe(terminal) == set()
        await terminal.press("shift+tab" if inbox.mails()[0].tokens else "tab", "end")
        await terminal.pilot.wait_for_scheduled_animations()
        assert unsafe(terminal) == set()
        await terminal.click("SMS 1")
        assert unsafe(terminal) == set()
        drawer = terminal.app.screen.query_one(DemoPhone).region
        rows = screen_cells(terminal.app)[drawer.y + 1 : drawer.bottom - 1]
        assert {(row[46][0], row[79][0]) for row in rows} == {("│", "│")}
        written = "".join(sent)
        for obeyed in ("\x1b]52", "\x1b]0;", "\x1b[6n", "\x9b", "\x90", "\u202e", "\x00"):
            assert obeyed not in written


@pytest.mark.parametrize(
    ("theme", "least"), [("calm-dark", 4.5), ("calm-light", 4.5), ("high-contrast", 7.0)]
)
async def test_every_word_is_legible(console: Console, theme: str, least: float) -> None:
    """WCAG AA in the calm themes, AAA in high contrast, with the focus at each place in turn."""
    demo = Hint()
    send(demo.phone.inbox, RECOVERY, "Deactivate OTP")
    send(demo.phone.inbox)
    demo.phone.inbox.take_sms("+420603111222", "123456 is your code.")
    async with open_terminal(console, demo=demo) as terminal:
        terminal.app.theme = theme
        await terminal.press("f2")
        assert faint(terminal, least) == set()
        await terminal.press("shift+tab", "shift+tab", "right")
        assert faint(terminal, least) == set()
        await terminal.press("down", "down")
        assert faint(terminal, least) == set()
        await terminal.press("enter")
        for _ in range(4):
            assert faint(terminal, least) == set()
            await terminal.press("shift+tab")
        await terminal.click("SMS 1")
        for _ in range(3):
            assert faint(terminal, least) == set()
            await terminal.press("tab")


async def test_long_words_are_broken(console: Console) -> None:
    """A token that is wider than the drawer can be read to its end."""
    demo = Hint()
    send(demo.phone.inbox, f"<ssh://recover-{LINK}@console.example.com>", "Long")
    async with open_terminal(console, demo=demo, size=(80, 40)) as terminal:
        await open_tab(terminal, "Mail 1")
        await terminal.press("down", "enter")
        shown = "".join(row[47:79].strip(" │") for row in lines(terminal.app))
        assert f"<ssh://recover-{LINK}@console.example.com>" in shown


async def test_a_kiosk_forgets_the_phone(console: Console) -> None:
    """S21: mails, SMS, entries, and which tab was open are gone for the next person."""
    demo = Hint()

    async def present() -> object:
        # The same storage again; only the phone counts here.
        return console.ctx

    async with open_terminal(
        console,
        open_context=present,  # type: ignore[arg-type]
        kiosk=True,
        demo=demo,
    ) as terminal:
        await terminal.press("f2")
        first_look = terminal.text()
        demo.phone.type_key("WEDOS Internet", "alice", "JBSWY3DPEHPK3PXP" * 2)
        send(demo.phone.inbox, RECOVERY, "Deactivate OTP")
        demo.phone.inbox.take_sms("+420603111222", "123456")
        await look(terminal)
        await terminal.click("Mail 1")
        await terminal.press("down", "enter")
        await terminal.app.end_idle()
        await terminal.settle()
        terminal.hides("Demo phone")
        await terminal.press("f2")
        assert terminal.text() == first_look
        terminal.hides("alice", "Mail 1", "SMS 1")
        for tab in ("Mail", "SMS"):
            await terminal.click(tab)
            terminal.hides("Deactivate", "123456")


async def test_the_open_mail_goes_when_it_is_gone(console: Console) -> None:
    """A mail that is no longer kept is no longer shown, and the drawer goes on."""
    demo = Hint()
    send(demo.phone.inbox, RECOVERY, "Deactivate OTP")
    async with open_terminal(console, demo=demo) as terminal:
        await open_tab(terminal, "Mail 1")
        await terminal.press("down", "enter")
        demo.phone.inbox.reset()
        await look(terminal)
        terminal.shows("No mail has come yet.")
        terminal.hides("Deactivate OTP")
