"""What flows answer: frozen values that a screen or a command shows. No table row leaves a flow.

All text in them that a person supplied has passed `security.text.safe`. Nothing here imports
storage, so a screen can name these types before the first frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tui_admin.flows.visitor import Visitor

__all__ = [
    "REACH_LIMIT",
    "STORY_LIMIT",
    "AccountView",
    "Activated",
    "ActivationFailed",
    "CaptchaView",
    "CaseOpened",
    "CaseView",
    "Delivery",
    "DeviceView",
    "KeyView",
    "LetterView",
    "NeedsCode",
    "ProfileView",
    "Recovery",
    "RequestView",
    "SecurityView",
    "SessionView",
    "SignedIn",
    "Step",
    "StopOffer",
    "Token",
    "Visitor",
]


@dataclass(frozen=True, slots=True)
class Token:
    """The secret that proves a session or a half-done sign-in. Its `repr` shows nothing."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NeedsCode:
    """The password was right; the OTP password comes next, within `ttl_s` seconds."""

    half: Token
    ttl_s: int
    is_recovering: bool = False
    """A deactivation request is open: the person comes back to the step that it has reached."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session has begun."""

    session: Token
    username: str
    role: str
    language: str
    timezone: str
    theme: str
    recovery_codes_left: int | None = None
    """Set when a recovery code opened the door."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One authenticator as it is listed."""

    id: str
    name: str
    added_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """One signed-in terminal as it is listed."""

    id: str
    address: str
    terminal: str
    started_at: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class SecurityView:
    """Everything that Account Security shows."""

    otp_active: bool
    otp_since: datetime | None
    otp_blocked: bool
    email_verified: bool
    phone_verified: bool
    devices: tuple[DeviceView, ...]
    recovery_codes_left: int
    recovery_codes_confirmed: bool
    sessions: tuple[SessionView, ...]


@dataclass(frozen=True, slots=True)
class KeyView:
    """A shared key on its way to an authenticator. Its `repr` hides the secret."""

    device_name: str
    issuer: str
    account: str
    key: str = field(repr=False)
    """Base32 in groups of four."""
    uri: str = field(repr=False)
    ttl_s: int
    """How long it may be shown, or how long a pending key still lives."""
    algorithm: str = "SHA-1"
    digits: int = 6
    period_s: int = 30


@dataclass(frozen=True, slots=True)
class Activated:
    """OTP is on. `codes` are shown once; a further device brings none (empty tuple)."""

    session: Token
    codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ActivationFailed:
    """The attempt missed. `fresh` is the new pending key when the old one was thrown away."""

    why: str
    fresh: KeyView | None
    tries_left: int = 0


class Step(StrEnum):
    """Where a deactivation request stands: what has to be done next."""

    EMAIL = "email"
    """Follow the link, or type the mailed code."""
    SMS = "sms"
    """Have the SMS sent."""
    CODE = "code"
    """Type its code and solve the CAPTCHA."""


class Delivery(StrEnum):
    """What has become of a letter."""

    NONE = ""
    WAITING = "waiting"
    TRYING = "trying"
    """At least one try failed; it is tried again."""
    SENT = "sent"
    FAILED = "failed"
    """Given up on, or too old."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """A deactivation request as its wizard shows it."""

    step: Step
    ttl_s: int
    """How long the step is open."""
    email: str
    """Masked."""
    phone: str
    """Masked."""
    asked_at: datetime
    asked_from: str
    mail: Delivery
    sms: Delivery
    mail_again_s: int
    """When the letter can be sent again, in seconds from now."""
    sms_again_s: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """A terminal's part in a deactivation request: the token that proves it, and the request."""

    proof: Token
    view: RequestView
    is_by_link: bool = False
    """The link was followed here: the e-mail step is done, and the request can be stopped."""


@dataclass(frozen=True, slots=True)
class StopOffer:
    """Somebody followed the link that says "this was not me". Nothing has happened yet."""

    stop: Token
    asked_at: datetime
    asked_from: str
    is_completed: bool
    """OTP was switched off already."""


@dataclass(frozen=True, slots=True)
class CaptchaView:
    """A CAPTCHA as it is shown. The answer stays behind."""

    id: str
    picture: tuple[str, ...]
    """Rows of `#` and blanks, one a pixel; empty for a question."""
    question: str


REACH_LIMIT, STORY_LIMIT = 200, 2000
"""Characters of a case: how to reach somebody, and what happened."""


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A support request was taken. The PIN is shown this once."""

    number: str
    pin: str = field(repr=False)
    due_at: datetime


@dataclass(frozen=True, slots=True)
class CaseView:
    """A support request as whoever has its number and PIN sees it."""

    number: str
    state: str
    created_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class LetterView:
    """A letter of the outbox as an operator sees it; its contents stay inside."""

    id: str
    channel: str
    recipient: str
    template: str
    created_at: datetime
    due_at: datetime
    attempts: int
    outcome: str
    """`sent`, `failed`, `expired`, or empty while it waits."""
    last_error: str


@dataclass(frozen=True, slots=True)
class ProfileView:
    """What Basic Settings shows."""

    username: str
    name: str
    company: str
    language: str
    timezone: str
    email: str
    email_verified: bool
    phone: str
    phone_verified: bool
    new_phone: str
    otp_active: bool


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as an operator sees it."""

    id: str
    username: str
    email: str
    email_verified: bool
    phone: str
    phone_verified: bool
    new_phone: str
    role: str
    created_at: datetime
    locked_at: datetime | None
    otp_active: bool
    otp_blocked: bool
    devices: int
    recovery_codes_left: int
    open_sessions: int
