"""From a row of the outbox to the letter that is sent, in the language of its reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from functools import cache
from pathlib import Path
from textwrap import wrap

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from tui_admin.config import Settings
from tui_admin.delivery.letters import gsm, notices, recovery, staff
from tui_admin.delivery.letters.content import Content, Facts, Order
from tui_admin.delivery.senders import Made
from tui_admin.i18n import Language, use_language
from tui_admin.models import Letter
from tui_admin.security.text import safe

WIDTH = 72
_LAYOUTS = Path(__file__).parent / "layouts"

EMAILS: dict[str, Callable[[Order], Content]] = {
    **dict.fromkeys(notices.NOTICES, notices.notice),
    "recovery.mail": recovery.recovery_mail,
    "staff.case": staff.case,
}
"""Every template that goes by e-mail."""

SMS: dict[str, Callable[[Order], list[str]]] = {
    **dict.fromkeys(notices.NOTICES, notices.notice_sms),
    "recovery.sms": recovery.recovery_sms,
    "staff.case": staff.case_sms,
}
"""Every template that goes by SMS."""


class UnknownTemplateError(LookupError):
    """There is no such template for this channel."""


def make(letter: Letter, account: str, secrets: Mapping[str, str], settings: Settings) -> Made:
    """Make a letter: the same one at every try.

    Raises:
        UnknownTemplateError: the template is not there.
        Exception: any other, when a fact or a secret that the template needs is missing.
    """
    order = Order(
        template=letter.template,
        brand=safe(settings.brand, 40),
        public_host=settings.public_host,
        account=safe(account),
        timezone=letter.timezone or settings.timezone,
        written_at=letter.created_at,
        facts=letter.facts,
        secrets=secrets,
    )
    make_it = _make_sms if letter.channel == "sms" else _make_email
    # A copy of the context: the language is set for this letter and for nothing else.
    return copy_context().run(make_it, letter, order, letter.language or settings.locale)


def _speak(language: str) -> None:
    spoken = Language()
    spoken.switch(language)
    use_language(spoken)


def _make_sms(letter: Letter, order: Order, language: str) -> Made:
    if order.template not in SMS:
        raise UnknownTemplateError(order.template)
    _speak(language)
    text = gsm.shortest_fit(SMS[order.template](order))
    return Made(letter.id, letter.recipient, letter.created_at, "", text)


def _make_email(letter: Letter, order: Order, language: str) -> Made:
    if order.template not in EMAILS:
        raise UnknownTemplateError(order.template)
    _speak(language)
    content = EMAILS[order.template](order)
    layouts = _environment()
    parts = {
        "content": content,
        "brand": order.brand,
        "language": language,
        "width": max((len(name) for name, _value in _rows(content)), default=0),
    }
    text = layouts.get_template("letter.txt").render(parts)
    html = layouts.get_template("letter.html").render(parts)
    return Made(letter.id, letter.recipient, letter.created_at, content.subject, text, html)


def _rows(content: Content) -> list[tuple[str, str]]:
    return [row for block in content.blocks if isinstance(block, Facts) for row in block.rows]


@cache
def _environment() -> Environment:
    layouts = Environment(
        loader=FileSystemLoader(_LAYOUTS),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    layouts.filters["lines"] = _lines
    return layouts


def _lines(text: str) -> str:
    """Break a text into lines that no mail server has to break."""
    return "\n".join(wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False))
