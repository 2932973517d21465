"""T1, T2, T11: whatever stands in the database or comes as a name, the channel carries only what
the driver itself writes."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import String

from screens.panel import MyAccountMenu, PanelScreen
from tests.screens.test_hostile_text import HOSTILE, RUBBISH, poison
from tests.ssh.serving import (
    TIMEOUT_S,
    Server,
    connected,
    open_screen,
    opened_screen,
    until,
)
from tests.ssh.test_before_authentication import connected_by
from tests.support.console import Console
from tui_admin.flows.answers import Visitor

OURS = re.compile(
    r"\x1b\[[0-9;]*m"  # colours
    r"|\x1b\[[0-9]+;[0-9]+H"  # where the next text goes
    r"|\x1b\[\?(?:25|1000|1002|1004|1006|1049|2004)[hl]"
    r"|\r?\n"
)
"""All that the driver writes besides text."""
BELL = "\x07"


def foreign(raw: bytes | bytearray) -> set[str]:
    """Characters of what a terminal was sent that are neither text nor the driver's own."""
    text = OURS.sub("", raw.decode("utf-8"))
    return {
        f"U+{ord(char):04X}"
        for char in text
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    }


def test_the_scan_sees_what_it_shall() -> None:
    for bad in ("\x1b]52;c;eA==\x07", "\x1b[6n", "\x9b2J", "\x00", "\u202e", "\x1b[2J", "\x1bc"):
        assert foreign(bad.encode())
    assert not foreign(b"\x1b[1;38;2;1;2;3mtext\x1b[0m\x1b[12;1H\x1b[?25l")


async def test_hostile_data_on_the_channel(server: Server, console: Console) -> None:
    """T1, T2: names, company, devices, sessions, contacts, the audit's own view of them."""
    alice = await console.customer("alice", otp=True)
    await console.sign_in(alice, Visitor(HOSTILE, HOSTILE))
    async with opened_screen(server, size=(120, 40)) as screen:
        await screen.sign_in(alice)
        await poison(console)
        screen.press("f5")
        await screen.wait_for("[/][bold]")
        (app,) = server.apps()
        for press, dialog in (("f1", "Esc closes"), ("ctrl+q", "Log out and leave?")):
            screen.press(press)
            await screen.wait_for(dialog)
            screen.press("escape")
            await screen.wait_gone(dialog)
        screen.press("f6")
        await until(lambda: isinstance(app.screen, MyAccountMenu))
        screen.press("f6")
        await until(lambda: isinstance(app.screen, PanelScreen))
        if app.focused is None or app.focused.id != "menu":
            screen.press("escape")
            await until(lambda: app.focused is not None and app.focused.id == "menu")
        screen.press("up", "enter")
        await screen.wait_for("Time zone")
        before = app.theme
        screen.press("f4")
        await until(lambda: app.theme != before)
        screen.chan.change_terminal_size(90, 30)
        await until(lambda: app.size == (90, 30))
        assert not screen.is_closed and app.exit_error is None
        assert foreign(screen.raw) <= {"U+0007"}
    await server.is_empty()


async def test_a_hostile_name_at_the_beginning(server: Server, console: Console) -> None:
    """T1, T2: the user name and what the QR code is labelled with."""
    alice = await console.customer("alice")
    await console.execute("UPDATE account SET username = :name", name=HOSTILE[:64])
    alice.name = alice.email
    async with opened_screen(server, size=(120, 40)) as screen:
        await screen.sign_in(alice)
        await screen.wait_for("\ufffd[2J")
        await screen.wait_for("Set OTP\u25c2")
        screen.press("enter")
        await screen.wait_for("Scan")
        assert foreign(screen.raw) <= {"U+0007"}
    await server.is_empty()


@pytest.mark.parametrize("name", RUBBISH)
async def test_rubbish_typed_and_pasted(server: Server, name: str) -> None:
    """T1: what comes back from a field is safe to show, pasted in brackets or not."""
    text = RUBBISH[name].encode("utf-8", "surrogatepass")
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        screen.send(b"\x1b[200~" + text + b"\x1b[201~" + text)
        await asyncio.sleep(0.3)
        screen.send(b"\x1b[201~")
        screen.press("f1")
        await screen.wait_for("Esc closes")
        assert foreign(screen.raw) <= {"U+0007"}


@pytest.mark.parametrize(
    "typed",
    [
        "\uff41\uff4c\uff49\uff43\uff45",  # full width: folded, and so alice
        "ALICE",
        "\u0430lice",  # Cyrillic a
        "al\u0131ce",  # dotless i
        "alic\u0435",
        "a\u200blice",
        "\u202ealice",
    ],
)
async def test_names_that_look_alike(server: Server, console: Console, typed: str) -> None:
    """T11: folded to the one form, or nobody's; never another account than the one it reads as."""
    alice = await console.customer("alice")
    # The field takes no invisible characters, so what is sent is what is seen.
    seen = "".join(char for char in typed if unicodedata.category(char) != "Cf")
    folds = unicodedata.normalize("NFKC", seen).casefold() == "alice"
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        screen.press(typed, "tab", alice.password, "enter")
        (app,) = server.apps()
        if folds:
            await screen.wait_for("Account Security")
            assert app.signed_in is not None
        else:
            await until(lambda: b"not right" in screen.raw)
            assert app.signed_in is None
        assert foreign(screen.raw) <= {"U+0007"}
    await server.is_empty()
    assert await server.open_sessions() == 0


@pytest.mark.parametrize(
    "username",
    [
        "root",
        "alice",
        "\uff41\uff4c\uff49\uff43\uff45",
        "\u0430lice",
        "x" * 900,
        "[/]",
        "{0} %s",
        "recover-",
        "recover-" + "x" * 900,
        "recover-[/]%s{0}",
        "RECOVER-../../etc/passwd",
        "recover-\u0430\uff41",
    ],
    ids=lambda name: ascii(name[:12]),
)
async def test_ssh_names_of_any_kind(server: Server, console: Console, username: str) -> None:
    """T11: they lead to the sign-in screen, and say nothing about who one is; a link that is none
    is told of there."""
    await console.customer("alice")
    async with connected(server, username) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        if username.lower().startswith("recover-"):
            await screen.wait_for("This link is not valid")
        (app,) = server.apps()
        assert app.signed_in is None
        assert foreign(screen.raw) <= {"U+0007"}
    await server.is_empty()


@pytest.mark.parametrize(
    "username",
    [
        *(b"x" * 10_000, b"a\x00b", b"a\x1b[2Jb", b"\x07"),
        *(b"recover-\x1b[2J", b"\xff\xfe", b"\xe2\x80\xae"),
    ],
    ids=lambda name: repr(name[:10]),
)
async def test_ssh_names_that_are_none(server: Server, username: bytes) -> None:
    """T11: SSH refuses those with control characters (SASLprep) and those that are too long, and
    nothing is left of them."""

    def send(conn: Any) -> None:
        conn._next_service = b"ssh-userauth"
        conn.try_next_auth = lambda *_args, **_kwargs: None
        conn._auth_in_progress = True
        conn.send_packet(5, String("ssh-userauth"))
        parts = [String(username), String("ssh-connection"), String("none")]
        conn.send_packet(MSG_USERAUTH_REQUEST, *parts)

    with pytest.raises(asyncssh.Error):
        async with asyncio.timeout(TIMEOUT_S):
            await connected_by(server, send)
    await server.is_empty()
