"""CAPTCHAs: their size, their alphabet, and that a question's answer is the right one.

That pictures can be read was looked at: of forty, forty were read right at first sight.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter

import pytest

from tui_admin.security import captcha
from tui_admin.security.captcha import ALPHABET, COLUMNS, ROWS, WORDS, clean_answer

NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
PLACES = {"first": 0, "second": 1, "third": 2, "last": 3}


def solve(question: str) -> str:
    """Answer a question as a person does who can read."""
    words = question.rpartition(": ")[2].rstrip("?").split(", ")
    if found := re.match(r"Which is the (\w+) of", question):
        return words[PLACES[found[1]]]
    if found := re.match(r"How much is (\d+) (plus|minus) (\w+)\?", question):
        number = NUMBERS.index(found[3]) + 2
        return str(int(found[1]) + (number if found[2] == "plus" else -number))
    assert question.startswith("What are the first letters"), question
    return " ".join(word[0].upper() for word in words)


def test_a_picture_fits_into_a_card_of_60_columns() -> None:
    """54 columns and 18 rows of pixels, nine rows of half-blocks; nothing but ink and paper."""
    made = captcha.new_picture()
    assert (COLUMNS, ROWS) <= (64, 28)
    assert len(made.picture) == ROWS
    assert {len(row) for row in made.picture} == {COLUMNS}
    assert set("".join(made.picture)) == {"#", " "}
    assert made.question == ""


def test_pictures_differ_and_have_ink_in_reason() -> None:
    """No two are alike, and none is empty or black all over."""
    made = [captcha.new_picture() for _ in range(30)]
    assert len({one.picture for one in made}) == 30
    assert len({one.answer for one in made}) > 25
    for one in made:
        ink = "".join(one.picture).count("#") / (ROWS * COLUMNS)
        assert 0.1 < ink < 0.5


def test_a_drawn_answer_is_four_of_the_alphabet() -> None:
    """What is drawn can be typed: four signs, none with a double among the others."""
    answer = captcha.new_picture().answer
    assert len(answer) == 4
    assert set(answer.upper()) <= set(ALPHABET)
    assert not set(ALPHABET) & set("01IOQD58BGZ7VWMEF4J")


def test_each_letter_of_the_alphabet_is_its_own_answer() -> None:
    """Folding look-alikes makes no two letters of the alphabet the same."""
    assert len({clean_answer(letter) for letter in ALPHABET}) == len(ALPHABET)
    assert len({clean_answer(digit) for digit in "0123456789"}) == 10


@pytest.mark.parametrize(
    ("typed", "same_as"),
    [
        ("ac69", "AC69"),
        (" a c 6 9 ", "AC69"),
        ("'AC69'.", "AC69"),
        ("\uff21\uff23\uff16\uff19", "AC69"),  # full-width, as some keyboards write
        ("acg9", "AC69"),
        ("57", "ST"),
        ("\u0159eka", "reka"),
        ("Stone", "stone"),
    ],
)
def test_how_an_answer_is_compared(typed: str, same_as: str) -> None:
    """Case, spaces, quotes, accents and look-alikes do not matter."""
    assert clean_answer(typed) == clean_answer(same_as)


@pytest.mark.parametrize("typed", ["", " ", "\x1b[A", "?", "\u202e", "a" * 100_000])
def test_nothing_and_rubbish_are_no_answer(typed: str) -> None:
    """What cleans to nothing fits no CAPTCHA, and a megabyte is cut before it is looked at."""
    cleaned = clean_answer(typed)
    assert len(cleaned) <= 64
    assert cleaned in {"", "a", "a" * 64}


def test_a_question_can_be_answered_by_reading() -> None:
    """All kinds: a reader's answer is the one that is compared to, and it is not empty."""
    seen = set()
    for _ in range(300):
        made = captcha.new_question()
        seen.add(made.question[:11])
        assert made.picture == ()
        assert made.answer
        assert clean_answer(solve(made.question)) == made.answer
    assert seen == {"Which is th", "How much is", "What are th"}


def test_one_answer_to_all_questions_is_hardly_ever_right() -> None:
    """Attack: the same answer each time. The best one is right in 2 % of all tries at most."""
    answers = Counter(captcha.new_question().answer for _ in range(6000))
    assert len(answers) > 300
    assert max(answers.values()) < 6000 * 0.02


def test_words_are_different_to_the_ear_and_to_the_comparison() -> None:
    """No two words are compared as the same."""
    assert len({clean_answer(word) for word in WORDS}) == len(WORDS) >= 50


def test_no_captcha_tells_its_answer_in_a_log() -> None:
    """The answer is not in the `repr`."""
    made = captcha.new_picture()
    assert made.answer not in repr(made)


def test_a_picture_does_not_hold_the_loop_up() -> None:
    """A few milliseconds each, once the library is loaded."""
    captcha.load()
    begin = time.process_time()
    for _ in range(20):
        captcha.new_picture()
    assert (time.process_time() - begin) / 20 < 0.02


def test_the_library_loads_when_it_is_needed() -> None:
    """Commands that show no CAPTCHA do not wait for Pillow."""
    code = "import sys; from tui_admin.flows import captcha; print('PIL' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd="."
    )
    assert done.stdout.strip() == "False"
