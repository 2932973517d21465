"""Password hashes: Argon2id in a bounded pool of threads, off the event loop.

Unbounded, fifty sign-ins at once would take 2-3 GiB; the pool's size is the bound on memory and
the queue in front of it is where the others wait.

Source: RFC 9106 (second recommended profile), NIST SP 800-63B-4 3.1.1.2.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from passlib.context import CryptContext

from tui_admin.errors import FieldError, UnavailableError, WrongPasswordError
from tui_admin.i18n import _

MIN_LENGTH = 8
MAX_LENGTH = 128
_SHORTEST_FRAGMENT = 4

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class HashCost:
    """Argon2id parameters; the defaults are RFC 9106's second recommended profile."""

    rounds: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


class Passwords:
    """Hashes and checks passwords at one cost, at most `workers` at a time."""

    def __init__(self, cost: HashCost | None = None, *, workers: int = 2) -> None:
        cost = cost or HashCost()
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__rounds=cost.rounds,
            argon2__memory_cost=cost.memory_kib,
            argon2__parallelism=cost.lanes,
        )
        self._workers = workers
        self._asked = 0
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        # A hash of nothing anybody knows, at the live cost: an unknown account takes as long.
        salt, digest = (b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32))
        parameters = f"m={cost.memory_kib},t={cost.rounds},p={cost.lanes}"
        self._dummy = f"$argon2id$v=19${parameters}${salt}${digest}"

    async def hash(self, password: str) -> str:
        """Return the Argon2id hash of `password` in its modular form."""
        return await self._run(lambda: str(self._context.hash(_normal(password))))

    async def check(self, password: str, stored: str | None) -> str | None:
        """Return None when `password` fits `stored`, or a fresh hash when its cost is outdated.

        With `stored` None (no such account) it takes the time of a check and refuses.

        Raises:
            WrongPasswordError: it does not fit.
            UnavailableError: `stored` is damaged.
        """
        return await self._run(lambda: self._check(password, stored))

    @property
    def waiting(self) -> int:
        """How many hashes wait for a thread."""
        return max(self._asked - self._workers, 0)

    def close(self) -> None:
        """Stop the threads; a check that is under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        self._asked += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._asked -= 1

    def _check(self, password: str, stored: str | None) -> str | None:
        typed = _normal(password)
        try:
            right, fresh = self._context.verify_and_update(typed, stored or self._dummy)
        except (ValueError, TypeError):
            # What is stored is no hash: nobody can be judged by it, and so nobody gets in.
            raise UnavailableError from None
        if not right or stored is None:
            raise WrongPasswordError
        return None if fresh is None else str(fresh)


def _normal(password: str) -> str:
    """Fold the ways in which keyboards send the same character (NIST SP 800-63B-4 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _leaked_passwords() -> frozenset[str]:
    # 30,000 passwords from leaks come with zxcvbn; loading them takes a moment, so not at import.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def check_typed(field: str, password: str) -> None:
    """Refuse what cannot be a password, before it costs an attempt or a hash.

    Raises:
        FieldError: empty, or longer than any password may be. Nothing is ever cut off.
    """
    if not password:
        raise FieldError(field, _("Please type your password."))
    if len(password) > MAX_LENGTH:
        raise FieldError(field, _("A password has at most {n} characters.").format(n=MAX_LENGTH))
    if any(unicodedata.category(char) == "Cs" for char in password):
        # Half a surrogate pair: no keyboard sends it, and no hash takes it.
        raise FieldError(field, _("There are characters in it that cannot be typed."))


def check_new(field: str, password: str, *, about: tuple[str, ...] = ()) -> None:
    """Refuse a new password that is too short, too long, common, or made of the person's own data.

    `about` holds the username, the e-mail address and the brand.

    Raises:
        FieldError: with the reason.

    Source: NIST SP 800-63B-4 3.1.1.2, OWASP ASVS 5.0 6.2.
    """
    check_typed(field, password)
    folded = _normal(password).casefold()
    if min(len(password), len(_normal(password))) < MIN_LENGTH:
        raise FieldError(field, _("A password has at least {n} characters.").format(n=MIN_LENGTH))
    if folded in _leaked_passwords() or len(set(folded)) < 4:
        raise FieldError(field, _("This password is on the lists that guessers try first."))
    for word in about:
        for part in {word.casefold(), word.casefold().split("@")[0]}:
            if len(part) >= _SHORTEST_FRAGMENT and part in folded:
                raise FieldError(field, _("The password contains your name or address."))
