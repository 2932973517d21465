"""The audit log: who did what, when, from where, in a chain that shows a changed row.

Each row carries a keyed hash over itself and the row before. Whoever can write to the database
but has no key file cannot mend the chain after a change.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.flows.answers import Visitor
from tui_admin.models import AuditRow
from tui_admin.security.sealed import Keyring, SealError
from tui_admin.security.text import safe

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

PURPOSE = "audit"
_PAGE = 1000
_END = select(AuditRow.seq, AuditRow.mac).order_by(col(AuditRow.seq).desc()).limit(1)
_APPEND = insert(AuditRow)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event on its way into the log. `details` holds no secret."""

    event: str
    account_id: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found: how many rows hold, and the first that does not."""

    rows: int
    broken_at: int | None


async def append(
    db: AsyncSession,
    keyring: Keyring,
    now: datetime,
    visitor: Visitor,
    entries: Iterable[Entry],
) -> None:
    """Add rows to the end of the chain; the caller holds the chain's lock."""
    seq, mac = (await db.exec(_END)).first() or (0, "")
    rows = []
    for entry in entries:
        seq += 1
        details = {
            key: safe(value) if isinstance(value, str) else value
            for key, value in entry.details.items()
        }
        row = {
            "seq": seq,
            "at": now,
            "event": entry.event,
            "account_id": entry.account_id,
            "address": safe(visitor.address, 64),
            "details": json.dumps(details, sort_keys=True, ensure_ascii=True),
            "previous": mac,
        }
        mac = keyring.mac(PURPOSE, _message(row))
        rows.append({**row, "mac": mac})
    await db.exec(_APPEND, params=rows)


async def verify(ctx: Context) -> Verification:
    """Walk the whole chain (`tui-admin audit verify`)."""
    last_seq, last_mac = 0, ""
    while True:
        async with ctx.database.read() as db:
            query = (
                select(AuditRow)
                .where(col(AuditRow.seq) > last_seq)
                .order_by(col(AuditRow.seq))
                .limit(_PAGE)
            )
            rows = (await db.exec(query)).all()
        for row in rows:
            if row.seq != last_seq + 1 or row.previous != last_mac or not _holds(ctx.keyring, row):
                return Verification(last_seq, last_seq + 1)
            last_seq, last_mac = row.seq, row.mac
        if len(rows) < _PAGE:
            return Verification(last_seq, None)


def _holds(keyring: Keyring, row: AuditRow) -> bool:
    try:
        expected = keyring.mac(PURPOSE, _message(row.model_dump()), key_id=row.mac.split(".")[0])
    except SealError:
        return False
    return hmac.compare_digest(expected, row.mac)


def _message(row: dict[str, Any]) -> str:
    """Return what a row's hash covers; JSON keeps the borders between the parts."""
    at = int(row["at"].timestamp() * 1_000_000)
    names = ("event", "account_id", "address", "details", "previous")
    return json.dumps([row["seq"], at, *(row[name] for name in names)])
