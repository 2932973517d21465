"""Passwords: which are taken, how they are hashed, and how many at a time."""

# ruff: noqa: RUF001 (look-alike characters are what is tested)
from __future__ import annotations

import asyncio
import re
import statistics
import threading
import time
from collections.abc import Iterator

import pytest

from tui_admin.errors import FieldError, UnavailableError, WrongPasswordError
from tui_admin.security.passwords import HashCost, Passwords, check_new, check_typed

CHEAP = HashCost(1, 8 * 1024, 1)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(CHEAP, workers=2)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("length", "taken"), [(0, False), (1, False), (7, False), (8, True), (128, True), (129, False)]
)
def test_lengths(length: int, taken: bool) -> None:
    """S23: 8 to 128 characters are taken."""
    password = ("pH4?" * 33)[:length]
    if taken:
        check_new("password", password)
    else:
        with pytest.raises(FieldError) as caught:
            check_new("password", password)
        assert caught.value.field == "password"


@pytest.mark.parametrize("length", [129, 4096, 4097, 1_000_000])
def test_overlong_is_an_error_and_not_cut(length: int) -> None:
    """S23: 4,097 bytes, like anything over 128 characters, give an error at every form."""
    for check in (check_new, check_typed):
        with pytest.raises(FieldError, match="at most 128"):
            check("password", "aB3$" * (length // 4) + "x" * (length % 4))


@pytest.mark.parametrize(
    "common",
    [
        "password",
        "Password",
        "PASSWORD",
        "password1",
        "12345678",
        "qwertyuiop",
        "aaaaaaaa",
        "abababab",
        "ｐａｓｓｗｏｒｄ",
    ],
)
def test_guessed_first_is_refused(common: str) -> None:
    """S23: passwords on the lists, in any capitals or width, and of few letters are refused."""
    with pytest.raises(FieldError, match="lists"):
        check_new("password", common)


@pytest.mark.parametrize(
    "own", ["alice.b12", "xxALICE.Bxx", "my-mike@example.com", "Wedos internet 1", "xmike9999"]
)
def test_ones_own_data_is_refused(own: str) -> None:
    """S23: a password with the username, the address or the brand in it is refused."""
    with pytest.raises(FieldError, match="name or address"):
        check_new("password", own, about=("alice.b", "mike@example.com", "WEDOS Internet"))


def test_a_short_name_does_not_forbid_half_the_dictionary() -> None:
    """S23: names of up to three letters are not searched for."""
    check_new("password", "boxes and trees", about=("bo", "bo@x.cz"))


def test_shrinking_characters_do_not_count_double() -> None:
    """S23: what folds to fewer than eight characters is too short, however it was typed."""
    with pytest.raises(FieldError, match="at least 8"):
        check_new("password", "a\u0301e\u0301i\u0301o\u0301")


@pytest.mark.parametrize("password", ["\ud800" * 8, "pass\udfffword 1"])
def test_half_a_character_is_refused(password: str) -> None:
    """S29: lone surrogates are a form error, at a new password and at a sign-in."""
    for check in (check_new, check_typed):
        with pytest.raises(FieldError):
            check("password", password)


async def test_nothing_is_cut_off(passwords: Passwords) -> None:
    """S23: two passwords of 128 characters that differ in the last one are two passwords."""
    stored = await passwords.hash("x" * 127 + "a")
    assert await passwords.check("x" * 127 + "a", stored) is None
    for other in ("x" * 127 + "b", "x" * 127, "x" * 72, "x" * 128):
        with pytest.raises(WrongPasswordError):
            await passwords.check(other, stored)


async def test_keyboards_do_not_matter(passwords: Passwords) -> None:
    """S23: composed and decomposed letters are the same password; capitals are not."""
    stored = await passwords.hash("Žluťoučký kůň")
    assert (
        await passwords.check("Z\u030clut\u030couc\u030cky\u0301 ku\u030an\u030c", stored) is None
    )
    with pytest.raises(WrongPasswordError):
        await passwords.check("žluťoučký kůň", stored)


@pytest.mark.parametrize(
    "password", ["a\x00b cdefg", "\ufdfa" * 128, "😀" * 128, "\x1b[2J\n\t 12", " " * 8]
)
async def test_any_character_is_taken(passwords: Passwords, password: str) -> None:
    """S23, S29: NUL, ligatures that unfold to thousands, emoji and blanks hash and check."""
    stored = await passwords.hash(password)
    assert await passwords.check(password, stored) is None
    with pytest.raises(WrongPasswordError):
        await passwords.check(password[:-1], stored)


async def test_hashes_are_argon2id_at_the_set_cost(passwords: Passwords) -> None:
    """S24: the stored form names Argon2id and the cost, salted anew each time."""
    one, two = await passwords.hash("the same 1"), await passwords.hash("the same 1")
    assert one != two
    assert re.match(r"\$argon2id\$v=19\$m=8192,t=1,p=1\$", one)


def test_the_cost_is_rfc_9106_by_default() -> None:
    """S24: without settings the second profile of RFC 9106 is in force: t=3, p=4, 64 MiB."""
    assert HashCost() == HashCost(3, 64 * 1024, 4)


@pytest.mark.parametrize(
    "other", [HashCost(2, 8192, 1), HashCost(1, 16384, 1), HashCost(1, 8192, 2)]
)
async def test_an_outdated_cost_is_renewed(passwords: Passwords, other: HashCost) -> None:
    """S24: a right password whose hash has another cost comes back with a fresh hash; a wrong
    one does not."""
    elsewhere = Passwords(other, workers=1)
    stored = await elsewhere.hash("the same 1")
    elsewhere.close()
    fresh = await passwords.check("the same 1", stored)
    assert fresh is not None
    assert "m=8192,t=1,p=1" in fresh
    assert await passwords.check("the same 1", fresh) is None
    with pytest.raises(WrongPasswordError):
        await passwords.check("another 1", stored)


async def test_nobody_has_the_dummy_password(passwords: Passwords) -> None:
    """S11: without an account every password is wrong, at the live cost."""
    assert passwords._dummy.startswith("$argon2id$v=19$m=8192,t=1,p=1$")
    for password in ("", "x", passwords._dummy):
        with pytest.raises(WrongPasswordError):
            await passwords.check(password, None)


async def test_nobody_takes_as_long_as_somebody(passwords: Passwords) -> None:
    """S11: without an account a check takes the time of a real one: a hash at the live cost."""
    stored = await passwords.hash("the same 1")
    times: dict[str | None, list[float]] = {stored: [], None: []}
    for _ in range(40):
        for compared_to, samples in times.items():
            begun = time.perf_counter()
            with pytest.raises(WrongPasswordError):
                await passwords.check("another 1", compared_to)
            samples.append(time.perf_counter() - begun)
    known, unknown = (statistics.median(samples) for samples in times.values())
    assert 0.6 < unknown / known < 1.6


@pytest.mark.parametrize(
    "damaged", ["x", "$argon2id$", "$argon2id$v=19$m=8192,t=1,p=1$$", "\ud800"]
)
async def test_a_damaged_hash_fits_nothing(passwords: Passwords, damaged: str) -> None:
    """S29: a stored hash that is none gives an error of the family and never an answer."""
    with pytest.raises((UnavailableError, WrongPasswordError)):
        await passwords.check(damaged, damaged)


@pytest.mark.parametrize("workers", [1, 2])
async def test_never_more_than_workers_at_once(workers: int) -> None:
    """S9: of twenty checks at once no more than `workers` compute at a time, so memory is
    bounded, and the event loop goes on meanwhile."""

    begun, goes_on = threading.Event(), threading.Event()

    class Watched(Passwords):
        now = most = 0
        lock = threading.Lock()

        def _check(self, password: str, stored: str | None) -> str | None:
            begun.set()
            assert goes_on.wait(60), "the event loop stands still"
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            try:
                return super()._check(password, stored)
            finally:
                with self.lock:
                    self.now -= 1

    passwords = Watched(HashCost(4, 8192, 1), workers=workers)
    stored = await passwords.hash("the same 1")

    async def heart() -> None:
        while not begun.is_set():  # noqa: ASYNC110 (a thread rings, not the loop)
            await asyncio.sleep(0.001)
        goes_on.set()

    await asyncio.gather(heart(), *(passwords.check("the same 1", stored) for _ in range(20)))
    passwords.close()
    assert passwords.most == workers
