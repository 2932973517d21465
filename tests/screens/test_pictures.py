"""What each screen looks like, as text, at the sizes that people have.

A picture that changed on purpose is written anew with `pytest tests/screens/test_pictures.py
--snapshot-update`, and its difference is looked at like that of any code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import pytest

from tests.screens.driving import Terminal, open_terminal
from tests.support.console import STRANGER, Console, Person
from tui_admin.security.otp import SharedKey

FOLDER = Path(__file__).parent / "snapshots"
LINK = "0123456789abcdefghjkmnpqrs"
SIZES = [(80, 24), (120, 40), (60, 20)]

Step = Callable[[Terminal, Person], Awaitable[None]]


@pytest.fixture
def _the_same_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and recovery codes that are the same each time."""
    numbers = count(1)
    monkeypatch.setattr(
        SharedKey, "random", classmethod(lambda cls: cls(bytes([next(numbers)] * 20)))
    )
    codes = (f"{number:05}-ABCDE" for number in count(10101, 1111))
    links = iter([LINK, "0" * 26])
    monkeypatch.setattr("tui_admin.flows.lost_device.new_link_token", lambda: next(links))
    monkeypatch.setattr(
        "tui_admin.flows.recovery_codes.new_recovery_code", lambda: next(codes).replace("O", "0")
    )
    monkeypatch.setattr("tui_admin.flows.support.new_digits", lambda count: "12345678"[:count])


async def sign_in(terminal: Terminal, person: Person) -> None:
    """The first frame."""


async def refused(terminal: Terminal, person: Person) -> None:
    """A wrong password."""
    await terminal.type(person.name, "tab", *"wrong", "enter")


async def help_of_sign_in(terminal: Terminal, person: Person) -> None:
    """F1."""
    await terminal.press("f1")


async def otp(terminal: Terminal, person: Person) -> None:
    """The OTP step."""
    await terminal.type(person.name, "tab", *person.password, "enter")
    await terminal.turn(12)


async def recovery_code(terminal: Terminal, person: Person) -> None:
    """The other way through the OTP step, and a form error."""
    await otp(terminal, person)
    await terminal.button("Use a recovery code")
    await terminal.type("ABC", "enter")


async def security_off(terminal: Terminal, person: Person) -> None:
    """Account Security before OTP is set."""
    await terminal.sign_in(person)


async def activation(terminal: Terminal, person: Person) -> None:
    """Set OTP."""
    await terminal.sign_in(person)
    await terminal.button("Set OTP")
    await terminal.turn(19)


async def activation_missed(terminal: Terminal, person: Person) -> None:
    """Set OTP after a wrong password."""
    await activation(terminal, person)
    await terminal.type("wrong", "enter", *"123456")


async def recovery_codes(terminal: Terminal, person: Person) -> None:
    """The ten codes."""
    await security_on(terminal, person)
    await terminal.button("New recovery codes")
    await terminal.type(person.password, "enter", *person.code())


async def security_on(terminal: Terminal, person: Person) -> None:
    """Account Security with OTP, and another session."""
    await terminal.sign_in(person)
    await terminal.turn(30)


async def disable(terminal: Terminal, person: Person) -> None:
    """The dialog that switches OTP off."""
    await security_on(terminal, person)
    await terminal.button("Disable")


async def add_device(terminal: Terminal, person: Person) -> None:
    """The dialog with the most fields."""
    await security_on(terminal, person)
    await terminal.button("Add device")


async def shared_key(terminal: Terminal, person: Person) -> None:
    """The key shown again."""
    await security_on(terminal, person)
    await terminal.button("Show shared key")
    await terminal.type(person.password, "enter", *person.code())
    await terminal.turn(7)


async def log_out(terminal: Terminal, person: Person) -> None:
    """A question over the panel."""
    await terminal.sign_in(person)
    await terminal.press("f10")


async def my_account(terminal: Terminal, person: Person) -> None:
    """What the navigation bar opens."""
    await terminal.sign_in(person)
    await terminal.press("f6")


async def basic_settings(terminal: Terminal, person: Person) -> None:
    """Basic Settings with a wrong time zone."""
    await terminal.sign_in(person)
    await terminal.click("Basic Settings")
    terminal.app.screen.query_one("#timezone").focus()
    await terminal.settle()
    await terminal.press("ctrl+u")
    await terminal.type("Mars", "tab")


async def contact_form(terminal: Terminal, person: Person) -> None:
    """The contact form with a wrong address and a story of two paragraphs."""
    await terminal.button("I cannot reach my e-mail or phone")
    await terminal.type("alice", "tab", *"+420 777 888 999", "tab")
    story = "My phone was stolen on the train, and my mailbox wants a code from it. "
    await terminal.type(story, *"What now?", "enter", "enter", *"Alice")


async def contact_form_signed_in(terminal: Terminal, person: Person) -> None:
    """The contact form from the panel, asking before the story is lost."""
    await terminal.sign_in(person)
    await terminal.click("Contact Form")
    await terminal.type("my neighbour", "tab", *"Help", "escape")


async def case_opened(terminal: Terminal, person: Person) -> None:
    """Number, PIN and promise."""
    await contact_form(terminal, person)
    await terminal.press("shift+tab", "shift+tab", "end")
    await terminal.type("@example.com", "tab", "tab", "tab", "enter")


async def case_state(terminal: Terminal, person: Person) -> None:
    """How a case stands."""
    await case_opened(terminal, person)
    await terminal.press("enter", "enter", "tab", "tab", "tab", "tab", "enter")
    await terminal.type("12345678", "enter", *"123456", "enter")


async def lost_device_email(terminal: Terminal, person: Person) -> None:
    """The first step of the wizard, after a wrong code."""
    await otp(terminal, person)
    await terminal.button("I lost my OTP keycard")
    await terminal.type("ABCDE-12345", "enter")


async def lost_device_sms(terminal: Terminal, person: Person) -> None:
    """The second step, in a terminal behind the link."""
    await otp(terminal, person)
    await terminal.button("I lost my OTP keycard")
    terminal.app.run_worker(terminal.app.follow_link(LINK), exit_on_error=False)
    await terminal.settle()


async def lost_device_code(terminal: Terminal, person: Person) -> None:
    """The last step, after a wrong answer."""
    await lost_device_sms(terminal, person)
    await terminal.button("Send SMS")
    await terminal.type("123456")
    await terminal.type("wrong", "enter")


async def lost_device_question(terminal: Terminal, person: Person) -> None:
    """The CAPTCHA as a question."""
    await lost_device_sms(terminal, person)
    await terminal.button("Send SMS")
    await terminal.button("Ask a question instead")


WITHOUT_OTP: list[Step] = [
    sign_in,
    refused,
    help_of_sign_in,
    security_off,
    activation,
    activation_missed,
    log_out,
    my_account,
    basic_settings,
    contact_form,
    contact_form_signed_in,
    case_opened,
    case_state,
]
WITH_OTP: list[Step] = [
    otp,
    recovery_code,
    security_on,
    add_device,
    disable,
    shared_key,
    recovery_codes,
    lost_device_email,
    lost_device_sms,
    lost_device_code,
    lost_device_question,
]


@pytest.mark.usefixtures("_the_same_secrets", "easy_captcha")
@pytest.mark.parametrize("step", [*WITHOUT_OTP, *WITH_OTP], ids=lambda step: step.__name__)
async def test_pictures(console: Console, step: Step, request: pytest.FixtureRequest) -> None:
    """Each screen at 80x24, 120x40 and 60x20, with the clock standing and the keys known."""
    person = await console.customer("alice", otp=step in WITH_OTP)
    await console.sign_in(person, STRANGER)
    async with open_terminal(console) as terminal:
        await step(terminal, person)
        shown = {}
        for columns, rows in SIZES:
            await terminal.resize(columns, rows)
            shown[f"{step.__name__}-{columns}x{rows}.txt"] = terminal.text().rstrip() + "\n"
    if request.config.getoption("--snapshot-update"):
        FOLDER.mkdir(exist_ok=True)
        for name, picture in shown.items():
            (FOLDER / name).write_text(picture, "utf-8")
    for name, picture in shown.items():
        assert picture == (FOLDER / name).read_text("utf-8"), name


def test_there_is_no_picture_without_a_screen(request: pytest.FixtureRequest) -> None:
    """A screen that went away took its pictures with it."""
    if request.config.getoption("--snapshot-update"):
        pytest.skip("they are being drawn")
    names = {step.__name__ for step in (*WITHOUT_OTP, *WITH_OTP)}
    assert {path.name.rpartition("-")[0] for path in FOLDER.glob("*.txt")} == names
