"""The tables. Times are UTC; identifiers are canonical (`security.text`) before they get here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import JSON, Column, DateTime, Dialect, Index, Integer, Text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UTCDateTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no offset, so it is put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _moment(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(
        default=None if nullable else ...,
        sa_column=Column(UTCDateTime, nullable=nullable, index=index),
    )


def new_id() -> str:
    """Return a random row id, 32 hex digits."""
    return uuid4().hex


class Account(SQLModel, table=True):
    """A customer's or a staff member's record."""

    __tablename__ = "account"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    username: str = Field(max_length=64, unique=True)
    email: str = Field(max_length=320, unique=True)
    email_verified_at: datetime | None = _moment(nullable=True)
    phone: str = Field(default="", max_length=20)
    """E.164, or empty. Counts for anything only once `phone_verified_at` is set."""
    phone_verified_at: datetime | None = _moment(nullable=True)
    new_phone: str = Field(default="", max_length=20)
    """A number that waits for verification while the verified one stays in force."""
    password_hash: str = Field(max_length=255)
    role: str = Field(default="customer", max_length=16)
    name: str = Field(default="", max_length=100)
    company: str = Field(default="", max_length=100)
    language: str = Field(default="", max_length=16)
    timezone: str = Field(default="", max_length=64)
    theme: str = Field(default="", max_length=32)
    created_at: datetime = _moment()
    locked_at: datetime | None = _moment(nullable=True)
    code_misses: int = 0
    """Wrong codes in a row; at `limits.consecutive` codes are switched off until recovery."""
    recovery_codes_confirmed_at: datetime | None = _moment(nullable=True)


class Device(SQLModel, table=True):
    """An authenticator: one shared key under a name."""

    __tablename__ = "device"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    name: str = Field(max_length=40)
    sealed_key: str = Field(sa_column=Column(Text, nullable=False))
    last_step: int = Field(sa_column=Column(Integer, nullable=False))
    """The step of the last accepted code; that one and all before it are spent."""
    added_at: datetime = _moment()
    last_used_at: datetime | None = _moment(nullable=True)


class PendingKey(SQLModel, table=True):
    """A shared key that waits to be confirmed. It never gates a sign-in; one an account."""

    __tablename__ = "pending_key"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", unique=True, max_length=32)
    session_id: str = Field(foreign_key="session.id", max_length=32)
    name: str = Field(max_length=40)
    """The name its device will have."""
    sealed_key: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = _moment()
    proven_at: datetime | None = _moment(nullable=True)
    """When password and code were given for a further device; kept over renewals of the key."""
    misses: int = 0


class RecoveryCode(SQLModel, table=True):
    """A single-use code, as a keyed hash."""

    __tablename__ = "recovery_code"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    code_mac: str = Field(max_length=100)
    created_at: datetime = _moment()
    used_at: datetime | None = _moment(nullable=True)


class Session(SQLModel, table=True):
    """One signed-in terminal. Rows stay after the end: they tell which addresses are known."""

    __tablename__ = "session"
    __table_args__ = (Index("ix_session_known", "account_id", "address"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    token_hash: str = Field(max_length=64, unique=True)
    address: str = Field(max_length=64)
    terminal: str = Field(default="", max_length=64)
    started_at: datetime = _moment()
    seen_at: datetime = _moment()
    ended_at: datetime | None = _moment(nullable=True)
    end_reason: str = Field(default="", max_length=16)


class HalfSignIn(SQLModel, table=True):
    """A sign-in between password and code. It can do nothing but take the code."""

    __tablename__ = "half_sign_in"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    token_hash: str = Field(max_length=64, unique=True)
    address: str = Field(max_length=64)
    created_at: datetime = _moment()
    used_at: datetime | None = _moment(nullable=True)


class Attempt(SQLModel, table=True):
    """A try that is being judged, or that missed. A hit takes its row away again."""

    __tablename__ = "attempt"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    subject: str = Field(max_length=120, index=True)
    """Whose limit it counts against: see `flows.limits`."""
    address: str = Field(max_length=64, index=True)
    at: datetime = _moment(index=True)
    is_judged: bool = True
    """False while a password is being hashed: then it may still turn out right."""


class AuditRow(SQLModel, table=True):
    """One authentication event, chained to the one before by a keyed hash."""

    __tablename__ = "audit"

    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: datetime = _moment()
    event: str = Field(max_length=48)
    account_id: str = Field(default="", max_length=32, index=True)
    address: str = Field(default="", max_length=64)
    details: str = Field(sa_column=Column(Text, nullable=False))
    """Canonical JSON, so that the hash covers exactly what is stored."""
    previous: str = Field(max_length=100)
    mac: str = Field(max_length=100)


class Letter(SQLModel, table=True):
    """The outbox: a letter to exactly one address, written with the change that it tells of."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_waiting", "done_at", "due_at"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    """Also its idempotency key: the Message-ID is made from it, whatever worker sends it."""
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    channel: str = Field(max_length=8)
    """`email` or `sms`."""
    recipient: str = Field(max_length=320)
    template: str = Field(max_length=48)
    language: str = Field(default="", max_length=16)
    timezone: str = Field(default="", max_length=64)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What the template is filled with; nothing that opens anything."""
    sealed_key: str = Field(default="", sa_column=Column(Text, nullable=False))
    """What opens something (codes, links), sealed; empty without it, and once it is done with."""
    created_at: datetime = _moment()
    due_at: datetime = _moment()
    """When the next try is made."""
    expires_at: datetime | None = _moment(nullable=True)
    """From then on it would be of no use, and is dropped."""
    attempts: int = 0
    """Tries so far, the one under way included."""
    lease_owner: str = Field(default="", max_length=32)
    lease_until: datetime | None = _moment(nullable=True)
    """Until then the letter is in its owner's hands; afterwards anybody may take it."""
    done_at: datetime | None = _moment(nullable=True)
    outcome: str = Field(default="", max_length=8)
    """`sent`, `failed` (given up on) or `expired`; empty while it waits."""
    last_error: str = Field(default="", max_length=200)


class OldContact(SQLModel, table=True):
    """An address that was replaced. It still hears of what happens to the account for a while."""

    __tablename__ = "old_contact"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    channel: str = Field(max_length=8)
    """`email` or `sms`."""
    value: str = Field(max_length=320)
    replaced_at: datetime = _moment()


class DeactivationRequest(SQLModel, table=True):
    """A lost device: begun after the password, proven by e-mail, SMS and CAPTCHA."""

    __tablename__ = "deactivation_request"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    wizard_hash: str = Field(max_length=64, unique=True)
    """Of the token of the terminal that knows the password; a later sign-in takes its place."""
    link_hash: str = Field(max_length=64, unique=True)
    stop_hash: str = Field(max_length=64, unique=True)
    sealed_key: str = Field(sa_column=Column(Text, nullable=False))
    """Link, stop token, mailed code and SMS code, sealed: a resend sends the same ones."""
    address: str = Field(max_length=64)
    """Who asked."""
    terminal: str = Field(default="", max_length=64)
    created_at: datetime = _moment()
    expires_at: datetime = _moment()
    """When the step that was reached has to be done."""
    mail_letter_id: str = Field(default="", max_length=32)
    """The latest letter with the link, to tell what became of it."""
    mail_sent_at: datetime = _moment()
    email_proven_at: datetime | None = _moment(nullable=True)
    sms_letter_id: str = Field(default="", max_length=32)
    sms_sent_at: datetime | None = _moment(nullable=True)
    misses: int = 0
    """Wrong mailed codes and SMS codes together."""
    done_at: datetime | None = _moment(nullable=True)
    outcome: str = Field(default="", max_length=12)
    """`completed`, `stopped`, `replaced` or `missed`; empty while it is open."""


class CaptchaChallenge(SQLModel, table=True):
    """A picture or a question that a person has been shown. One answer is looked at."""

    __tablename__ = "captcha"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    subject: str = Field(max_length=48, index=True)
    """What it guards; it is good for nothing else."""
    answer_mac: str = Field(max_length=100)
    created_at: datetime = _moment(index=True)


class Spending(SQLModel, table=True):
    """One unit taken out of a quota: an SMS to a number, a letter, a case opened."""

    __tablename__ = "spending"
    __table_args__ = (Index("ix_spending_subject", "subject", "at"),)

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    subject: str = Field(max_length=120)
    at: datetime = _moment(index=True)


class SupportRequest(SQLModel, table=True):
    """A case of somebody who needs a human."""

    __tablename__ = "support_request"

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    number: str = Field(max_length=12, unique=True)
    pin_mac: str = Field(max_length=100)
    kind: str = Field(max_length=16)
    """`contact` (the form) or `not_me` (a deactivation that its owner stopped)."""
    account_id: str | None = Field(default=None, foreign_key="account.id", max_length=32)
    """The account of that e-mail address, if there is one; whoever asks does not learn it."""
    email: str = Field(max_length=320)
    reach: str = Field(max_length=200)
    """How to reach the person now."""
    story: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(default="open", max_length=16)
    """`open`, `answered` or `closed`."""
    address: str = Field(max_length=64)
    created_at: datetime = _moment()
    due_at: datetime = _moment()
    """When the answer is promised for."""
    changed_at: datetime = _moment()
