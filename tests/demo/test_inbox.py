"""T1: what arrives on the demo's phone is data, and is found in it what a person would find."""

from __future__ import annotations

import unicodedata

import pytest

from tests.demo.conftest import LINK, STOP, letter
from tests.screens.test_hostile_text import HOSTILE, RUBBISH
from tui_admin.demo.inbox import TEXT_CHARS, TEXT_LINES, Inbox, Mail
from tui_admin.demo.phone import Phone

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def received(text: str) -> Mail:
    """Return a mail of this text as the inbox keeps it."""
    inbox = Inbox()
    inbox.take_mail(letter(text).as_bytes(), ["anna@example.com"])
    return inbox.mails()[0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (f"Go on:\n\n    tui-admin recover {LINK}\n\nNot you?\n  tui-admin recover {STOP}\n", 2),
        (f"ssh://recover-{LINK}@host:22\nssh recover-{LINK}@host\nssh recover-{STOP}@host", 2),
        (f"<ssh://recover-{LINK.upper()}@host>.\ntui-admin recover\n{STOP}", 2),
        (f"tui-admin recover {LINK}", 1),
        (f"tui-admin recover {LINK}x and recover {LINK[:-1]}", 0),
        (f"{LINK} alone, and recover: {LINK}", 0),
        ("tui-admin recover uuuuuuuuuuuuuuuuuuuuuuuuuu", 0),
        ("", 0),
    ],
)
def test_the_links_of_a_letter_are_found(text: str, tokens: int) -> None:
    """Each token once, in its order, whether as a link or as the command."""
    assert received(text).tokens == (LINK, STOP)[:tokens]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("by this code:\n\n    ABCDE-FGHJK\n", "ABCDE-FGHJK"),
        ("01234-56789.", "01234-56789"),
        ("ABCDE-FGHIL", ""),
        ("XABCDE-FGHJK", ""),
        ("1-ABCDE-FGHJK", ""),
        ("abcde-fghjk", ""),
    ],
)
def test_the_mailed_code_is_found(text: str, code: str) -> None:
    """In the form in which letters write it, and in no part of something longer."""
    assert received(text).code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("Code 123456.", "123456"), ("1234567", ""), ("12345", ""), ("\uff11" * 6, "")],
)
def test_the_sms_code_is_found(text: str, code: str) -> None:
    """Six ASCII digits, and none of a longer number."""
    inbox = Inbox()
    inbox.take_sms("+420603111222", text)
    assert inbox.sms()[0].code == code


@pytest.mark.parametrize("text", [HOSTILE, *RUBBISH.values()])
def test_hostile_text_is_made_safe(text: str) -> None:
    """T1: subject, sender, recipient, number and both texts hold nothing that a terminal obeys."""
    inbox = Inbox()
    mail = f"Subject: {text}\nFrom: {text}\nContent-Type: text/plain; charset=utf-8\n\n{text}"
    inbox.take_mail(mail.encode("utf-8", "replace"), [text])
    inbox.take_sms(text, text)
    kept, sms = inbox.mails()[0], inbox.sms()[0]
    for shown in (kept.subject, kept.sender, kept.recipient, sms.number):
        assert not {char for char in shown if unicodedata.category(char) in UNSAFE}
    for shown in (kept.text, sms.text):
        unsafe = {char for char in shown if unicodedata.category(char) in UNSAFE}
        assert unsafe <= {"\n"}


def test_a_header_cannot_hide_what_a_terminal_obeys() -> None:
    """T1: what was encoded in a subject is made safe after it was decoded."""
    inbox = Inbox()
    inbox.take_mail(b"Subject: =?utf-8?q?=1B]0;x=07=E2=80=AE?=\n\nx", ["a@example.com"])
    assert inbox.mails()[0].subject == "\ufffd]0;x\ufffd\ufffd"


def test_a_megabyte_is_cut() -> None:
    """Of a text without end, or without end of lines, a bounded part is kept."""
    assert len(received("x" * 1_000_000).text) <= TEXT_CHARS + 2
    kept = received("y\n" * 500_000).text
    assert len(kept.splitlines()) == TEXT_LINES + 1 and kept.endswith("\u2026")


def test_unknown_charsets_are_refused() -> None:
    """A mail in letters that nobody knows raises the one error that the server expects."""
    with pytest.raises(ValueError, match="LookupError"):
        Inbox().take_mail(b"Content-Type: text/plain; charset=klingon\n\nx", ["a@example.com"])


def test_reading_and_forgetting() -> None:
    """A mail is read by opening it, SMS all at once; after a reset nothing is left of the phone."""
    phone = Phone()
    inbox = phone.inbox
    for _ in range(2):
        inbox.take_mail(letter().as_bytes(), ["anna@example.com"])
        inbox.take_sms("+420603111222", "x")
    phone.add("otpauth://totp/x:anna?secret=JBSWY3DPEHPK3PXP&issuer=x")
    phone.tab = "mail"
    newest = inbox.mails()[0]
    assert inbox.open_mail(newest.id) is newest and newest.is_read
    assert (inbox.unread_mails, inbox.unread_sms) == (1, 2)
    inbox.read_sms()
    assert (inbox.unread_mails, inbox.unread_sms) == (1, 0)
    phone.reset()
    assert (inbox.mails(), inbox.sms(), phone.entries(), phone.tab) == ([], [], [], "")
    assert inbox.open_mail(newest.id) is None
    inbox.take_mail(letter().as_bytes(), ["anna@example.com"])
    assert inbox.mails()[0].id != newest.id


def test_a_repr_shows_no_secret() -> None:
    """What may land in a log names neither code nor link."""
    kept = received(f"ABCDE-FGHJK tui-admin recover {LINK}")
    assert "ABCDE" not in repr(kept) and LINK not in repr(kept)
