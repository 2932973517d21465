"""A guesser who is stopped goes on from somewhere else, under another name, or at another door.

FileRise counted per session (CVE-2026-103977), RubyGems per address only (GHSA-c55g-q6f4-5qxr),
Authelia counted name and e-mail address apart (CVE-2025-24806), Zitadel had no limit at its other
door (CVE-2025-64102), AVideo's limiter lost to a race (CVE-2026-92583).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.console import (
    HOME,
    PASSWORD,
    STRANGER,
    Console,
    attempt,
    kinds,
    outcomes,
)
from tui_admin.errors import (
    FactorBlockedError,
    LimitedError,
    WrongCodeError,
    WrongCredentialsError,
    WrongPasswordError,
    WrongRecoveryCodeError,
)
from tui_admin.flows import (
    accounts,
    activation,
    contacts,
    devices,
    limits,
    recovery_codes,
    sign_in,
)
from tui_admin.flows.answers import ActivationFailed, SignedIn, Visitor
from tui_admin.flows.context import Context

WRONG = "not the password 1"


def somewhere(n: int) -> Visitor:
    """Return a visitor from an address of its own."""
    return Visitor(f"203.0.{n // 250}.{n % 250 + 1}")


async def guess(ctx: Context, name: str, visitor: Visitor) -> object:
    return await attempt(sign_in.password(ctx, visitor, name, WRONG))


async def test_another_address_gives_no_fresh_guesses(console: Console) -> None:
    """S8, GHSA-c55g-q6f4-5qxr: an account takes five wrong passwords in five minutes, each from
    an address of its own, and then not even the right one from yet another."""
    await console.customer()
    results = [await guess(console.ctx, "alice", somewhere(n)) for n in range(9)]
    assert kinds(results) == {"WrongCredentialsError": 5, "LimitedError": 4}
    got = await attempt(sign_in.password(console.ctx, somewhere(99), "alice", PASSWORD))
    assert isinstance(got, LimitedError)
    assert 0 < got.retry_after_s <= 300


async def test_an_account_takes_fifty_guesses_a_day(console: Console) -> None:
    """S8: whoever tries all day, from ever new addresses, gets at most 5 guesses in any five
    minutes, 20 in any hour and 50 in any day, restarts included."""
    await console.customer()
    at: list[int] = []
    n = 0
    for round_ in range(56):
        if round_ == 28:  # the day's count is full long ago
            await console.reopen()
            console.clock.turn(19 * 3600)
        for _ in range(6):
            n += 1
            if isinstance(await guess(console.ctx, "alice", somewhere(n)), LimitedError):
                break
            at.append(console.clock.unix_s)
        console.clock.turn(601)
    for span_s, most in ((300, 5), (3600, 20), (86_400, 50)):
        found = max(sum(start <= other < start + span_s for other in at) for start in at)
        assert found == most
    assert 90 <= len(at) <= 100


async def test_another_name_gives_no_fresh_guesses(console: Console) -> None:
    """S8: an address takes 10 guesses in five minutes and 50 in an hour, each at a name of its
    own, known or not."""
    await console.customer()
    at: list[int] = []
    for _ in range(14):
        for n in range(12):
            name = "alice" if n == 5 else f"somebody{len(at)}"
            if isinstance(await guess(console.ctx, name, STRANGER), LimitedError):
                break
            at.append(console.clock.unix_s)
        console.clock.turn(301)
    for span_s, most in ((300, 10), (3600, 50)):
        assert max(sum(start <= other < start + span_s for other in at) for start in at) == most


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("::ffff:198.51.100.66", "198.51.100.66"),
        ("", "no address at all"),
        ("fe80::1%eth0", "fe80::2%wlan0"),
    ],
)
async def test_one_house_is_one_address(console: Console, first: str, second: str) -> None:
    """S8, S29: an IPv6 /64, an IPv4 address in IPv6 form, and all that cannot be parsed count as
    one address each."""
    for n in range(10):
        await guess(console.ctx, f"somebody{n}", Visitor(first))
    assert isinstance(await guess(console.ctx, "else", Visitor(second)), LimitedError)


async def test_over_all_there_is_a_limit_too(console: Console) -> None:
    """S8: with every guess at another name and from another address, the count over all stops
    them; who comes from an address that the account knows still signs in (S10)."""
    ctx = console.with_settings(limits={"total_5min": 20})
    await console.customer(visitor=HOME)
    await console.sign_in(await console.customer("bob"))
    results = [await guess(ctx, f"somebody{n}", somewhere(n)) for n in range(25)]
    assert kinds(results) == {"WrongCredentialsError": 20, "LimitedError": 5}
    got = await attempt(sign_in.password(ctx, somewhere(77), "bob", PASSWORD))
    assert isinstance(got, LimitedError)
    assert isinstance(await sign_in.password(ctx, HOME, "bob", PASSWORD), SignedIn)


@pytest.mark.parametrize(
    "other_name",
    ["alice@example.com", " ALICE ", "ａｌｉｃｅ", "Alice@Example.COM"],  # noqa: RUF001
)
async def test_one_account_under_two_names(console: Console, other_name: str) -> None:
    """S8, CVE-2025-24806: username, e-mail address, capitals and full-width letters fill one
    count."""
    await console.customer()
    for n in range(4):
        await guess(console.ctx, "alice" if n % 2 else other_name, somewhere(n))
    assert isinstance(await guess(console.ctx, other_name, somewhere(8)), WrongCredentialsError)
    for n, name in enumerate(("alice", other_name)):
        assert isinstance(await guess(console.ctx, name, somewhere(9 + n)), LimitedError)


async def test_a_new_sign_in_or_a_restart_gives_no_fresh_codes(console: Console) -> None:
    """S8, CVE-2026-103977: misses on the code are counted over half-done sign-ins, addresses and
    restarts, and a right password in between resets nothing."""
    alice = await console.customer(otp=True)
    wrong, results = alice.wrong_code(), []
    for n in range(8):
        half = await console.half(alice, somewhere(n))
        results.append(await attempt(sign_in.code(console.ctx, somewhere(n), half, wrong)))
        if n == 3:
            await console.reopen()
    assert kinds(results) == {"WrongCodeError": 5, "LimitedError": 3}


async def test_recovery_codes_and_codes_share_their_guesses(console: Console) -> None:
    """S8: five guesses are five, whichever second factor they are made at."""
    alice = await console.customer(otp=True)
    half, wrong = await console.half(alice, STRANGER), alice.wrong_code()
    results = []
    for n in range(8):
        door = (
            sign_in.code(console.ctx, STRANGER, half, wrong)
            if n % 2
            else sign_in.recovery_code(console.ctx, STRANGER, half, f"0000000{n:03}")
        )
        results.append(await attempt(door))
    assert kinds(results) == {
        "WrongCodeError": 2,
        "WrongRecoveryCodeError": 3,
        "LimitedError": 3,
    }


async def test_the_panel_is_no_second_counter(console: Console) -> None:
    """S8, CVE-2025-64102, CVE-2026-9798: a stolen session gets five passwords over all doors of
    the panel and the sign-in together."""
    alice = await console.customer()
    stolen = await console.sign_in(alice, STRANGER)
    ctx, results = console.ctx, []
    await activation.begin(ctx, STRANGER, stolen)
    for n in range(8):
        if n % 3 == 0:
            results.append(await guess(ctx, "alice", STRANGER))
        elif n % 3 == 1:
            results.append(await attempt(devices.disable(ctx, STRANGER, stolen, WRONG, "000000")))
        else:
            got = await attempt(activation.confirm(ctx, STRANGER, stolen, WRONG, "000000"))
            results.append(got)
    judged = [
        r
        for r in results
        if isinstance(r, WrongCredentialsError | WrongPasswordError | ActivationFailed)
    ]
    assert len(judged) == 5
    assert all(isinstance(r, LimitedError) for r in results[5:])


async def test_typing_back_is_no_place_to_guess(console: Console) -> None:
    """S8: a stolen session gets five guesses at the recovery codes where one is typed back."""
    alice = await console.customer(otp=True)
    stolen = await console.sign_in(alice, STRANGER)
    results = [
        await attempt(recovery_codes.confirm(console.ctx, STRANGER, stolen, f"0000000{n:03}"))
        for n in range(7)
    ]
    assert kinds(results) == {"WrongRecoveryCodeError": 5, "LimitedError": 2}


async def test_a_hundred_passwords_at_once(console: Console) -> None:
    """S9, CVE-2026-92583: of a hundred wrong passwords at the same moment five are hashed."""
    await console.customer()
    ctx, passwords = console.counting()
    results = await outcomes(guess(ctx, "alice", somewhere(n)) for n in range(100))
    assert kinds(results) == {"WrongCredentialsError": 5, "LimitedError": 95}
    assert passwords.checks == 5
    passwords.close()


async def test_a_hundred_names_at_once(console: Console) -> None:
    """S9: of a hundred guesses from one address at the same moment, each at another name, ten are
    hashed."""
    ctx, passwords = console.counting()
    results = await outcomes(guess(ctx, f"somebody{n}", STRANGER) for n in range(100))
    assert kinds(results) == {"WrongCredentialsError": 10, "LimitedError": 90}
    assert passwords.checks == 10
    passwords.close()


async def test_a_hundred_codes_at_once(console: Console) -> None:
    """S9: of a hundred wrong codes at the same moment, over two processes, five are looked at and
    five are counted as misses in a row."""
    alice = await console.customer(otp=True)
    other = await console.second_process()
    half, wrong = await console.half(alice, STRANGER), alice.wrong_code()
    results = await outcomes(
        sign_in.code((console.ctx, other)[n % 2], somewhere(n), half, wrong) for n in range(100)
    )
    assert kinds(results) == {"WrongCodeError": 5, "LimitedError": 95}
    assert (await console.account(alice)).code_misses == 5


async def test_a_hundred_proofs_at_once(console: Console) -> None:
    """S9: of a hundred wrong passwords at the same moment in a live session five are hashed."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice, STRANGER)
    ctx, passwords = console.counting()
    results = await outcomes(
        attempt(devices.disable(ctx, STRANGER, token, WRONG, "000000")) for _ in range(100)
    )
    assert kinds(results) == {"WrongPasswordError": 5, "LimitedError": 95}
    assert passwords.checks == 5
    passwords.close()


async def test_the_hundredth_miss_blocks_the_factor(console: Console) -> None:
    """S8: a hundred wrong codes in a row, over days and addresses, switch codes off at every
    door; the right one is refused then, a restart changes nothing, and a recovery code mends it."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    wide = {"account_5min": 500, "account_1h": 500, "account_1d": 500, "total_5min": 5000}
    ctx = console.with_settings(limits=wide)
    half, wrong = await console.half(alice), alice.wrong_code()
    for n in range(100):
        got = await attempt(sign_in.code(ctx, somewhere(n), half, wrong))
        assert isinstance(got, WrongCodeError)
    await console.reopen()
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, FactorBlockedError)
    got = await attempt(devices.disable(console.ctx, HOME, session, PASSWORD, alice.code()))
    assert isinstance(got, FactorBlockedError)
    assert (await devices.overview(console.ctx, session)).otp_blocked
    got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, "0000000000"))
    assert isinstance(got, WrongRecoveryCodeError)
    await sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[0])
    console.clock.turn(60)
    half = await console.half(alice)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)


async def test_the_operator_unblocks_the_factor(console: Console) -> None:
    """S8: after the hundredth miss `unlock` has codes looked at again; a hit resets the count,
    so that misses over the years do not add up."""
    alice = await console.customer(otp=True)
    await console.execute("UPDATE account SET code_misses = 99")
    half = await console.half(alice)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)
    assert (await console.account(alice)).code_misses == 0
    await console.execute("UPDATE account SET code_misses = 100")
    console.clock.turn(30)
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, FactorBlockedError)
    await accounts.unlock(console.ctx, "alice")
    half = await console.half(alice)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)


async def test_twenty_at_once_cannot_overshoot_the_hundred(console: Console) -> None:
    """S8, S9: at 99 misses in a row, twenty wrong codes at once are one miss more, not twenty."""
    alice = await console.customer(otp=True)
    wide = {"account_5min": 500, "account_1h": 500, "account_1d": 500}
    ctx = console.with_settings(limits=wide)
    half, wrong = await console.half(alice), alice.wrong_code()
    await console.execute("UPDATE account SET code_misses = 99")
    results = await outcomes(sign_in.code(ctx, somewhere(n), half, wrong) for n in range(20))
    assert kinds(results) == {"WrongCodeError": 1, "FactorBlockedError": 19}


async def test_a_right_try_costs_nothing(console: Console) -> None:
    """S8: signing in twenty times in a row, with codes, fills no count."""
    ctx = console.ctx
    await console.customer()
    for _ in range(20):
        assert isinstance(await sign_in.password(ctx, STRANGER, "alice", PASSWORD), SignedIn)
    results = [await guess(ctx, "alice", somewhere(n)) for n in range(6)]
    assert kinds(results) == {"WrongCredentialsError": 5, "LimitedError": 1}


async def test_the_wait_that_is_told_is_enough(console: Console) -> None:
    """S8: after the seconds that the refusal names, the next try is looked at, and not before."""
    ctx = console.ctx
    for n in range(5):
        await guess(ctx, "alice", somewhere(n))
        console.clock.turn(10)
    got = await guess(ctx, "alice", somewhere(9))
    assert isinstance(got, LimitedError)
    console.clock.set(console.clock.now() + timedelta(seconds=got.retry_after_s - 1))
    assert isinstance(await guess(ctx, "alice", somewhere(9)), LimitedError)
    console.clock.turn(1)
    assert isinstance(await guess(ctx, "alice", somewhere(9)), WrongCredentialsError)


async def test_many_at_one_moment_are_asked_to_wait_for_seconds_only(console: Console) -> None:
    """S8: an office whose people all sign in at once is asked back in seconds, since tries that are
    still being judged fill the count; once they have missed, the whole wait is told."""
    alice = await console.customer()
    places = []
    for _n in range(5):
        async with console.ctx.write(STRANGER) as tx:
            subject = f"password:{alice.account_id}"
            places.append(await limits.take_place(console.ctx, tx, subject, alice.account_id))
    early = await guess(console.ctx, "alice", somewhere(1))
    assert isinstance(early, LimitedError)
    assert early.retry_after_s == 5
    async with console.ctx.write(STRANGER) as tx:
        for place in places:
            await limits.missed(tx, place)
    late = await guess(console.ctx, "alice", somewhere(1))
    assert isinstance(late, LimitedError)
    assert late.retry_after_s > 290


async def test_misses_are_told_apart_from_tries_under_way(console: Console) -> None:
    """S8: after five wrong passwords the wait that is told is the whole one, at both doors."""
    alice = await console.customer()
    session = await console.sign_in(alice)
    for _n in range(5):
        await guess(console.ctx, "alice", STRANGER)
    got = await guess(console.ctx, "alice", STRANGER)
    assert isinstance(got, LimitedError)
    assert got.retry_after_s > 290
    for _n in range(5):
        await attempt(contacts.change_phone(console.ctx, HOME, session, "+420603999888", WRONG, ""))
    got = await attempt(
        contacts.change_phone(console.ctx, HOME, session, "+420603999888", PASSWORD, "")
    )
    assert isinstance(got, LimitedError)
    assert got.retry_after_s > 290
