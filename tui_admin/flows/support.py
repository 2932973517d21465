"""Support requests: the way to a human for people who lost e-mail or phone too."""

from __future__ import annotations

from tui_admin.flows.context import Context, Transaction
from tui_admin.models import Account


async def open_not_me(
    ctx: Context, tx: Transaction, account: Account, *, was_completed: bool
) -> None:
    """Open a case for staff: the owner says that somebody else asked to switch OTP off."""
