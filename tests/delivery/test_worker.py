"""The worker: what it takes, what it makes of failures, how it shares, and how it ends."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.console import Console
from tests.support.gateway import Gateway
from tests.support.mailbox import FaultyServer, Mailbox
from tests.support.outbox import Basket, letters, the_letter, until, with_ways, worker, write
from tui_admin.database import StorageError
from tui_admin.delivery import email as email_module
from tui_admin.delivery import outbox as outbox_module
from tui_admin.delivery.claims import KEEP
from tui_admin.delivery.letters import rendering
from tui_admin.delivery.outbox import Worker
from tui_admin.delivery.pacing import LEASE, MOST_TRIES, REST_S, SEND_S, pause_s
from tui_admin.delivery.senders import Made, PermanentFailure, SetUpWrongly, TemporaryFailure
from tui_admin.models import Letter
from tui_admin.wiring import make_worker, open_context

CODE = {"code": "ABCDE-FGHJK", "link": "a" * 26, "stop": "b" * 26}


def mail_facts(console: Console) -> dict[str, Any]:
    """What a deactivation letter says besides its codes."""
    now = console.clock.now()
    until_then = now + timedelta(minutes=5)
    return {
        "secrets": CODE,
        "expires_at": until_then,
        "asked_from": "192.0.2.10",
        "terminal": "xterm",
        "asked_at": now.isoformat(),
        "expires_at_utc": until_then.isoformat(),
    }


async def test_letters_really_arrive(console: Console) -> None:
    """O1, O2: what a flow wrote goes out by SMTP and by HTTP, once, and is marked as sent."""
    alice = await console.customer()
    async with Mailbox() as mailbox:
        with Gateway() as gateway:
            url = f"smtp://127.0.0.1:{mailbox.port}"
            ctx = with_ways(console, smtp_url=url, sms_url=gateway.url)
            ids = {await write(ctx, alice), await write(ctx, alice, sms=True)}
            work = make_worker(ctx)
            assert await work.deliver_due() == 2
            assert await work.deliver_due() == 0
            await work.close()
            paths = [path for path, _body in gateway.requests]
    assert {*mailbox.letter_ids, paths[0].rpartition("/")[2]} == ids
    assert len(mailbox.messages) == len(paths) == 1
    assert mailbox.messages[0]["To"] == "alice@example.com"
    for letter in await letters(console):
        assert (letter.outcome, letter.attempts, letter.last_error) == ("sent", 1, "")
        assert letter.done_at == console.clock.now()
        assert letter.lease_owner == "" and letter.lease_until is None


async def test_sms_by_email_goes_through_the_mail_server(console: Console) -> None:
    """With `email://` both channels use smtp_url; without smtp_url an SMS waits."""
    alice = await console.customer()
    async with Mailbox() as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}"
        ctx = with_ways(console, smtp_url=url, sms_url="email://{phone}@sms.example.net")
        await write(ctx, alice, sms=True)
        lame = make_worker(with_ways(console, sms_url="email://{phone}@sms.example.net"))
        assert await lame.deliver_due() == 0
        work = make_worker(ctx)
        assert await work.deliver_due() == 1
        await work.close()
    assert mailbox.envelopes[0].rcpt_tos == ["+420603123456@sms.example.net"]


async def test_sealed_parts_are_opened_and_erased(console: Console) -> None:
    """S12, S5: the letter has its code in it; once it is sent, the outbox has it no more."""
    alice = await console.customer()
    basket = Basket()
    await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    assert (await the_letter(console)).sealed_key
    await worker(console.ctx, basket).deliver_due()
    [made] = basket.letters
    assert CODE["code"] in made.text and CODE["link"] in made.text
    assert (await the_letter(console)).sealed_key == ""


async def test_an_expired_letter_is_dropped(console: Console) -> None:
    """O3: a code that is too old is not sent late, its codes are erased, and no try is counted;
    also where its channel is not set up."""
    alice = await console.customer()
    basket = Basket()
    await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    console.clock.turn(300)
    for work in (worker(console.ctx), worker(console.ctx, basket)):
        assert await work.deliver_due() == 0
    letter = await the_letter(console)
    assert (letter.outcome, letter.attempts, letter.sealed_key) == ("expired", 0, "")
    assert basket.letters == []


async def test_a_letter_that_expires_in_hand_is_dropped(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O3: it is looked at once more just before it would be sent."""
    alice = await console.customer()
    basket = Basket()
    await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    make = rendering.make

    def slow(*args: Any) -> Made:
        console.clock.turn(300)
        return make(*args)

    monkeypatch.setattr(rendering, "make", slow)
    await worker(console.ctx, basket).deliver_due()
    letter = await the_letter(console)
    assert (letter.outcome, letter.sealed_key) == ("expired", "")
    assert basket.letters == []


async def test_a_channel_that_is_not_set_up_waits_untouched(console: Console) -> None:
    """Without smtp_url or sms_url, letters wait as they were written."""
    alice = await console.customer()
    await write(console.ctx, alice)
    await write(console.ctx, alice, sms=True)
    before = await letters(console)
    work = make_worker(with_ways(console))
    assert await work.deliver_due() == 0
    assert await letters(console) == before
    basket = Basket()
    assert await worker(console.ctx, basket).deliver_due() == 1
    by_channel = {letter.channel: letter for letter in await letters(console)}
    assert by_channel["email"].outcome == "sent"
    assert (by_channel["sms"].outcome, by_channel["sms"].attempts) == ("", 0)


async def test_an_empty_outbox_is_only_read(console: Console) -> None:
    """Looking takes no write transaction: a hundred consoles that wait disturb nobody."""
    await console.customer()
    begun: list[bool] = []

    def note(connection: Any) -> None:
        begun.append(connection.get_execution_options().get("writes", False))

    engine = console.ctx.database._engine.sync_engine
    event.listen(engine, "begin", note)
    try:
        await worker(console.ctx, Basket(), Basket()).deliver_due()
    finally:
        event.remove(engine, "begin", note)
    assert begun and not any(begun)


async def test_a_temporary_failure_is_tried_again(console: Console) -> None:
    """The pauses double from five seconds to an hour; each try counts; the reason is kept."""
    alice = await console.customer()
    basket = Basket(fails=TemporaryFailure("451 greylisted"))
    await write(console.ctx, alice)
    work = worker(console.ctx, basket)
    waited = []
    for tries in range(1, 13):
        assert await work.deliver_due() == 0
        letter = await the_letter(console)
        assert (letter.attempts, letter.outcome, letter.last_error) == (tries, "", "451 greylisted")
        assert letter.lease_owner == ""
        waited.append((letter.due_at - console.clock.now()).total_seconds())
        assert await work.deliver_due() == 0, "not before its time"
        console.clock.set(letter.due_at)
    assert waited == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    basket.fails = None
    assert await work.deliver_due() == 1
    letter = await the_letter(console)
    assert (letter.outcome, letter.last_error) == ("sent", "")


async def test_a_letter_with_a_code_is_tried_again_soon(console: Console) -> None:
    """Within the minutes that a code lives, there are many tries."""
    alice = await console.customer()
    basket = Basket(fails=TemporaryFailure("451"))
    await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    work, tries = worker(console.ctx, basket), 0
    while not (letter := await the_letter(console)).outcome:
        console.clock.set(max(letter.due_at, console.clock.now()))
        await work.deliver_due()
        tries += 1
    assert letter.outcome == "expired"
    assert letter.attempts >= 10
    assert tries < 30


def test_pauses_add_up_to_two_days() -> None:
    """With jitter or without, a letter is given up on after about two days and not before."""
    for jitter in (0.0, 1.0):
        pauses = [pause_s(n, is_urgent=False, jitter=jitter) for n in range(1, MOST_TRIES)]
        assert all(pause <= 3600 for pause in pauses)
        assert 1.5 * 86400 < sum(pauses) < 3 * 86400
    assert LEASE.total_seconds() > 2 * SEND_S


async def test_a_letter_is_given_up_on(console: Console) -> None:
    """After the last try the letter is failed, the log says so without its contents or address,
    and the operator sees why."""
    alice = await console.customer()
    basket = Basket(fails=TemporaryFailure("451 still no"))
    await write(console.ctx, alice)
    await console.execute("UPDATE outbox SET attempts = :n", n=MOST_TRIES - 1)
    await worker(console.ctx, basket).deliver_due()
    letter = await the_letter(console)
    assert (letter.outcome, letter.last_error) == ("failed", "451 still no")
    row = (await console.audit())[-1]
    assert row.event == "letter.failed" and row.account_id == alice.account_id
    assert json.loads(row.details) == {
        "letter": letter.id,
        "template": "otp.disabled",
        "channel": "email",
        "attempts": MOST_TRIES,
        "why": "given_up",
    }
    assert "alice@example.com" not in row.details


async def test_a_permanent_refusal(console: Console) -> None:
    """O4: one 5xx to the letter is the end of it: failed at once, codes erased, in the log."""
    alice = await console.customer()
    basket = Basket(fails=PermanentFailure("550 no such mailbox"))
    await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    await worker(console.ctx, basket).deliver_due()
    letter = await the_letter(console)
    assert (letter.outcome, letter.attempts, letter.sealed_key) == ("failed", 1, "")
    assert json.loads((await console.audit())[-1].details)["why"] == "refused"


async def test_a_wrong_setting_burns_no_letter(console: Console) -> None:
    """While the way out is set up wrongly, letters wait, their tries uncounted, the reason seen."""
    alice = await console.customer()
    seen: list[Made] = []
    wrong = SetUpWrongly("sms_url is not a URL that Apprise understands")
    basket = Basket(fails=wrong, before=seen.append)
    await write(console.ctx, alice, sms=True)
    work = worker(console.ctx, sms=basket)
    for _turn in range(MOST_TRIES + 5):
        await work.deliver_due()
        letter = await the_letter(console)
        assert (letter.outcome, letter.attempts) == ("", 0)
        assert "Apprise" in letter.last_error
        console.clock.set(letter.due_at)
    assert len(seen) == MOST_TRIES + 5
    basket.fails = None
    assert await work.deliver_due() == 1


async def test_a_way_that_is_set_up_wrongly_is_left_alone(console: Console) -> None:
    """A mail server that refuses the password is asked once a minute, however many letters come."""
    alice = await console.customer()
    seen: list[Made] = []
    basket = Basket(fails=SetUpWrongly("535"), before=seen.append)
    work = worker(console.ctx, basket)
    for _letter in range(5):
        await write(console.ctx, alice)
        await work.deliver_due()
        console.clock.turn(5)
    assert len(seen) == 1
    console.clock.turn(REST_S)
    await work.deliver_due()
    assert len(seen) == 2


async def test_a_server_that_is_down_costs_one_letter_a_look(console: Console) -> None:
    """A queue of letters is not led through one time-out each."""
    alice = await console.customer()
    basket = Basket(fails=TemporaryFailure("down", is_service=True))
    for _number in range(4):
        await write(console.ctx, alice)
    await worker(console.ctx, basket).deliver_due()
    assert sorted(letter.attempts for letter in await letters(console)) == [0, 0, 0, 1]


async def test_what_cannot_be_opened_or_made_stops_nobody(console: Console) -> None:
    """A sealed part of another row, an unknown template, a missing fact: each is given up on, with
    a line in the log, and the letter behind them goes out."""
    alice = await console.customer()
    basket = Basket()
    broken = await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    other = await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    await console.execute(
        "UPDATE outbox SET sealed_key = (SELECT sealed_key FROM outbox WHERE id = :o) "
        "WHERE id = :i",
        i=broken,
        o=other,
    )
    await write(console.ctx, alice, "no.such.template")
    await write(console.ctx, alice, "support.opened")
    await write(console.ctx, alice, "recovery.sms", sms=True)
    good = await write(console.ctx, alice)
    assert await worker(console.ctx, basket, basket).deliver_due() == 2
    assert [made.id for made in basket.letters] == [other, good]
    failed = [row for row in await console.audit() if row.event == "letter.failed"]
    assert [json.loads(row.details)["why"] for row in failed] == ["unreadable"] * 4


async def test_codes_go_first(console: Console) -> None:
    """Behind a long queue a code would be of no use, so what expires overtakes it."""
    alice = await console.customer()
    basket = Basket()
    for _number in range(3):
        await write(console.ctx, alice)
    console.clock.turn(1)
    urgent = await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    await worker(console.ctx, basket).deliver_due()
    assert basket.letters[0].id == urgent and len(basket.letters) == 4


async def test_a_reason_tells_no_code(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    """S25: a server that quotes the letter puts no code into the database, the log or `repr`."""
    alice = await console.customer()
    await write(console.ctx, alice, "recovery.mail", **mail_facts(console))
    server = FaultyServer(body=f"451 I read {CODE['code']} and recover-{CODE['link']}\x1b[31m")
    async with server:
        ctx = with_ways(console, smtp_url=f"smtp://127.0.0.1:{server.port}")
        work = make_worker(ctx)
        with caplog.at_level(logging.DEBUG):
            await work.deliver_due()
        await work.close()
    letter = await the_letter(console)
    assert "451" in letter.last_error and "\x1b" not in letter.last_error
    for secret in CODE.values():
        assert secret not in letter.last_error
        assert not [
            record
            for record in caplog.records
            if record.name.startswith("tui_admin") and secret in record.getMessage()
        ]


async def test_several_workers_share(console: Console) -> None:
    """O2: with nothing failing, each letter is sent once, whichever of the workers takes it."""
    alice = await console.customer()
    ids = [await write(console.ctx, alice) for _number in range(30)]
    met = asyncio.Barrier(3)

    async def together(_made: Made) -> None:
        # Each worker holds its first letter until all three have one.
        if not any(basket.letters for basket in baskets):
            async with asyncio.timeout(20):
                await met.wait()

    baskets = [Basket(before=together) for _number in range(3)]
    others = [console.ctx, *[await console.second_process() for _number in range(2)]]
    workers = [worker(ctx, basket) for ctx, basket in zip(others, baskets, strict=True)]
    sent = await asyncio.gather(*(work.deliver_due() for work in workers))
    assert sum(sent) == 30
    assert sorted(made.id for basket in baskets for made in basket.letters) == sorted(ids)
    assert all(basket.letters for basket in baskets), "all of them work"


async def test_a_lease_keeps_others_away_and_ends(console: Console) -> None:
    """O2: a letter in hand is nobody else's; once the lease is over it is, and the first owner's
    mark counts no more."""
    alice = await console.customer()
    held, go = asyncio.Event(), asyncio.Event()

    async def stop(_made: Made) -> None:
        held.set()
        await go.wait()

    slow, quick = Basket(before=stop), Basket(fails=TemporaryFailure("451"))
    await write(console.ctx, alice)
    first = asyncio.create_task(worker(console.ctx, slow).deliver_due())
    await held.wait()
    second = worker(console.ctx, quick)
    console.clock.turn(LEASE.total_seconds() - 1)
    await second.deliver_due()
    assert (await the_letter(console)).attempts == 1
    console.clock.turn(1)
    await second.deliver_due()
    assert (await the_letter(console)).attempts == 2
    go.set()
    await first
    letter = await the_letter(console)
    assert (letter.outcome, letter.last_error) == ("", "451"), "the lease was not its own any more"


async def test_a_clock_that_is_set_back(console: Console) -> None:
    """A lease from a future that is not any more holds nothing up."""
    alice = await console.customer()
    basket = Basket()
    await write(console.ctx, alice)
    far = console.clock.now() + timedelta(days=400)
    async with console.ctx.database.write() as db:
        letter = await db.get(Letter, (await the_letter(console)).id)
        assert letter is not None
        letter.lease_owner, letter.lease_until = "x", far
    assert await worker(console.ctx, basket).deliver_due() == 1


async def test_the_bell_wakes_it(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """A letter goes out when it is committed, not at the next look."""
    monkeypatch.setattr(outbox_module, "POLL_S", 3600)
    alice = await console.customer()
    basket = Basket()
    work = worker(console.ctx, basket, basket)
    work.start()
    for number in range(1, 4):
        await write(console.ctx, alice)
        await until(lambda number=number: len(basket.letters) == number)  # type: ignore[misc]
    await work.close()
    assert basket.is_closed


async def test_other_processes_letters_are_found(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process wrote, whose bell rings elsewhere, is found by looking."""
    monkeypatch.setattr(outbox_module, "POLL_S", 0.02)
    alice = await console.customer()
    basket = Basket()
    work = worker(console.ctx, basket)
    work.start()
    await write(await console.second_process(), alice)
    await until(lambda: bool(basket.letters))
    await work.close()


async def test_an_sms_does_not_wait_for_a_mail_server_that_hangs(console: Console) -> None:
    """Each channel has a lane of its own."""
    alice = await console.customer()
    is_stuck = asyncio.Event()

    async def hang(_made: Made) -> None:
        is_stuck.set()
        await asyncio.Event().wait()

    stuck, basket = Basket(before=hang), Basket()
    work = worker(console.ctx, stuck, basket)
    work.start()
    await write(console.ctx, alice)
    await is_stuck.wait()
    await write(console.ctx, alice, sms=True)
    await until(lambda: bool(basket.letters))
    work._task.cancel()  # type: ignore[union-attr]
    await work.close()


async def test_a_hanging_sender_is_cut_short(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a sender does, a try ends well before its lease."""
    monkeypatch.setattr(outbox_module, "SEND_S", 0.05)
    alice = await console.customer()
    await write(console.ctx, alice)
    await worker(console.ctx, Basket(before=lambda _made: asyncio.Event().wait())).deliver_due()
    letter = await the_letter(console)
    assert (letter.outcome, letter.attempts) == ("", 1)
    assert "time" in letter.last_error


async def test_a_fault_in_a_sender_is_no_answer(console: Console) -> None:
    """S29: an exception that nobody expected is tried again, and ends nothing."""
    alice = await console.customer()
    await write(console.ctx, alice)
    await worker(console.ctx, Basket(fails=ZeroDivisionError("x"))).deliver_due()
    letter = await the_letter(console)
    assert (letter.outcome, letter.last_error) == ("", "a fault: ZeroDivisionError")


async def test_the_database_goes_away_after_the_send(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O2: what was sent is marked once the database is back; it is not sent once more."""
    monkeypatch.setattr("tui_admin.database.BUSY_TIMEOUT_S", 0.1)
    alice = await console.customer()
    basket = Basket()
    await write(console.ctx, alice)
    work = worker(console.ctx, basket)
    turn = work._claims.turn
    failures: list[int] = []

    async def away(channel: str, tried: Any, **more: Any) -> Any:
        if tried is not None and len(failures) < 2:
            failures.append(1)
            raise StorageError
        return await turn(channel, tried, **more)

    monkeypatch.setattr(work._claims, "turn", away)
    assert await work.deliver_due() == 1
    assert len(failures) == 2
    assert (await the_letter(console)).outcome == "sent"
    assert len(basket.letters) == 1


async def test_storage_errors_and_faults_do_not_end_it(
    console: Console, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S29: the worker waits a database out, and outlives a fault of its own."""
    monkeypatch.setattr(outbox_module, "POLL_S", 0.01)
    alice = await console.customer()
    basket = Basket()
    work = worker(console.ctx, basket)
    look, errors = work._claims.look, [StorageError(), ZeroDivisionError()]

    async def failing(channel: str) -> tuple[bool, bool]:
        if errors:
            raise errors.pop()
        return await look(channel)

    monkeypatch.setattr(work._claims, "look", failing)
    await write(console.ctx, alice)
    work.start()
    await until(lambda: bool(basket.letters))
    await work.close()
    assert "not available" in caplog.text and "ZeroDivisionError" in caplog.text


async def test_closing_delivers_what_is_due(console: Console) -> None:
    """Whoever leaves right after a change may run the only worker: its letters still go out."""
    alice = await console.customer()
    basket = Basket()
    work = worker(console.ctx, basket, basket)
    work.start()
    for sms in (False, True):
        await write(console.ctx, alice, sms=sms)
    await work.close()
    assert len(basket.letters) == 2
    assert {letter.outcome for letter in await letters(console)} == {"sent"}


async def test_closing_does_not_wait_for_ever(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs holds nobody up for long, and the letter is free at once for others."""
    monkeypatch.setattr(outbox_module, "CLOSE_S", 0.1)
    alice = await console.customer()
    stuck = Basket(before=lambda _made: asyncio.Event().wait())
    work = worker(console.ctx, stuck)
    work.start()
    await write(console.ctx, alice)
    async with asyncio.timeout(60):
        await work.close()
    letter = await the_letter(console)
    assert (letter.outcome, letter.lease_owner, letter.lease_until) == ("", "", None)
    basket = Basket()
    assert await worker(console.ctx, basket).deliver_due() == 1


async def test_the_console_delivers(console: Console) -> None:
    """`open_context(deliver=True)` works in the background until it is closed."""
    alice = await console.customer()
    async with Mailbox() as mailbox:
        settings = console.settings.model_copy(
            update={"smtp_url": f"smtp://127.0.0.1:{mailbox.port}"}
        )
        ctx = await open_context(settings, console.clock, deliver=True)
        await write(ctx, alice)
        await ctx.close()
        assert len(mailbox.messages) == 1
    assert (await the_letter(console)).outcome == "sent"


async def test_no_mail_server_closes_in_time(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a mail server that does not answer, a console still closes within seconds."""
    monkeypatch.setattr(outbox_module, "CLOSE_S", 0.2)
    alice = await console.customer()
    async with FaultyServer(greeting="hang") as server:
        settings = console.settings.model_copy(
            update={"smtp_url": f"smtp://127.0.0.1:{server.port}"}
        )
        ctx = await open_context(settings, console.clock, deliver=True)
        await write(ctx, alice)
        async with asyncio.timeout(email_module.CONNECT_S / 2):
            await ctx.close()
    assert (await the_letter(console)).outcome == ""


async def test_old_letters_are_deleted(console: Console) -> None:
    """What was done with a month ago goes; what waits stays, however old it is."""
    alice = await console.customer()
    await write(console.ctx, alice)
    await write(console.ctx, alice, sms=True)
    work = worker(console.ctx, Basket())
    await work.deliver_due()
    console.clock.turn(KEEP.total_seconds())
    await work.deliver_due()
    assert len(await letters(console)) == 2
    console.clock.turn(86400)
    await work.deliver_due()
    [left] = await letters(console)
    assert left.channel == "sms"


async def test_a_worker_that_was_never_started_closes(console: Console) -> None:
    """Closing needs no run before it."""
    work: Worker = make_worker(console.ctx)
    await work.close()
