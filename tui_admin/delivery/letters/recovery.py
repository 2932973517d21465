"""The letters of the lost device: they carry what opens something, and how to say "not me"."""

from __future__ import annotations

from datetime import datetime

from tui_admin.delivery.letters.content import Block, Content, Exact, Facts, Order, Paragraph
from tui_admin.i18n import _, ngettext


def recovery_mail(order: Order) -> Content:
    """Return the letter with link, command and code."""
    asked, until = order.fact("asked_at"), order.fact("expires_at_utc")
    seconds = (datetime.fromisoformat(until) - datetime.fromisoformat(asked)).total_seconds()
    minutes = max(1, round(seconds / 60))
    valid = ngettext(
        "It is valid for {n} minute, until {time}.",
        "It is valid for {n} minutes, until {time}.",
        minutes,
    ).format(n=minutes, time=order.moment(until))
    what = _("Somebody who knows your password at {brand} asked to deactivate OTP.")
    rows = (
        (_("Account"), order.account),
        (_("When"), order.moment(asked)),
        (_("From"), order.fact("asked_from")),
        (_("Terminal"), order.fact("terminal")),
    )
    return Content(
        _("{brand} – Deactivate OTP").format(brand=order.brand),
        (
            Paragraph(what.format(brand=order.brand)),
            Facts(tuple(row for row in rows if row[1])),
            Paragraph(_("You? Then go on in the window that waits, by this code:")),
            Exact(order.secrets["code"]),
            *_ways(order, order.secrets["link"], _("Or go on anywhere else:")),
            Paragraph(valid + " " + _("Never tell the code to anybody, nor pass this letter on.")),
            Paragraph(_("Not you? Then somebody knows your password.")),
            *_ways(order, order.secrets["stop"], _("Stop the request, and change your password:")),
        ),
    )


def recovery_sms(order: Order) -> list[str]:
    """Return the SMS with the code, in wordings from long to short; the code stands first."""
    code = order.secrets["code"]
    return [
        _("{code} is your code to deactivate OTP at {brand}. Never tell it to anybody.").format(
            code=code, brand=order.brand
        ),
        _("{code} is your code to deactivate OTP. Never tell it to anybody.").format(code=code),
    ]


def _ways(order: Order, token: str, words: str) -> list[Block]:
    """Return the link and the commands that lead to a token's page."""
    blocks: list[Block] = [Paragraph(words)]
    if order.public_host:
        host, port = _host_and_port(order.public_host)
        bracketed = f"[{host}]" if ":" in host else host
        url = f"ssh://recover-{token}@{bracketed}" + (f":{port}" if port else "")
        at_port = f"-p {port} " if port else ""
        blocks += [Exact(url, href=url), Exact(f"ssh {at_port}recover-{token}@{host}")]
        blocks.append(Paragraph(_("On the system where the console is installed, also:")))
    return [*blocks, Exact(f"tui-admin recover {token}")]


def _host_and_port(public_host: str) -> tuple[str, str]:
    """Take `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address apart."""
    if public_host.startswith("["):
        host, _bracket, port = public_host[1:].partition("]")
        return host, port.removeprefix(":")
    if public_host.count(":") == 1:
        host, _colon, port = public_host.partition(":")
        return host, port
    return public_host, ""
