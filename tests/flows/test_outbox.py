"""The outbox as its operator handles it."""

from __future__ import annotations

import json

import pytest

from tests.support.console import Console
from tests.support.outbox import Basket, letters, the_letter, worker, write
from tui_admin.delivery.senders import PermanentFailure
from tui_admin.errors import FieldError, NotFoundError
from tui_admin.flows import outbox
from tui_admin.flows.outbox import ErasedError, NotFailedError


async def fail(console: Console, *, sms: bool = False) -> None:
    """Let every letter that is due be refused."""
    basket = Basket(fails=PermanentFailure("550 no \x1b[31msuch mailbox"))
    work = worker(console.ctx, email=None if sms else basket, sms=basket if sms else None)
    await work.deliver_due()


async def test_the_list_shows_states_and_no_contents(console: Console) -> None:
    """S25: who, what, when and why not, made safe; by state, the oldest first."""
    alice = await console.customer()
    await write(console.ctx, alice, secrets={"code": "ABCDE-FGHJK"}, note="hidden")
    await fail(console)
    console.clock.turn(60)
    await write(console.ctx, alice, sms=True)
    failed, waiting = await outbox.listing(console.ctx)
    assert (failed.outcome, waiting.outcome) == ("failed", "")
    assert failed.recipient == "alice@example.com" and waiting.recipient == "+420603123456"
    assert failed.last_error == "550 no \ufffd[31msuch mailbox"
    assert await outbox.listing(console.ctx, "failed") == [failed]
    assert await outbox.listing(console.ctx, "waiting") == [waiting]
    assert await outbox.listing(console.ctx, "sent") == []
    assert "ABCDE" not in repr(failed) and "hidden" not in repr(failed)
    with pytest.raises(FieldError):
        await outbox.listing(console.ctx, "lost")


async def test_a_failed_letter_is_tried_again(console: Console) -> None:
    """It waits as if it had never been tried, the log says so, and it goes out."""
    alice = await console.customer()
    letter_id = await write(console.ctx, alice)
    await fail(console)
    view = await outbox.retry(console.ctx, letter_id)
    assert (view.outcome, view.attempts, view.last_error) == ("", 0, "")
    row = (await console.audit())[-1]
    assert row.event == "letter.retried" and json.loads(row.details)["letter"] == letter_id
    basket = Basket()
    assert await worker(console.ctx, basket).deliver_due() == 1
    assert basket.letters[0].id == letter_id, "under the same Message-ID"


async def test_what_is_not_failed_is_refused(console: Console) -> None:
    """Sent and expired letters are not sent again, a waiting one needs no help, and there is no
    letter of another id."""
    alice = await console.customer()
    waiting = await write(console.ctx, alice, sms=True)
    sent = await write(console.ctx, alice)
    await worker(console.ctx, Basket()).deliver_due()
    expired = await write(console.ctx, alice, expires_at=console.clock.now())
    await worker(console.ctx, Basket()).deliver_due()
    sentences = set()
    for letter_id in (waiting, sent, expired):
        with pytest.raises(NotFailedError) as caught:
            await outbox.retry(console.ctx, letter_id)
        sentences.add(caught.value.sentence)
    assert len(sentences) == 3
    for nobody in ("f" * 32, "x\x00", "", "%"):
        with pytest.raises(NotFoundError):
            await outbox.retry(console.ctx, nobody)
    assert "letter.retried" not in await console.events()


async def test_erased_codes_cannot_be_sent(console: Console) -> None:
    """A letter whose code was erased is refused with a sentence, alone and among the others."""
    alice = await console.customer()
    coded = await write(console.ctx, alice, "recovery.sms", sms=True, secrets={"code": "123456"})
    plain = await write(console.ctx, alice, sms=True)
    await fail(console, sms=True)
    with pytest.raises(ErasedError):
        await outbox.retry(console.ctx, coded)
    assert await outbox.retry_failed(console.ctx) == outbox.Retried(1, 1)
    states = {letter.id: letter.outcome for letter in await letters(console)}
    assert states == {coded: "failed", plain: ""}


async def test_numbers_for_the_doctor(console: Console) -> None:
    """What waits, by channel and since when, what failed, and why."""
    alice = await console.customer()
    assert await outbox.survey(console.ctx) == outbox.OutboxView({}, 0, None, "")
    await write(console.ctx, alice)
    await fail(console)
    began = console.clock.now()
    await write(console.ctx, alice, sms=True)
    console.clock.turn(60)
    await write(console.ctx, alice, sms=True)
    assert await outbox.survey(console.ctx) == outbox.OutboxView({"sms": 2}, 1, began, "")


async def test_a_retry_rings_the_bell(console: Console) -> None:
    """The worker of this process learns of it at once."""
    alice = await console.customer()
    letter_id = await write(console.ctx, alice)
    await fail(console)
    await console.ctx.bell.wait(0)
    await outbox.retry(console.ctx, letter_id)
    assert console.ctx.bell._event.is_set()
    assert (await the_letter(console)).outcome == ""
