"""Any size of window: below 60x20 a cover that keeps what was typed, and never a crash."""

from __future__ import annotations

from tests.screens.driving import Hint, Terminal, open_terminal, shown_key, shown_uri
from tests.support.console import Console, Person

SIZES = [(20, 24), (60, 20), (120, 30), (80, 24)]
TOO_SMALL = "This window is too small."


async def squeeze(terminal: Terminal) -> None:
    """Give the window all the sizes and end where it began."""
    screen = type(terminal.app.screen)
    for columns, rows in SIZES:
        await terminal.resize(columns, rows)
        assert type(terminal.app.screen) is screen
        is_small = columns < 60 or rows < 20
        if columns >= 25 and rows >= 3:
            assert (TOO_SMALL in terminal.text()) == is_small, (columns, rows, terminal.text())


async def test_what_was_typed_is_kept_under_the_cover(console: Console) -> None:
    """The cover says which size would do; at that size the form is as it was, focus included."""
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "tab", *"half a passw")
        await terminal.resize(50, 15)
        terminal.shows(
            TOO_SMALL, "Make it at least 60 columns by 20 rows", "what you typed is kept."
        )
        terminal.hides("alice")
        await terminal.resize(60, 20)
        terminal.hides(TOO_SMALL)
        assert terminal.field("username") == "alice"
        assert terminal.field("password") == "half a passw"
        assert terminal.focused == "password"


async def test_the_cover_is_there_below_60x20_and_not_at_it(console: Console) -> None:
    """Down to a single cell, on a screen and on a dialog over it."""
    async with open_terminal(console) as terminal:
        for place in ("SignInScreen", "HelpScreen"):
            terminal.at(place)
            for size in ((59, 20), (60, 19), (1, 1)):
                await terminal.resize(*size)
                assert size == (1, 1) or TOO_SMALL in terminal.text()
            await terminal.resize(60, 20)
            assert TOO_SMALL not in terminal.text()
            await terminal.press("f1")


async def test_dialogs_are_covered_too(console: Console) -> None:
    """A dialog over the panel is not readable in part: the cover is above it."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.press("f10")
        await terminal.resize(40, 12)
        terminal.shows(TOO_SMALL)
        await terminal.resize(80, 24)
        terminal.shows("End this session?")


async def walk(terminal: Terminal, console: Console, alice: Person, secured: Person) -> None:
    """Visit every screen and squeeze it."""
    await squeeze(terminal)
    await terminal.press("f1")
    await squeeze(terminal)
    await terminal.press("escape")
    await terminal.type(secured.name, "tab", *secured.password, "enter")
    terminal.at("OtpScreen")
    await squeeze(terminal)
    await terminal.button("Use a recovery code")
    await squeeze(terminal)
    await terminal.press("escape", "escape")
    await terminal.sign_in(alice)
    await squeeze(terminal)
    await terminal.press("f6")
    await squeeze(terminal)
    await terminal.press("escape")
    await terminal.click("Basic Settings")
    await squeeze(terminal)
    await terminal.button("Language") if terminal.has_button("Language") else None
    await terminal.button("English")
    await squeeze(terminal)
    await terminal.press("escape")
    await terminal.click("Account Security")


async def test_every_screen_survives_every_size(console: Console) -> None:
    """Down to one cell and up to 200x60, in each screen before OTP is set."""
    alice = await console.customer("alice")
    secured = await console.customer("secured", otp=True)
    async with open_terminal(console) as terminal:
        await walk(terminal, console, alice, secured)


async def test_the_screens_of_the_key_survive_every_size(console: Console) -> None:
    """Down to one cell and up to 200x60, with a key on the screen; then it can be scanned again."""
    secured = await console.customer("secured", otp=True)
    async with open_terminal(console) as terminal:
        await terminal.sign_in(secured)
        await squeeze(terminal)
        await terminal.turn(60)
        await terminal.button("Add device")
        await squeeze(terminal)
        await terminal.type("Card", "enter", *secured.password, "enter", *secured.code())
        terminal.at("ActivationScreen")
        await squeeze(terminal)
        assert shown_key(terminal) in str(shown_uri(terminal))
        await terminal.press("escape")
        await terminal.turn(60)
        await terminal.button("Show shared key")
        await squeeze(terminal)
        await terminal.type(secured.password, "enter", *secured.code())
        await squeeze(terminal)
        assert secured.key in str(shown_uri(terminal))
        await terminal.press("escape")
        await terminal.turn(60)
        await terminal.button("New recovery codes")
        await terminal.type(secured.password, "enter", *secured.code())
        terminal.at("RecoveryCodesScreen")
        await squeeze(terminal)


async def test_where_the_qr_code_cannot_fit_the_size_that_would_do_is_named(
    console: Console,
) -> None:
    """At 60x20 the key stands as text, and the sentence names the window that shows the code."""
    alice = await console.customer("alice")
    async with open_terminal(console, size=(60, 20)) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        assert shown_uri(terminal) is None
        key = shown_key(terminal)
        sentence = terminal.flat()
        assert "The QR code needs a window of" in sentence
        columns, rows = sentence.split("a window of ")[1].split(";")[0].split(" x ")
        await terminal.resize(int(columns), int(rows))
        assert key in str(shown_uri(terminal))
        terminal.hides("The QR code needs a window")
        await terminal.resize(int(columns), int(rows) - 1)
        assert shown_uri(terminal) is None
        await terminal.resize(80, 24)
        assert key in str(shown_uri(terminal))
        terminal.hides("The QR code needs a window")


async def test_the_phone_and_the_form_stand_beside_each_other_where_both_fit(
    console: Console,
) -> None:
    """F2 at any width with room for the smaller code: nothing of key and form is cut off, and what
    the phone scans is still the key; closed again, the screen is as it was."""
    alice = await console.customer("alice")
    async with open_terminal(console, demo=Hint()) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        key = shown_key(terminal)
        for columns, rows in ((110, 30), (100, 24), (92, 22), (92, 24), (118, 40)):
            await terminal.resize(columns, rows)
            before = terminal.text()
            await terminal.press("f2")
            drawer = terminal.app.screen.query_one("DemoPhone").region
            for widget in terminal.app.screen.query("#form *"):
                assert widget.region.right <= drawer.x, (columns, widget, terminal.text())
            for label in ("Copy key", "Show key only", "Activate", "Start over"):
                assert terminal.has_button(label), terminal.text()
            assert rows < 24 or key in str(shown_uri(terminal)), terminal.text()
            await terminal.button("Scan the QR on screen")
            terminal.shows("Scanned: alice")
            await terminal.press("f2")
            assert terminal.text() == before


async def test_where_they_do_not_fit_the_phone_covers_the_form(console: Console) -> None:
    """At 80x24 the code can be scanned and, with the phone closed again, typed for."""
    alice = await console.customer("alice")
    async with open_terminal(console, demo=Hint()) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        key = shown_key(terminal)
        await terminal.press("f2")
        assert key in str(shown_uri(terminal))
        await terminal.press("f2")
        assert shown_key(terminal) == key


async def test_every_button_of_a_dialog_is_seen_beside_the_phone(console: Console) -> None:
    """F2 takes columns from the dialog; below 100 columns its three buttons go under each other."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console, demo=Hint()) as terminal:
        await terminal.sign_in(alice)
        await terminal.turn(30)
        await terminal.button("Disable")
        await terminal.press("f2")
        for columns, rows in ((80, 20), (80, 24), (90, 22), (99, 23), (100, 24), (120, 40)):
            await terminal.resize(columns, rows)
            for label in ("Use a recovery code", "Cancel", "Disable"):
                assert terminal.has_button(label), terminal.text()
        await terminal.resize(80, 20)
        await terminal.button("Cancel")
        terminal.at("PanelScreen")
