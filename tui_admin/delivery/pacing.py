"""When the next try of a letter is made, and when there is none any more."""

from __future__ import annotations

from datetime import timedelta
from secrets import SystemRandom

LEASE = timedelta(seconds=120)
"""How long a letter is in one worker's hands. A worker that was killed is missed no longer."""
SEND_S = 45.0
"""A try takes no longer; well below the lease, so that nobody else has the letter meanwhile."""
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 3600.0
LONGEST_URGENT_PAUSE_S = 30.0
"""For letters that expire: a code that is good for minutes is no use in an hour."""
REST_S = 60.0
"""How long a way out that is set up wrongly is left alone: a mail server that is given a wrong
password every few seconds shuts the address out."""
MOST_TRIES = 64
"""About two days: ten tries in the first hours, then one an hour, as mail servers do it."""


def pause_s(attempts: int, *, is_urgent: bool, jitter: float) -> float:
    """Return how long to wait after so many tries: doubled each time, up to an hour.

    `jitter`, from 0 to 1, takes up to a quarter off, so that letters that failed together do not
    all come back together.
    """
    longest = LONGEST_URGENT_PAUSE_S if is_urgent else LONGEST_PAUSE_S
    doubled = FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 20)
    return min(doubled, longest) * (1 - jitter / 4)


_random = SystemRandom()


def random_jitter() -> float:
    """Return the jitter of one try."""
    return _random.random()
