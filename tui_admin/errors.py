"""The error family. Each error has a sentence that is safe to show and a stable code for logs.

Four families tell a caller what to do next: `RejectedError` (the answer is no), `LimitedError`
(not now; it says when), `ConflictError` (somebody else was first) and `UnavailableError` (a part
that is needed is not there; nothing was decided). No error carries a secret.
"""

from __future__ import annotations

from typing import ClassVar

from tui_admin.i18n import _, ngettext


class ConsoleError(Exception):
    """Base of every error that a person may meet."""

    code: ClassVar[str] = "error"

    @property
    def sentence(self) -> str:
        """What happened and what to do, in the language of the terminal."""
        return _("Something went wrong. Nothing was changed.")

    def __str__(self) -> str:
        return self.sentence


class RejectedError(ConsoleError):
    """The request was understood and refused."""

    code = "rejected"


class LimitedError(ConsoleError):
    """Too many tries; `retry_after_s` seconds from now the next one is looked at."""

    code = "limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s

    @property
    def sentence(self) -> str:
        return _("Too many tries. The next one is possible in {wait}.").format(
            wait=spoken_duration(self.retry_after_s)
        )


class ConflictError(ConsoleError):
    """Somebody or something else was first."""

    code = "conflict"


class UnavailableError(ConsoleError):
    """A part that the answer needs is not there. Never read as "no" and never as "anonymous"."""

    code = "unavailable"

    @property
    def sentence(self) -> str:
        return _("The service is not available just now. Nothing was changed; please try again.")


class FaultError(UnavailableError):
    """The console of one terminal ended by a fault of its own."""

    code = "fault"

    @property
    def sentence(self) -> str:
        return _("The console ended because of a fault. Please start it again.")


class StartError(UnavailableError):
    """The console cannot start as it is set up; the sentence says what to do."""

    code = "start"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self._sentence = sentence

    @property
    def sentence(self) -> str:
        return self._sentence


class FieldError(RejectedError):
    """A form field is malformed. Costs no attempt; `field` names where to show the sentence."""

    code = "field"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(field, sentence)
        self.field = field
        self._sentence = sentence

    @property
    def sentence(self) -> str:
        return self._sentence


class WrongCredentialsError(RejectedError):
    """Unknown, wrong, locked: one error for all, so that nobody learns which it was."""

    code = "credentials"

    @property
    def sentence(self) -> str:
        return _("The username or the password is not right.")


class WrongPasswordError(RejectedError):
    """A signed-in person typed a wrong account password."""

    code = "password"

    @property
    def sentence(self) -> str:
        return _("The account password is not right.")


class WrongCodeError(RejectedError):
    """The code fits no device of the account at this time.

    `drift_s` is how far the device's clock is off (positive: ahead), where that may be told.
    """

    code = "code"

    def __init__(self, drift_s: int | None = None) -> None:
        super().__init__(drift_s)
        self.drift_s = drift_s

    @property
    def sentence(self) -> str:
        if self.drift_s is None:
            return _("The OTP password is not right.")
        off = spoken_duration(abs(self.drift_s))
        if self.drift_s > 0:
            return _("The clock of your device is about {off} fast; set it right.").format(off=off)
        return _("The clock of your device is about {off} slow; set it right.").format(off=off)


class ReusedCodeError(RejectedError):
    """The code was right but its step is spent; the next one comes in `wait_s` seconds."""

    code = "code_reused"

    def __init__(self, wait_s: int) -> None:
        super().__init__(wait_s)
        self.wait_s = wait_s

    @property
    def sentence(self) -> str:
        return _("This code was already used; wait for the next one, {wait}.").format(
            wait=spoken_duration(self.wait_s)
        )


class ClockError(UnavailableError):
    """The server's clock stands before the last accepted code, so no code can be judged."""

    code = "clock"

    @property
    def sentence(self) -> str:
        return _("The clock of this system has gone back. Use a recovery code, or try again later.")


class FactorBlockedError(RejectedError):
    """A hundred misses in a row have switched codes off for this account until recovery."""

    code = "factor_blocked"

    @property
    def sentence(self) -> str:
        return _("OTP passwords are blocked after too many misses. Use a recovery code.")


class WrongRecoveryCodeError(RejectedError):
    """The recovery code is unknown or spent."""

    code = "recovery_code"

    @property
    def sentence(self) -> str:
        return _("This recovery code is not right, or it was used before.")


class PendingKeyGoneError(RejectedError):
    """The key that was to be confirmed is older than its lifetime, replaced, or gone."""

    code = "pending_key"

    @property
    def sentence(self) -> str:
        return _("The key on the screen was too old.")


class ProofExpiredError(RejectedError):
    """A further device's key was not confirmed in time; the proof behind it is too old."""

    code = "proof_expired"

    @property
    def sentence(self) -> str:
        return _("This took too long. Please go back and begin again with Add device.")


class TooManyMissesError(RejectedError):
    """A connection was ended because too many wrong passwords and codes came from it."""

    code = "too_many_misses"

    @property
    def sentence(self) -> str:
        return _("Too many wrong tries. Please connect again later.")


class FloodError(RejectedError):
    """A terminal was ended because it sent without pause more than anybody types."""

    code = "flood"

    @property
    def sentence(self) -> str:
        return _("Too much came from your terminal at once. Please connect again.")


class UnsignedError(RejectedError):
    """A terminal was ended because nobody signed in on it."""

    code = "unsigned"

    @property
    def sentence(self) -> str:
        return _("Nobody signed in here for a while. Please connect again.")


class RestartError(UnavailableError):
    """The server is told to stop, and this terminal ends with it."""

    code = "restart"

    @property
    def sentence(self) -> str:
        return _("The server restarts. Please connect again in a moment.")


class SignInExpiredError(RejectedError):
    """The half-done sign-in is over; it starts again with the password."""

    code = "sign_in_expired"

    @property
    def sentence(self) -> str:
        return _("This sign-in took too long. Please start again.")


class SessionEndedError(RejectedError):
    """The session is over. `reason` is one of the reasons in `flows.sessions`."""

    code = "session_ended"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @property
    def sentence(self) -> str:
        return {
            "idle": _("You were signed out because nothing was typed for a while."),
            "total": _("You were signed out because the session reached its longest time."),
            "security": _("You were signed out because the security settings were changed."),
            "locked": _("You were signed out by the operator."),
        }.get(self.reason, _("You were signed out. Please sign in again."))


class WrongMailedCodeError(RejectedError):
    """The code or link is not the one of the e-mail that belongs to this request."""

    code = "mailed_code"

    @property
    def sentence(self) -> str:
        return _("This is not the code or the link of the latest e-mail.")


class WrongSmsCodeError(RejectedError):
    """The code is not the one that the SMS of this request carries."""

    code = "sms_code"

    @property
    def sentence(self) -> str:
        return _("The SMS code is not right.")


class WrongCaptchaError(RejectedError):
    """The CAPTCHA was not solved, was answered before, or is too old."""

    code = "captcha"

    @property
    def sentence(self) -> str:
        return _("The CAPTCHA was not right. Here is a new one.")


class WrongCaseError(RejectedError):
    """There is no case of this number, or its PIN is another one; both look alike."""

    code = "case"

    @property
    def sentence(self) -> str:
        return _("The case number or the PIN is not right.")


class OutOfOrderError(RejectedError):
    """A step was tried before the one that it needs."""

    code = "out_of_order"

    @property
    def sentence(self) -> str:
        return _("There is a step to do before this one.")


class LinkError(RejectedError):
    """The link is too old, was stopped, is not whole, or never was one; all look alike."""

    code = "link"

    @property
    def sentence(self) -> str:
        return _("This link is not valid, or not any more. Please sign in to begin again.")


class RequestOverError(RejectedError):
    """A deactivation request is over. `outcome` is one of those in `flows.lost_device`."""

    code = "request_over"

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome

    @property
    def sentence(self) -> str:
        return {
            "completed": _("OTP is now disabled. Please sign in with your password."),
            "stopped": _("This request was stopped by the owner of the account."),
            "expired": _("The time for this step has run out. Please begin again."),
            "missed": _("Too many wrong codes. Please begin again."),
            "signed_in": _("Somebody signed in with a code, so the request is over."),
        }.get(self.outcome, _("This request is not open any more. Please begin again."))


class OnHoldError(RejectedError):
    """The contacts were changed a short while ago; `hours` from now recovery is possible."""

    code = "on_hold"

    def __init__(self, hours: int) -> None:
        super().__init__(hours)
        self.hours = hours

    @property
    def sentence(self) -> str:
        return ngettext(
            "Your contact details were changed lately, so OTP can be deactivated in {n} hour at "
            "the earliest. All your addresses were told. The contact form is open to you.",
            "Your contact details were changed lately, so OTP can be deactivated in {n} hours at "
            "the earliest. All your addresses were told. The contact form is open to you.",
            self.hours,
        ).format(n=self.hours)


class NoWayBackError(RejectedError):
    """Links and codes cannot reach this person: no verified phone, or nothing that sends."""

    code = "no_way_back"

    @property
    def sentence(self) -> str:
        return _("E-mail and SMS cannot be sent for this account. Please use the contact form.")


class NotFoundError(RejectedError):
    """No such thing, or it belongs to somebody else; the answer is the same for both."""

    code = "not_found"

    @property
    def sentence(self) -> str:
        return _("There is no such entry.")


def spoken_duration(seconds: int) -> str:
    """Return a short wording of a time span: `12 s`, `3 min`, `2 h`, rounded up."""
    if seconds < 90:
        return ngettext("{n} s", "{n} s", seconds).format(n=max(seconds, 1))
    if seconds < 90 * 60:
        minutes = -(-seconds // 60)
        return ngettext("{n} min", "{n} min", minutes).format(n=minutes)
    hours = -(-seconds // 3600)
    return ngettext("{n} h", "{n} h", hours).format(n=hours)
