"""Letters to staff."""

from __future__ import annotations

from tui_admin.delivery.letters.content import Content, Facts, Order, Paragraph
from tui_admin.i18n import N_, _

_KINDS = {
    "contact": N_("Somebody cannot reach e-mail or phone and sent the contact form."),
    "not_me": N_(
        "The owner of an account says that somebody else asked to deactivate its OTP. Whoever "
        "asked knows the password."
    ),
}


def case(order: Order) -> Content:
    """Return the e-mail that says that a case waits. What it tells stays in the console."""
    kind = _KINDS.get(order.fact("kind"))
    return Content(
        _("{brand} – Case {number} waits").format(brand=order.brand, number=order.fact("number")),
        (
            Paragraph(_(kind) if kind else _("A case waits.")),
            Facts(((_("Case"), order.fact("number")), (_("When"), order.moment()))),
            Paragraph(_("Sign in and open the desk to answer it.")),
        ),
    )


def case_sms(order: Order) -> list[str]:
    """Return the same as an SMS."""
    words = _("{brand}: case {number} waits.")
    return [words.format(brand=order.brand, number=order.fact("number"))]
