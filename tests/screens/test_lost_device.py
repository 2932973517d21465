"""The wizard of a lost device: what each step shows, and how two terminals follow each other."""

from __future__ import annotations

import pytest

from screens.lost_device import LostDeviceScreen
from tests.screens.driving import Terminal, open_terminal
from tests.support.console import STRANGER, Console, Person
from tests.support.recovery import ANSWER, Way, letters, secrets_of
from tui_admin.flows import sign_in
from tui_admin.flows.answers import SignedIn
from tui_admin.models import Device

pytestmark = pytest.mark.usefixtures("easy_captcha")


async def to_the_wizard(terminal: Terminal, person: Person) -> None:
    """Type name and password and say that the device is lost."""
    await terminal.type(person.name, "tab", *person.password, "enter")
    terminal.at("OtpScreen")
    await terminal.button("I lost my OTP keycard")
    terminal.at("LostDeviceScreen")


async def mail(console: Console) -> dict[str, str]:
    return secrets_of(console, (await letters(console, "recovery.mail"))[-1])


async def sms(console: Console) -> str:
    return secrets_of(console, (await letters(console, "recovery.sms"))[-1])["code"]


async def to_the_code(terminal: Terminal, console: Console, person: Person) -> str:
    """Go through the steps up to the last one; return the code of the SMS."""
    await to_the_wizard(terminal, person)
    await terminal.type((await mail(console))["code"], "enter")
    await terminal.press("enter")
    return await sms(console)


async def look(terminal: Terminal) -> None:
    """Let the wizard look at the request, as it does every moment."""
    screen = terminal.app.screen
    assert isinstance(screen, LostDeviceScreen)
    screen.call_next(screen.look)  # in the tasks of that terminal, with two of them open here
    await terminal.settle()


async def test_the_whole_way_by_keyboard(console: Console) -> None:
    """S14, S15: from the OTP step to the sign-in screen, every field where it is expected and every
    step submitted by Enter; the password alone opens the account then."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await to_the_wizard(terminal, alice)
        terminal.shows("● E-mail ○ SMS", "a•••@e•••.com", "5:00 left", "It is on its way.")
        assert terminal.focused == "mail_code"
        await terminal.type((await mail(console))["code"].lower().replace("-", " "), "enter")
        terminal.shows("● E-mail ● SMS ○ CAPTCHA", "+420 ••• ••• 56")
        await terminal.press("enter")
        terminal.shows("● CAPTCHA ○ Done", "+420 ••• ••• 56")
        assert terminal.focused == "sms_code"
        await terminal.type(await sms(console))
        assert terminal.focused == "captcha"
        await terminal.type(ANSWER, "enter")
        terminal.at("SignInScreen")
        terminal.shows("OTP is now disabled. Please sign in with your password.")
        assert await console.rows(Device) == []
        alice.key = ""
        await terminal.sign_in(alice)


async def test_the_whole_way_by_mouse(console: Console) -> None:
    """Everything but typing works by mouse."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await to_the_wizard(terminal, alice)
        await terminal.type((await mail(console))["code"])
        await terminal.button("Continue")
        await terminal.button("Send SMS")
        await terminal.type(await sms(console))
        await terminal.type(ANSWER)
        await terminal.button("Send")
        terminal.shows("OTP is now disabled.")


async def test_the_link_in_another_terminal(console: Console) -> None:
    """The link opens the wizard behind the e-mail step and says who asked; the terminal that waits
    follows at each step, and at the end both are at the sign-in screen."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as waiting:
        await to_the_wizard(waiting, alice)
        link = (await mail(console))["link"]
        async with open_terminal(console, visitor=STRANGER, link=f"recover-{link}") as other:
            other.at("LostDeviceScreen")
            other.shows("(UTC) somebody at 192.0.2.10 asked to switch OTP off", "This was not me")
            await look(waiting)
            waiting.shows("● E-mail ○ SMS")
            await other.button("Send SMS")
            await look(waiting)
            waiting.shows("● CAPTCHA")
            assert waiting.focused == "sms_code"
            await waiting.type(await sms(console))
            await waiting.type(ANSWER, "enter")
            waiting.at("SignInScreen")
            await look(other)
            other.at("SignInScreen")
            other.shows("OTP is now disabled.")


async def test_coming_back_after_a_lost_connection(console: Console) -> None:
    """After the password, the wizard opens at the step that was reached; Esc leads to the OTP
    step."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await to_the_wizard(terminal, alice)
        await terminal.type((await mail(console))["code"], "enter")
    async with open_terminal(console) as terminal:
        await terminal.type(alice.name, "tab", *alice.password, "enter")
        terminal.at("LostDeviceScreen")
        terminal.shows("The e-mail is confirmed.")
        await terminal.press("escape")
        terminal.at("OtpScreen")
        await terminal.button("I lost my OTP keycard")
        terminal.at("LostDeviceScreen")
        assert len(await letters(console, "recovery.mail")) == 1


async def test_wrong_answers(console: Console) -> None:
    """What is wrong is said beside it; a new CAPTCHA comes after each miss, and what was right
    stays."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await to_the_wizard(terminal, alice)
        await terminal.type("abc", "enter")
        terminal.shows("Ten letters and digits like ABCDE-12345, or the whole link.")
        await terminal.press("ctrl+u")
        await terminal.type("ABCDE-12345", "enter")
        terminal.shows("This is not the code or the link of the latest e-mail.")
        assert terminal.focused == "mail_code"
        await terminal.press("ctrl+u")
        await terminal.type((await mail(console))["code"], "enter")
        await terminal.press("enter")
        code = await sms(console)
        await terminal.type("12", "enter")
        terminal.shows("The SMS code is six digits.")
        await terminal.press("ctrl+u")
        await terminal.type(code)
        await terminal.type("wrong", "enter")
        terminal.shows("The CAPTCHA was not right. Here is a new one.")
        assert terminal.field("captcha") == ""
        # Sent by the button, the next answer is typed where it belongs all the same.
        await terminal.type("wrong")
        await terminal.button("Send")
        assert terminal.focused == "captcha"
        await terminal.type(ANSWER, "enter")
        terminal.at("SignInScreen")


async def test_a_wrong_sms_code(console: Console) -> None:
    """The code is emptied, and the CAPTCHA, which is spent, replaced."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        code = await to_the_code(terminal, console, alice)
        wrong = "000000" if code != "000000" else "111111"
        await terminal.type(wrong)
        await terminal.type(ANSWER, "enter")
        terminal.shows("The SMS code is not right.")
        assert terminal.focused == "sms_code"
        await terminal.type(code)
        await terminal.type(ANSWER, "enter")
        terminal.at("SignInScreen")


@pytest.mark.parametrize("size", [(60, 20), (80, 20), (80, 24)])
async def test_the_last_step_tells_of_the_sms(console: Console, size: tuple[int, int]) -> None:
    """At any size one reads that the SMS hangs, and nothing of the step gives way for it."""
    trying = "It could not be delivered yet; we go on trying."
    parts = ("SMS code, sent to", "What do you see?", "[ New picture ]", "[ Send ]", "Send again ]")
    alice = await console.customer(otp=True)
    async with open_terminal(console, size=size) as terminal:
        await to_the_code(terminal, console, alice)
        terminal.shows("It is on its way.", *parts)
        await console.execute(
            "UPDATE outbox SET last_error = 'no answer' WHERE template = 'recovery.sms'"
        )
        await look(terminal)
        terminal.shows(trying, *parts)
        await terminal.type("12", "enter")
        terminal.shows("! The SMS code is six digits.", *parts)
        # One more digit takes the complaint away.
        await terminal.type("3")
        terminal.shows(trying, *parts)


async def test_send_again(console: Console) -> None:
    """`Send again` says when it is possible, and then sends the same letter."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await to_the_wizard(terminal, alice)
        terminal.shows("[ Send again ] in 60 s")
        await terminal.turn(60)
        await look(terminal)
        terminal.hides(" in 60 s", "in 0 s")
        await terminal.button("Send again")
        assert len(await letters(console, "recovery.mail")) == 2
        terminal.shows("4:00 left")


async def test_the_time_runs_out(console: Console) -> None:
    """At 0:00 the wizard ends with a sentence, by itself."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await to_the_wizard(terminal, alice)
        await terminal.turn(300)
        terminal.at("SignInScreen")
        terminal.shows("The time for this step has run out. Please begin again.")


async def test_this_was_not_me(console: Console) -> None:
    """The stop link asks first; `Leave it` changes nothing, `Stop it` ends the request and says
    what to do."""
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice, STRANGER)
    stop = (await way.mail())["stop"]
    async with open_terminal(console, link=stop) as terminal:
        terminal.at("QuestionDialog")
        terminal.shows("198.51.100.66", "ends every session and tells our staff")
        await terminal.button("Leave it")
        assert (await way.confirm_mail()).step == "sms"
    async with open_terminal(console, link=stop) as terminal:
        await terminal.button("Stop it")
        terminal.at("SignInScreen")
        terminal.shows("Stopped. Somebody knows your password")
    async with open_terminal(console, link=stop) as terminal:
        terminal.shows("This link is not valid, or not any more.")


@pytest.mark.parametrize("link", ["0" * 26, "rubbish", "\x1b]52;c;x\x07", "[/]"])
async def test_links_that_lead_nowhere(console: Console, link: str) -> None:
    """A made-up link ends at the sign-in screen with a sentence."""
    async with open_terminal(console, link=link) as terminal:
        terminal.at("SignInScreen")
        terminal.shows("This link is not valid, or not any more. Please sign in to begin again.")


async def test_it_signs_nobody_in(console: Console) -> None:
    """S15: the end of the wizard is the sign-in screen, its fields empty."""
    alice = await console.customer(otp=True)
    async with open_terminal(console) as terminal:
        await terminal.type(await to_the_code(terminal, console, alice))
        await terminal.type(ANSWER, "enter")
        terminal.at("SignInScreen")
        assert terminal.field("username") == terminal.field("password") == ""
        assert terminal.app.signed_in is None
    answer = await sign_in.password(console.ctx, STRANGER, "alice", alice.password)
    assert isinstance(answer, SignedIn)
