"""Losing one's device, with two terminals: the one that waits, and the one that the link opens.

The CAPTCHA is passed by its question, which a person without eyes would have read out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.journeys.steps import flat, go_to, sign_in, wait_flat
from tests.support.console import Person
from tests.support.installed import PHONES
from tests.support.post import Post
from tests.support.pty_app import PtyApp

_QUESTION = re.compile(
    r"Which is the (?P<place>first|second|third|last) of these words: (?P<words>[a-z, ]+)\?"
    r"|How much is (?P<a>\d+) (?P<sign>plus|minus) (?P<b>[a-z]+)\?"
    r"|What are the first letters of these three words: (?P<three>[a-z, ]+)\?"
)
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
_PLACES = ("first", "second", "third", "last")


def answer_to(text: str) -> str:
    """Read the question on a screen and return its answer."""
    found = _QUESTION.search(text)
    assert found is not None, text
    if found["place"]:
        return found["words"].split(", ")[_PLACES.index(found["place"])]
    if found["three"]:
        return "".join(word[0] for word in found["three"].split(", "))
    number = _NUMBERS.index(found["b"]) + 2
    return str(int(found["a"]) + (number if found["sign"] == "plus" else -number))


def lose_the_device(
    waiting: PtyApp, follow: Callable[[str], PtyApp], person: Person, post: Post
) -> None:
    """Go the whole way: `waiting` shows the sign-in screen, and `follow` opens a terminal with what
    the letter says. At the end OTP is off, and `waiting` is signed in by the password alone. (S14,
    S15)"""
    phone = PHONES[person.name]
    sign_in(waiting, person.name, person.password)
    waiting.wait_for("Enter the OTP password from your device")
    go_to(waiting, "I lost my OTP keycard")
    waiting.wait_for("Code or link from the e-mail")

    other = follow(post.mail(person.email, "Deactivate OTP"))
    wait_flat(other, "asked to switch OTP off for this account")
    assert "Code or link from the e-mail" in waiting.text()
    other.press("enter")
    code = re.findall(r"\b\d{6}\b", post.sms(phone, "code"))[0]
    other.wait_for("SMS code, sent to")

    # The one that waits has followed, and goes on.
    waiting.wait_for("SMS code, sent to")
    go_to(waiting, "Ask a question instead")
    waiting.wait_until(lambda app: _QUESTION.search(flat(app)) is not None, what="the question")
    answer = answer_to(flat(waiting))
    waiting.press("shift+tab")
    waiting.send(code)
    wait_flat(waiting, " ".join(code))  # it moves on by itself after the sixth digit
    waiting.send(answer + "\r")
    wait_flat(waiting, "OTP is now disabled. Please sign in with your password.")
    wait_flat(other, "OTP is now disabled.")

    sign_in(waiting, person.name, person.password)
    wait_flat(waiting, "Your password alone opens this account.")
    post.sms(phone, "OTP was switched off")
    post.mail(person.email, "OTP is off")
