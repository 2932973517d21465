"""Making CAPTCHAs: pictures for a terminal's half-blocks, and questions in words.

A picture is made by the `captcha` library, letter by letter and four times as large as it is shown.
Its own noise is made for thousands of pixels in many colours; in the nine rows of a terminal it
hides what is to be read and nothing else. So the letters are set, waved and crossed out here.
"""

from __future__ import annotations

import math
import secrets
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from tui_admin.i18n import N_, _

if TYPE_CHECKING:
    from captcha.image import ImageCaptcha
    from PIL.Image import Image

COLUMNS, ROWS = 54, 18
"""Pixels of a picture: what is left of 60 columns in a card, and nine rows of half-blocks."""

LETTERS = 4
ALPHABET = "ACHKLNPRSTUXY2369"
"""What people tell apart on so few pixels, turned and with a line through it.

Not there: 0 O Q D, 1 I J, 5, 8 B, G, Z, V W M; E, which is a C with a line; F and 7, which are a T;
4, which is an A.
"""

_LOOKALIKES = str.maketrans({"4": "a", "5": "s", "7": "t", "g": "6", "q": "9", "z": "2"})
"""What people read into the letters of the alphabet; see `clean_answer`."""

_SCALE = 4
_INK = 95
"""How dark (of 255) the pixels of the large picture are on average where a small one is drawn."""
_WAVE = 1.2
"""By how many pixels a column is pushed up or down at most."""
_DOTS = 5
_random = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Captcha:
    """A puzzle and its answer, as `clean_answer` leaves it."""

    answer: str = field(repr=False)
    picture: tuple[str, ...] = ()
    """Rows of `#` and blanks, one a pixel; empty for a question."""
    question: str = ""


def clean_answer(typed: str) -> str:
    """Return a typed answer as it is compared: letters and digits alone, without case or accents.

    What looks like a letter of `ALPHABET` and is not in it counts as that letter. In the answers to
    questions the same signs are exchanged on both sides, so nothing changes there.
    """
    folded = unicodedata.normalize("NFKD", typed[:64]).casefold()
    return "".join(char for char in folded if char.isalnum()).translate(_LOOKALIKES)


# Pictures.


def load() -> None:
    """Import the library and its font: a tenth of a second, so best done in a thread beforehand."""
    _letter(ALPHABET[0])


def new_picture() -> Captcha:
    """Return a picture of a few letters and digits. Takes 2 to 4 ms once the library is there."""
    text = "".join(secrets.choice(ALPHABET) for _place in range(LETTERS))
    image = _crossed_out(_waved(_set(text)))
    pixels = image.load()
    assert pixels is not None  # noqa: S101 (an image in memory has them)
    rows = tuple("".join("#" if pixels[x, y] else " " for x in range(COLUMNS)) for y in range(ROWS))
    return Captcha(clean_answer(text), picture=rows)


@cache
def _library() -> ImageCaptcha:
    from captcha.image import ImageCaptcha

    class OneLetter(ImageCaptcha):
        """Turned and warped less than the library does, which is for ten times the pixels."""

        character_rotate = (-13, 13)
        character_warp_dx = (0.03, 0.09)
        character_warp_dy = (0.03, 0.09)
        word_space_probability = 2.0
        word_offset_dx = 0.0

    side = 2 * ROWS * _SCALE
    return OneLetter(width=side, height=side, font_sizes=(58, 62, 66))


def _letter(char: str) -> Image:
    """Return one letter, white on black, 13 to 15 pixels high once it is made small."""
    image = _library().create_captcha_image(char, (255, 255, 255), (0, 0, 0)).convert("L")
    image = image.crop(image.getbbox())
    height = _random.randint(13 * _SCALE, 15 * _SCALE)
    width = min(max(image.width * height // image.height, 8 * _SCALE), 11 * _SCALE)
    return image.resize((width, height))


def _set(text: str) -> Image:
    """Return a line of letters, each at its own height, with gaps of their own."""
    from PIL import Image

    letters = [_letter(char) for char in text]
    gaps = [_random.randint(_SCALE, 2 * _SCALE) for _ in letters]
    total = sum(letter.width for letter in letters) + sum(gaps[1:])
    line = Image.new("L", (COLUMNS * _SCALE, ROWS * _SCALE))
    x = _random.randint(0, line.width - total)
    for letter, gap in zip(letters, gaps, strict=True):
        line.paste(letter, (x, _random.randint(0, line.height - letter.height)))
        x += letter.width + gap
    return line


def _waved(line: Image) -> Image:
    """Return the line on a wave."""
    from PIL import Image

    begin, length = _random.uniform(0, 2 * math.pi), _random.uniform(24, 40) * _SCALE
    waved = Image.new("L", line.size)
    for x in range(0, line.width, _SCALE):
        shift = round(_WAVE * _SCALE * math.sin(begin + 2 * math.pi * x / length))
        waved.paste(line.crop((x, 0, x + _SCALE, line.height)), (x, shift))
    return waved


def _crossed_out(line: Image) -> Image:
    """Return the line made small, in black and white, with a curve through it and some dots."""
    from PIL import Image, ImageDraw

    small = line.resize((COLUMNS, ROWS), Image.Resampling.BOX)
    small = small.point([0 if value <= _INK else 255 for value in range(256)])
    draw = ImageDraw.Draw(small)
    left, right = _random.uniform(3, ROWS - 4), _random.uniform(3, ROWS - 4)
    bend = _random.uniform(-5, 5)
    curve = [
        (x, left + (right - left) * x / COLUMNS + bend * math.sin(math.pi * x / COLUMNS))
        for x in range(COLUMNS + 1)
    ]
    draw.line(curve, fill=255)
    for _dot in range(_DOTS):
        draw.point((_random.randrange(COLUMNS), _random.randrange(ROWS)), fill=255)
    return small


# Questions. Whoever hears them read out can keep them in mind: four words at most, no spelling
# backwards. The same answer each time is right once in fifty times at best.

WORDS = (
    *(N_("anchor"), N_("apple"), N_("autumn"), N_("basket"), N_("beach"), N_("bicycle")),
    *(N_("blanket"), N_("bottle"), N_("bread"), N_("bridge"), N_("butter"), N_("candle")),
    *(N_("carpet"), N_("castle"), N_("cheese"), N_("chimney"), N_("cloud"), N_("coffee")),
    *(N_("corner"), N_("desert"), N_("dinner"), N_("dolphin"), N_("eagle"), N_("engine")),
    *(N_("feather"), N_("flower"), N_("forest"), N_("garden"), N_("guitar"), N_("hammer")),
    *(N_("harbour"), N_("honey"), N_("island"), N_("jacket"), N_("kitchen"), N_("ladder")),
    *(N_("lemon"), N_("letter"), N_("lion"), N_("market"), N_("mirror"), N_("mountain")),
    *(N_("needle"), N_("ocean"), N_("orange"), N_("paper"), N_("pencil"), N_("pillow")),
    *(N_("planet"), N_("potato"), N_("rabbit"), N_("river"), N_("school"), N_("shadow")),
    *(N_("silver"), N_("stone"), N_("summer"), N_("table"), N_("tiger"), N_("tower")),
    *(N_("train"), N_("umbrella"), N_("valley"), N_("violin"), N_("window"), N_("winter")),
)
_NUMBERS = (
    *(N_("two"), N_("three"), N_("four"), N_("five")),
    *(N_("six"), N_("seven"), N_("eight"), N_("nine")),
)


def new_question() -> Captcha:
    """Return a question that needs reading, not seeing."""
    question, answer = _random.choice((_which_word, _how_much, _first_letters))()
    return Captcha(clean_answer(answer), question=question)


def _some_words(count: int) -> list[str]:
    return [_(word) for word in _random.sample(WORDS, count)]


def _which_word() -> tuple[str, str]:
    words = _some_words(4)
    questions = (
        _("Which is the first of these words: {words}?"),
        _("Which is the second of these words: {words}?"),
        _("Which is the third of these words: {words}?"),
        _("Which is the last of these words: {words}?"),
    )
    place = _random.randrange(len(words))
    return questions[place].format(words=", ".join(words)), words[place]


def _how_much() -> tuple[str, str]:
    total = _random.randint(20, 99)
    place = _random.randrange(len(_NUMBERS))
    number = place + 2
    if _random.random() < 0.5:
        question = _("How much is {a} plus {b}? Please answer in digits.")
        return question.format(a=total - number, b=_(_NUMBERS[place])), str(total)
    question = _("How much is {a} minus {b}? Please answer in digits.")
    return question.format(a=total + number, b=_(_NUMBERS[place])), str(total)


def _first_letters() -> tuple[str, str]:
    words = _some_words(3)
    question = _("What are the first letters of these three words: {words}?")
    letters = "".join(clean_answer(word)[:1] for word in words)
    return question.format(words=", ".join(words)), letters
