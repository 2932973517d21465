"""Letters that tell of something that has happened to an account: what, when, from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tui_admin.delivery.letters.content import Content, Facts, Order, Paragraph
from tui_admin.i18n import N_, _

_SIGN_IN = N_(
    "Not you? Then sign in at once, look at Account Security, and change your password. If you "
    "cannot sign in, use the contact form of the console."
)
_PASSWORD_KNOWN = N_(
    "Not you? Then somebody knows your password. Sign in, change it, and look at Account Security. "
    "If you cannot sign in, use the contact form of the console."
)
_CONTACT_FORM = N_("Not you? Then use the contact form of the console, and say so.")


@dataclass(frozen=True, slots=True)
class Notice:
    """The words of one template, still to be translated. `{name}` is a fact of that name."""

    subject: str
    what: str
    sms: str
    """What has happened in a few words of one SMS, where nothing that a person typed has room."""
    advice: str = _SIGN_IN
    rows: tuple[tuple[str, Callable[[Order], str]], ...] = field(default=())
    """Further facts: what they are called, and how they are found."""


_DEVICE = (N_("Device"), lambda order: order.fact("device"))

NOTICES = {
    "otp.activated": Notice(
        subject=N_("OTP is on"),
        what=N_(
            "OTP was switched on for your account. From now on a sign-in asks for a code from your "
            "device besides the password."
        ),
        sms=N_("OTP was switched on for your account"),
        rows=(_DEVICE,),
    ),
    "device.added": Notice(
        subject=N_("A device was added"),
        what=N_("A device was added to your account. Its codes open the account from now on."),
        sms=N_("a device for OTP was added to your account"),
        rows=(_DEVICE,),
    ),
    "device.removed": Notice(
        subject=N_("A device was removed"),
        what=N_("A device was removed from your account. Its codes do not open it any more."),
        sms=N_("a device for OTP was removed from your account"),
        rows=(_DEVICE,),
    ),
    "otp.disabled": Notice(
        subject=N_("OTP is off"),
        what=N_(
            "OTP was switched off for your account. The password alone opens it now. All devices "
            "and recovery codes were removed."
        ),
        sms=N_("OTP was switched off for your account"),
    ),
    "otp.recovered": Notice(
        subject=N_("OTP is off"),
        what=N_(
            "OTP was switched off for your account by the steps for a lost device: the password, "
            "an e-mail, an SMS and a CAPTCHA. All devices and recovery codes were removed, and all "
            "sessions were ended."
        ),
        sms=N_("OTP was switched off for your account, as for a lost device"),
        advice=N_(
            "Not you? Then follow what the letter about the request says to stop it, also now. If "
            "you do not have it any more, use the contact form of the console. Change your "
            "password and look after your mailbox and your phone: somebody else used them."
        ),
    ),
    "key.shown": Notice(
        subject=N_("A shared key was shown"),
        what=N_(
            "The shared key of one of your devices was shown on a screen, after password and code. "
            "Whoever has seen it can make your codes."
        ),
        sms=N_("a shared key of your account was shown"),
        rows=(_DEVICE,),
    ),
    "recovery_code.used": Notice(
        subject=N_("A recovery code was used"),
        what=N_("One of your recovery codes was used in place of a code from a device."),
        sms=N_("a recovery code of your account was used"),
        rows=((N_("Recovery codes left"), lambda order: order.fact("left")),),
    ),
    "recovery_codes.renewed": Notice(
        subject=N_("New recovery codes"),
        what=N_("New recovery codes were handed out for your account; the old ones are void."),
        sms=N_("new recovery codes were made for your account"),
    ),
    "phone.changed": Notice(
        subject=N_("A new phone number"),
        what=N_(
            "A new phone number was entered for your account. It counts once it is verified; until "
            "then a number that was verified before stays in force."
        ),
        sms=N_("a new phone number was entered for your account"),
    ),
    "phone.verified": Notice(
        subject=N_("The phone number is verified"),
        what=N_(
            "The phone number of your account was verified. From now on codes and letters go there."
        ),
        sms=N_("the phone number of your account was verified"),
    ),
    "recovery.held": Notice(
        subject=N_("OTP cannot be deactivated yet"),
        what=N_(
            "Somebody who knows your password asked to deactivate OTP for your account. Nothing "
            "was sent and nothing was changed: the contact details of the account were changed "
            "lately, so it has to wait."
        ),
        sms=N_("somebody with your password asked to deactivate OTP; it was held up"),
        advice=_PASSWORD_KNOWN,
        rows=((N_("Hours to wait"), lambda order: order.fact("hours")),),
    ),
    "recovery.stopped": Notice(
        subject=N_("A request was stopped"),
        what=N_(
            "The request to deactivate OTP for your account was stopped, by the letter that says "
            "how. All sessions were ended, and our staff were told. Please change your password: "
            "whoever asked knows it."
        ),
        sms=N_("the request to deactivate OTP was stopped, staff were told"),
        advice=_CONTACT_FORM,
    ),
    "support.opened": Notice(
        subject=N_("A request for help"),
        what=N_("Somebody sent us a request for help about your account by the contact form."),
        sms=N_("a request for help was sent about your account"),
        advice=N_(
            "Not you? Then sign in and look at Account Security, and use the contact form to tell "
            "us. Nobody of our staff ever asks for a password or a code."
        ),
        rows=(
            (N_("Case"), lambda order: order.fact("number")),
            (N_("An answer is due by"), lambda order: order.moment(order.fact("due_at"))),
        ),
    ),
}


def notice(order: Order) -> Content:
    """Return the e-mail of a notice."""
    words = NOTICES[order.template]
    rows = [(_(name), find(order)) for name, find in words.rows]
    rows += [
        (_("Account"), order.account),
        (_("When"), order.moment()),
        (_("From"), order.address),
    ]
    return Content(
        f"{order.brand} – {_(words.subject)}",
        (
            Paragraph(_(words.what)),
            Facts(tuple(row for row in rows if row[1])),
            Paragraph(_("You? Then there is nothing to do.")),
            Paragraph(_(words.advice)),
        ),
    )


def notice_sms(order: Order) -> list[str]:
    """Return the SMS of a notice, in wordings from long to short."""
    words = NOTICES[order.template]
    what = f"{order.brand}: {_(words.sms)}"
    end = _("Not you? Tell us at once.")
    return [
        f"{what}, {order.moment()}, {order.address}. {end}",
        f"{what}, {order.moment()}. {end}",
        f"{what}. {end}",
    ]
