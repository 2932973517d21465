"""Outbox delivery, lost device, contact form"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

_FILLED: dict[str, tuple[sa.types.TypeEngine[Any], str]] = {
    "timezone": (sa.String(length=64), "''"),
    "sealed_key": (sa.Text(), "''"),
    "due_at": (sa.DateTime(timezone=True), "'1970-01-01 00:00:00'"),
    "attempts": (sa.Integer(), "0"),
    "lease_owner": (sa.String(length=32), "''"),
    "outcome": (sa.String(length=8), "''"),
    "last_error": (sa.String(length=200), "''"),
}
"""Columns that the letters which wait already get a value for; they are due at once."""


def upgrade() -> None:
    with op.batch_alter_table("outbox") as batch:
        for name, (kind, value) in _FILLED.items():
            batch.add_column(sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
        for name in ("expires_at", "lease_until", "done_at"):
            batch.add_column(sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("outbox") as batch:
        for name, (kind, _value) in _FILLED.items():
            batch.alter_column(
                name, existing_type=kind, existing_nullable=False, server_default=None
            )
        batch.create_index("ix_outbox_waiting", ["done_at", "due_at"], unique=False)
    op.create_table(
        "captcha",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=48), nullable=False),
        sa.Column("answer_mac", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_captcha_created_at", "captcha", ["created_at"], unique=False)
    op.create_index("ix_captcha_subject", "captcha", ["subject"], unique=False)

    op.create_table(
        "spending",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_spending_at", "spending", ["at"], unique=False)
    op.create_index("ix_spending_subject", "spending", ["subject", "at"], unique=False)

    op.create_table(
        "deactivation_request",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("wizard_hash", sa.String(length=64), nullable=False),
        sa.Column("link_hash", sa.String(length=64), nullable=False),
        sa.Column("stop_hash", sa.String(length=64), nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mail_letter_id", sa.String(length=32), nullable=False),
        sa.Column("mail_sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("email_proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sms_letter_id", sa.String(length=32), nullable=False),
        sa.Column("sms_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("link_hash"),
        sa.UniqueConstraint("stop_hash"),
        sa.UniqueConstraint("wizard_hash"),
    )
    op.create_index(
        "ix_deactivation_request_account_id", "deactivation_request", ["account_id"], unique=False
    )

    op.create_table(
        "old_contact",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_old_contact_account_id", "old_contact", ["account_id"], unique=False)

    op.create_table(
        "support_request",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("pin_mac", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.String(length=32), nullable=True),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("reach", sa.String(length=200), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
