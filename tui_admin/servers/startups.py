"""Caps on connections, checked before any work is done for them: for all that nobody has signed in
on, for those of one address, for all of one address, and for everything (T5).

A connection takes a seat when it is accepted. It counts as a start-up until somebody signs in on
it, and again from when they sign out: a crowd that only connects leaves room for customers.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable

from tui_admin.config import SshSettings
from tui_admin.flows.limits import address_key


class Startups:
    """Who may come in, in one process."""

    def __init__(
        self, settings: SshSettings, *, randbelow: Callable[[int], int] = secrets.randbelow
    ) -> None:
        self._settings = settings
        self._randbelow = randbelow
        self._unsigned: Counter[str] = Counter()
        self._all: Counter[str] = Counter()
        self.connections = 0
        """All there are."""
        self.unsigned = 0
        """Those that nobody is signed in on."""

    def admit(self, address: str) -> Seat | None:
        """Return a seat, or None: there is no room. An empty address has no count of its own."""
        if self.connections >= self._settings.max_connections or self._is_dropped():
            return None
        key = address_key(address) if address else ""
        if not self._has_room(key):
            return None
        return Seat(self, key)

    def _has_room(self, key: str) -> bool:
        if not key:
            return True
        of_all = self._all[key] < self._settings.connections_per_address
        return of_all and self._unsigned[key] < self._settings.startups_per_address

    def _is_dropped(self) -> bool:
        """Refuse more and more between `begin` and `full`, so that a crowd cannot keep everybody
        else out by always being first. Source: OpenSSH, sshd_config(5), MaxStartups."""
        begin, rate, full = self._settings.startups_curve
        if self.unsigned < begin:
            return False
        if self.unsigned >= full:
            return True
        chance = rate + (100 - rate) * (self.unsigned - begin) // (full - begin)
        return self._randbelow(100) < chance

    def count(self, key: str, by: int) -> None:
        """Note that `by` more connections of an address have nobody signed in on them."""
        self.unsigned += by
        _add(self._unsigned, key, by)

    def count_all(self, key: str, by: int) -> None:
        """Note that there are `by` more connections of an address."""
        _add(self._all, key, by)


def _add(counts: Counter[str], key: str, by: int) -> None:
    if key:
        counts[key] += by
        if counts[key] <= 0:
            del counts[key]


class Seat:
    """The place of one connection in the counts."""

    def __init__(self, startups: Startups, key: str) -> None:
        self._startups = startups
        self._key = key
        self._is_signed_in = False
        self._has_left = False
        startups.connections += 1
        startups.count(key, 1)
        startups.count_all(key, 1)

    def move(self, address: str) -> bool:
        """Count under the address that a proxy named; False if it has no room there."""
        key = address_key(address)
        if not self._startups._has_room(key):
            return False
        self._startups.count(self._key, -1)
        self._startups.count_all(self._key, -1)
        self._key = key
        self._startups.count(key, 1)
        self._startups.count_all(key, 1)
        return True

    def sign_in(self, is_signed_in: bool) -> None:
        """Note whether somebody is signed in on it now."""
        if is_signed_in is not self._is_signed_in and not self._has_left:
            self._is_signed_in = is_signed_in
            self._startups.count(self._key, -1 if is_signed_in else 1)

    def leave(self) -> None:
        """Give the place back; safe to call twice."""
        if self._has_left:
            return
        self.sign_in(True)
        self._has_left = True
        self._startups.count_all(self._key, -1)
        self._startups.connections -= 1
