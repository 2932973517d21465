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

    id: str = Field(default_factory=new_id, primary_key=True, max_length=32)
    account_id: str = Field(foreign_key="account.id", index=True, max_length=32)
    channel: str = Field(max_length=8)
    """`email` or `sms`."""
    recipient: str = Field(max_length=320)
    template: str = Field(max_length=48)
    language: str = Field(default="", max_length=16)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """What the template is filled with. Never a secret that the recipient is not to have."""
    created_at: datetime = _moment()
