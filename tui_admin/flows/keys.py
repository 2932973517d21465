"""Rotation: a fresh master key comes into use, and what older ones have sealed is sealed anew.

The key file is written first and keeps every old key, then the values follow in short
transactions. So whatever moment it is cut short at, each value opens with a key of the file, and
processes that are up meanwhile read the file again (`security.sealed`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col, func, not_, select

from tui_admin.errors import ConsoleError, UnavailableError
from tui_admin.flows import activation, deactivation, factors
from tui_admin.flows.accounts import OPERATOR
from tui_admin.flows.context import Context, Transaction, letter_place
from tui_admin.i18n import _
from tui_admin.models import DeactivationRequest, Device, Letter, PendingKey
from tui_admin.security.sealed import SealError, add_key

BATCH = 200
"""Rows of one transaction; sign-ins wait for it, so it is short."""

_SealedRow = type[Device] | type[PendingKey] | type[DeactivationRequest] | type[Letter]
_PLACES: dict[_SealedRow, Callable[[str, str], str]] = {
    Device: factors.key_place,
    PendingKey: activation.pending_place,
    DeactivationRequest: deactivation.request_place,
    Letter: letter_place,
}
"""Every table with sealed values, and what ties a value to its row. An empty one is none."""


class RotationUnfinishedError(UnavailableError):
    """The new key is in the file, and not everything was sealed with it. All stays readable."""

    code = "rotation_unfinished"

    def __init__(self, key_id: str, why: ConsoleError) -> None:
        super().__init__(key_id)
        self.key_id = key_id
        self._why = why

    @property
    def sentence(self) -> str:
        return _(
            "The new key is in the key file, but some values are still sealed with an older one; "
            "all stay readable. Finish with: tui-admin keys rotate --reseal-only ({why})"
        ).format(why=self._why.sentence)


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many values are now sealed with the key in use, and how many no key opens."""

    devices: int
    pending_keys: int
    unreadable: int
    requests: int = 0
    letters: int = 0


@dataclass(frozen=True, slots=True)
class Rotation:
    """What `rotate` did. `key_id` names the new key; it is no secret."""

    key_id: str
    resealed: Resealed


@dataclass(frozen=True, slots=True)
class Survey:
    """How many sealed values belong to which key."""

    current: int
    older: int
    unknown: int
    """Sealed with a key that is not in the key file: nobody can use these."""


async def rotate(ctx: Context) -> Rotation:
    """Put a fresh key into use and re-seal every value; the old keys stay in the file.

    Recovery codes and the audit chain cannot be made anew: their hashes need the old keys.

    Raises:
        StartError: the key file cannot be read or written; nothing was changed.
        StorageError: the database cannot be written; nothing was changed.
        RotationUnfinishedError: the key is in the file; `reseal` does what is left.
    """
    key_id = ""
    try:
        async with ctx.write(OPERATOR) as tx:
            # The database is held before the file is touched: what cannot be recorded is not begun.
            await tx.db.connection()
            await ctx.database.lock(tx.db, "keys")
            keyring = add_key(ctx.settings.key_path)
            key_id = keyring.current_id
            ctx.keyring.adopt(keyring.keys)
            tx.record("keys.rotated", key=key_id)
        return Rotation(key_id, await reseal(ctx))
    except ConsoleError as error:
        if not key_id:
            raise
        raise RotationUnfinishedError(key_id, error) from error


async def reseal(ctx: Context) -> Resealed:
    """Seal with the key in use whatever an older one has sealed; may be cut short and repeated.

    A value that no key opens is left as it is and counted: it belongs to a lost key, or was
    changed, and the others shall not wait for it.
    """
    ctx.keyring.refresh()
    done = {table: await _reseal_table(ctx, table) for table in _PLACES}
    return Resealed(
        devices=done[Device][0],
        pending_keys=done[PendingKey][0],
        unreadable=sum(lost for _resealed, lost in done.values()),
        requests=done[DeactivationRequest][0],
        letters=done[Letter][0],
    )


async def survey(ctx: Context) -> Survey:
    """Count the sealed values by key; opens none."""
    ctx.keyring.refresh()
    current = older = total = 0
    async with ctx.database.read() as db:
        for table in _PLACES:
            sealed = select(func.count()).select_from(table).where(col(table.sealed_key) != "")
            total += (await db.exec(sealed)).one()
            for key in ctx.keyring.keys:
                mine = col(table.sealed_key).startswith(_prefix(key.id))
                count = (await db.exec(select(func.count()).select_from(table).where(mine))).one()
                if key.id == ctx.keyring.current_id:
                    current += count
                else:
                    older += count
    return Survey(current, older, total - current - older)


async def _reseal_table(ctx: Context, table: _SealedRow) -> tuple[int, int]:
    resealed = unreadable = 0
    last_id: str | None = ""
    while last_id is not None:
        async with ctx.write(OPERATOR) as tx:
            done, lost, last_id = await _reseal_batch(ctx, tx, table, last_id)
            if done or lost:
                name = str(table.__tablename__)
                tx.record("keys.resealed", table=name, resealed=done, unreadable=lost)
        resealed, unreadable = resealed + done, unreadable + lost
    return resealed, unreadable


async def _reseal_batch(
    ctx: Context, tx: Transaction, table: _SealedRow, after_id: str
) -> tuple[int, int, str | None]:
    """Re-seal the next rows; return how many, how many do not open, and the last id if any."""
    query = (
        select(table.id, table.account_id, table.sealed_key)
        .where(
            col(table.id) > after_id,
            col(table.sealed_key) != "",
            not_(col(table.sealed_key).startswith(_prefix(ctx.keyring.current_id))),
        )
        .order_by(col(table.id))
        .limit(BATCH)
    )
    rows = (await tx.db.exec(query)).all()
    done = lost = 0
    for row_id, account_id, sealed in rows:
        place = _PLACES[table](account_id, row_id)
        try:
            fresh = ctx.keyring.seal(ctx.keyring.open(sealed, place=place), place=place)
        except SealError:
            lost += 1
            continue
        # Only the value that was read is replaced; a row that is gone by now stays gone.
        statement = (
            update(table)
            .where(col(table.id) == row_id, col(table.sealed_key) == sealed)
            .values(sealed_key=fresh)
            .returning(col(table.id))
        )
        done += (await tx.db.exec(statement)).first() is not None
    return done, lost, rows[-1][0] if rows else None


def _prefix(key_id: str) -> str:
    return f"1.{key_id}."
