"""`tui-admin outbox`."""

from __future__ import annotations

import asyncio

from tests.cli.conftest import Call, Shell
from tests.support.console import opened
from tests.support.outbox import Basket, worker, write
from tui_admin.config import Settings
from tui_admin.delivery.senders import PermanentFailure


def fill(settings: Settings) -> list[str]:
    """Write a refused notice, a refused code and a waiting SMS; return their ids."""

    async def run() -> list[str]:
        async with opened(settings) as console:
            alice = await console.customer()
            ids = [
                await write(console.ctx, alice),
                await write(console.ctx, alice, "recovery.mail", secrets={"code": "x"}),
                await write(console.ctx, alice, sms=True),
            ]
            basket = Basket(fails=PermanentFailure("550 no \x1b]0;x\x07 mailbox"))
            await worker(console.ctx, basket).deliver_due()
            return ids

    return asyncio.run(run())


def test_list(shell: Shell, call: Call, settings: Settings) -> None:
    """Addresses stand in full, states and reasons are told, and no byte acts on a terminal."""
    assert call(shell, "outbox", "list").text == "There are no letters.\n"
    failed, _coded, waiting = fill(settings)
    ended = call(shell, "outbox", "list")
    assert ended.code == 0
    [line] = [line for line in ended.text.splitlines() if failed in line]
    for word in ("alice@example.com", "failed", "otp.disabled", "550 no"):
        assert word in line
    assert b"\x1b" not in ended.out and b"\x07" not in ended.out
    rows = call(shell, "outbox", "list", "--json").json
    assert {row["state"] for row in rows} == {"failed", "waiting"}
    [row] = call(shell, "outbox", "list", "--state", "waiting", "--json").json
    assert row["id"] == waiting and row["recipient"] == "+420603123456"
    assert row["attempts"] == 0 and row["created_at"] == "2030-01-15T12:00:00Z"


def test_retry(shell: Shell, call: Call, settings: Settings) -> None:
    """One letter, or all that failed; what cannot be sent is refused with a sentence."""
    failed, coded, waiting = fill(settings)
    refused = call(shell, "outbox", "retry", coded)
    assert refused.code == 1 and "erased" in refused.sentence
    assert "still waits" in call(shell, "outbox", "retry", waiting).sentence
    assert call(shell, "outbox", "retry", "0" * 32).code == 1
    done = call(shell, "outbox", "retry", failed)
    assert done.text == "1 letter waits again.\n"
    again = call(shell, "outbox", "retry", "--failed", "--json")
    assert again.json == {"retried": 0, "left": 1}
    assert call(shell, "audit", "verify").code == 0


def test_wrong_usage(shell: Shell, call: Call) -> None:
    """A state that does not exist, no letter, and a letter besides --failed end with 2."""
    for arguments in (("list", "--state", "lost"), ("retry",), ("retry", "0" * 32, "--failed")):
        assert call(shell, "outbox", *arguments).code == 2
