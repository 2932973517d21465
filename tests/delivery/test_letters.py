"""The letters: that each template is there, and what it says."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.support.console import START
from tui_admin import flows, i18n
from tui_admin.config import Settings
from tui_admin.delivery.email import build
from tui_admin.delivery.letters import gsm, rendering
from tui_admin.flows import outbox
from tui_admin.models import Letter
from tui_admin.security.tokens import clean_link_token, new_link_token

FACTS: dict[str, Any] = {
    "address": "2001:db8:1234:5678:9abc:def0:1234:5678",
    "device": "Pixel",
    "left": 9,
    "hours": 71,
    "number": "TA-123456",
    "kind": "not_me",
    "due_at": (START + timedelta(days=1)).isoformat(),
    "asked_from": "198.51.100.66",
    "terminal": "xterm",
    "asked_at": START.isoformat(),
    "expires_at_utc": (START + timedelta(minutes=5)).isoformat(),
}
SECRETS = {"link": new_link_token(), "stop": new_link_token(), "code": "ABCDE-FGHJK"}
PLAUSIBLE = (
    "W",
    "WEDOS Internet",
    "Zwölf Sonnen Hosting s.r.o.",
    "A Brand of Forty Characters, Exactly 4!",
)


def make(
    template: str, channel: str = "email", settings: Settings | None = None, **more: Any
) -> Any:
    """Make a letter with every fact that any template needs."""
    columns = {"language": "en", "timezone": "Europe/Prague", "facts": FACTS, **more}
    row = Letter(
        id="1" * 32,
        account_id="a" * 32,
        channel=channel,
        recipient="alice@example.com",
        template=template,
        created_at=START,
        due_at=START,
        **columns,
    )
    return rendering.make(row, "alice", SECRETS, settings or Settings())


def _written() -> dict[str, set[str]]:
    """Return every template that a flow writes, with the channels that it may go by."""
    found: dict[str, set[str]] = {}
    folder = Path(flows.__file__).parent
    for path in folder.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
                continue
            name = call.func.attr
            if name not in {"write_letter", "tell_everywhere"} or path.name == "context.py":
                continue
            template = call.args[1]
            channels = {"email"}
            if name == "tell_everywhere":
                channels = {"email", "sms"}
            elif any(keyword.arg == "sms" for keyword in call.keywords):
                channels = {"sms"}
            names = (
                [str(template.value)]
                if isinstance(template, ast.Constant)
                # `event` in activation: one of two names that stand as text in the same file.
                else ["otp.activated", "device.added"]
            )
            for each in names:
                found.setdefault(each, set()).update(channels)
    return found


def test_every_template_that_is_written_is_there() -> None:
    """S16: whatever a flow writes can be made, for each channel that it may go by."""
    written = _written()
    assert len(written) >= 14
    for template, channels in written.items():
        for channel in channels:
            assert template in (rendering.SMS if channel == "sms" else rendering.EMAILS), template


def test_what_carries_codes_is_known() -> None:
    """The operator's `outbox retry` knows every template that is filled with secrets."""
    source = "".join(path.read_text() for path in Path(flows.__file__).parent.glob("*.py"))
    calls = re.findall(r'write_letter\(\s*account,\s*"([^"]+)",[^)]*?secrets=', source)
    assert set(calls) == outbox.CARRIES_SECRETS


@pytest.mark.parametrize("template", sorted(rendering.EMAILS))
def test_every_email_says_what_when_and_from_where(template: str) -> None:
    """Each has a subject of the brand, both parts with the same words, short plain lines, and the
    time in the reader's own zone."""
    made = make(template)
    assert made.subject.startswith("WEDOS Internet – ")
    assert "15 Jan 2030, 13:00 (Europe/Prague)" in made.text
    assert all(len(line) < 76 for line in made.text.splitlines())
    assert "{" not in made.text and "None" not in made.text
    words = " ".join(_text_of(made.html).split())
    for paragraph in made.text.split("\n\n"):
        if ":  " not in paragraph and not paragraph.startswith("--"):
            assert " ".join(paragraph.split()) in words
    raw = build(made, "wedos@wedos.com", "WEDOS Internet").as_bytes()
    assert raw.isascii() and max(map(len, raw.splitlines())) <= 78


@pytest.mark.parametrize(
    "template", sorted(set(rendering.EMAILS) - {"recovery.mail", "staff.case"})
)
def test_every_notice_says_who_and_what_to_do(template: str) -> None:
    """S16: a notice tells the address, the account, and what to do if it was not its reader."""
    text = make(template).text
    assert FACTS["address"] in text
    assert "alice" in text
    assert re.search(r"Not you\? Then", " ".join(text.split()))


@pytest.mark.parametrize("brand", PLAUSIBLE)
@pytest.mark.parametrize("template", sorted(rendering.SMS))
def test_every_sms_is_one_sms(template: str, brand: str) -> None:
    """At most 160 characters of the SMS alphabet, with a long brand and the longest address."""
    for language in i18n.available_languages():
        made = make(template, "sms", Settings(brand=brand), language=language)
        length = gsm.gsm_length(made.text)
        assert length is not None and length <= gsm.SMS_LENGTH, made.text
        assert made.html == "" and made.subject == ""


def test_the_code_stands_first() -> None:
    """A phone shows the first words of an SMS on its locked screen."""
    assert make("recovery.sms", "sms").text.startswith(SECRETS["code"] + " is your code")


def test_the_deactivation_letter() -> None:
    """DESIGN 2: subject, link, command, code, who asked and from where, the time, and the way to
    stop it, all whole."""
    made = make("recovery.mail", settings=Settings(public_host="panel.example.com"))
    assert made.subject == "WEDOS Internet – Deactivate OTP"
    lines = [line.strip() for line in made.text.splitlines()]
    for token in (SECRETS["link"], SECRETS["stop"]):
        assert f"ssh://recover-{token}@panel.example.com" in lines
        assert f"ssh recover-{token}@panel.example.com" in lines
        assert f"tui-admin recover {token}" in lines
    assert SECRETS["code"] in lines
    text = " ".join(made.text.split())
    assert "valid for 5 minutes, until 15 Jan 2030, 13:05 (Europe/Prague)" in text
    for fact in ("198.51.100.66", "xterm"):
        assert fact in text
    assert f'href="ssh://recover-{SECRETS["link"]}@panel.example.com"' in made.html
    # What a mail program makes of the whole letter still holds the token, whatever is pasted.
    for line in lines:
        if SECRETS["link"] in line:
            assert clean_link_token(line) == SECRETS["link"]


@pytest.mark.parametrize(
    ("public_host", "link", "command"),
    [
        (
            "panel.example.com:2222",
            "@panel.example.com:2222",
            "ssh -p 2222 recover-{}@panel.example.com",
        ),
        ("[2001:db8::1]:22", "@[2001:db8::1]:22", "ssh -p 22 recover-{}@2001:db8::1"),
        ("2001:db8::1", "@[2001:db8::1]", "ssh recover-{}@2001:db8::1"),
        ("", "", ""),
    ],
)
def test_where_links_lead(public_host: str, link: str, command: str) -> None:
    """With a port, the command has `-p`; without `public_host` there is neither."""
    text = make("recovery.mail", settings=Settings(public_host=public_host)).text
    lines = [line.strip() for line in text.splitlines()]
    assert f"tui-admin recover {SECRETS['link']}" in lines
    if public_host:
        assert f"ssh://recover-{SECRETS['link']}{link}" in lines
        assert command.format(SECRETS["link"]) in lines
    else:
        assert "ssh" not in text


def test_what_people_typed_is_only_text() -> None:
    """T1, T2, S27: markup, control bytes and line breaks in a device's name, a terminal's name or a
    brand stay text, in the plain part, in HTML and in the subject."""
    hostile = (
        "<script>alert(1)</script>{{ 7*7 }}{% raw %}\r\nBcc: evil@example.net\x1b]0;x\x07\u202e"
    )
    facts = {**FACTS, "device": hostile, "terminal": hostile, "address": hostile[:64]}
    for template in ("device.added", "recovery.mail"):
        made = make(template, facts=facts, settings=Settings(brand="<b>[red]\x1b[31m\r\nX: y"))
        for part in (made.text, made.html, made.subject):
            assert not set(part) & set("\x1b\x07\r\u202e")
            assert "\nBcc:" not in part
        assert "<script" not in made.html and "&lt;script" in made.html
        assert "<b>" not in made.html
        assert "{{ 7*7 }}" in made.html
        assert "\n" not in made.subject


def test_a_letter_is_the_same_at_every_try() -> None:
    """O3: a duplicate is a duplicate to the last letter."""
    assert make("recovery.mail") == make("recovery.mail")


def test_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter speaks the language of its row, whatever the terminal beside it speaks."""
    spoken: list[str] = []
    switch = i18n.Language.switch

    def noting(self: i18n.Language, code: str) -> None:
        spoken.append(code)
        switch(self, code)

    monkeypatch.setattr(i18n.Language, "switch", noting)
    before = i18n.current_language()
    make("otp.disabled", language="cs")
    make("otp.disabled", language="")
    assert spoken == ["cs", "en"]
    assert i18n.current_language() is before


def test_accents_in_an_sms() -> None:
    """Letters that the alphabet lacks lose their accents, and do not take half the room away."""
    assert gsm.to_gsm("Žluťoučký kůň – ä€") == "Zlutoucky kun - ä€"
    assert gsm.gsm_length("ä€") == 3
    assert gsm.gsm_length("ž") is None


def test_nothing_is_shown_by_accident() -> None:
    """No secret stands in the repr of a letter on its way."""
    made = make("recovery.mail")
    assert SECRETS["link"] not in repr(made) and SECRETS["code"] not in repr(made)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _text_of(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return " ".join(parser.words)
