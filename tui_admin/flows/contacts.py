"""Contacts: the phone and e-mail address that letters and codes go to.

A number counts only once it is verified (S19). While a verified one is in force, a new one waits
beside it, so that a typing mistake never cuts the way back in.
"""

from __future__ import annotations

from tui_admin.errors import FieldError
from tui_admin.flows import sessions
from tui_admin.flows.answers import Token, Visitor
from tui_admin.flows.context import Context, Transaction
from tui_admin.flows.identity import proven
from tui_admin.i18n import _
from tui_admin.models import Account, OldContact
from tui_admin.security.text import canonical_phone


async def change_phone(
    ctx: Context, visitor: Visitor, token: Token, typed: str, password: str, code: str
) -> None:
    """Note a new phone number, to be verified; the one in force takes a waiting one back.

    Raises: what `identity.proven` raises, and
        FieldError: `phone` is not a number, or is the one in force.
    """
    phone = canonical_phone(typed)
    # Looked at before the proof: a form error costs no guess.
    async with ctx.database.read() as db:
        _session, account = await sessions.find(ctx, db, token)
        if phone == account.phone and not account.new_phone:
            raise FieldError("phone", _("This is the number you have."))
    async with proven(ctx, visitor, token, password, code) as proof:
        account = proof.account
        if phone == account.phone:
            account.new_phone = ""  # the number in force, typed again, takes the waiting one back
        elif account.phone_verified_at is None:
            account.phone = phone
        else:
            account.new_phone = phone
        proof.tx.record("phone.changed", account.id)
        await proof.tx.tell_everywhere(account, "phone.changed")


def replace_phone(tx: Transaction, account: Account, phone: str) -> None:
    """Put another number into force; the one before still hears of changes for a while."""
    if account.phone and account.phone_verified_at is not None:
        tx.db.add(
            OldContact(
                account_id=account.id, channel="sms", value=account.phone, replaced_at=tx.now
            )
        )
    account.phone, account.new_phone = phone, ""
