"""Text that people supply: what a terminal is shown, what is stored, what is looked up."""

# ruff: noqa: RUF001 (look-alike characters are what is tested)
from __future__ import annotations

import random
import unicodedata

import pytest

from tui_admin.errors import FieldError
from tui_admin.security import text

DANGEROUS = [
    "\x1b]52;c;aGk=\x07",
    "\x1b[6n",
    "\x9b6n",
    "\x07",
    "\x00",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\u2028",
    "\ud83d",
    "\ue000",
    "\U000e0041",
    "\r",
    "\n",
    "\t",
    "\x85",
    "\x0b",
]


@pytest.mark.parametrize("evil", DANGEROUS)
def test_nothing_dangerous_reaches_the_terminal(evil: str) -> None:
    """T1, S25: control, format, surrogate and private characters do not come through `safe`."""
    shown = text.safe(f"a{evil}b")
    assert shown.startswith("a")
    assert shown.endswith("b")
    assert not any(unicodedata.category(char)[0] == "C" for char in shown)
    assert "\n" not in shown


def test_safe_holds_for_any_text() -> None:
    """T1: for random text of all planes `safe` gives one printable line of bounded length, and
    giving it back changes nothing."""
    dice = random.Random(1)
    for _ in range(500):
        points = [dice.choice((dice.randrange(0x110000), dice.randrange(0x300))) for _ in range(40)]
        limit = dice.randrange(1, 60)
        shown = text.safe("".join(map(chr, points)), limit)
        assert len(shown) <= limit
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} for char in shown)
        assert text.safe(shown, limit) == shown
        shown.encode("utf-8")


def test_what_is_cut_is_marked() -> None:
    """T1: a text longer than its place ends in an ellipsis; one that fits does not."""
    assert text.safe("x" * 200) == "x" * 200
    assert text.safe("x" * 201) == "x" * 199 + "…"
    assert len(text.safe("x" * 10_000_000)) == 200


def test_stacked_marks_are_cut() -> None:
    """T1: letters keep two combining marks; towers of them do not run over other lines."""
    assert text.safe("e\u0301\u0302") == "e\u0301\u0302"
    assert text.safe("e" + "\u0301" * 50 + "x") == "e\u0301\u0301x"


def test_ordinary_names_are_left_alone() -> None:
    """T1, T2: names of the world, emoji and square brackets are shown as they are."""
    for name in ("Žluťoučký kůň", "王小明", "محمد", "O'Neill [/] [red]", "👍"):
        assert text.safe(name) == name


def test_clean_line_keeps_what_may_be_stored() -> None:
    """S29: a stored line is composed, trimmed and of bounded length; otherwise a form error."""
    assert text.clean_line("name", "  Ane\u0301  ", limit=10) == "Ané"
    assert text.clean_line("name", "", limit=10) == ""
    assert text.clean_line("name", "x" * 10, limit=10) == "x" * 10
    for typed in ("x" * 11, "x" * 1_000_000, " " * 50 + "x" * 11, *(f"a{e}b" for e in DANGEROUS)):
        with pytest.raises(FieldError) as caught:
            text.clean_line("name", typed, limit=10)
        assert caught.value.field == "name"
    with pytest.raises(FieldError):
        text.clean_line("name", " \n ", limit=10, required=True)


def test_clean_lines_keeps_paragraphs_and_nothing_else() -> None:
    """S29, T1: lines are trimmed at their ends, one empty line stays between two paragraphs, and
    everything but a line break that `clean_line` refuses is refused here too."""
    assert text.clean_lines("story", " Ane\u0301\t \r\n\r\n\r\n\n  b\n", limit=20) == "Ané\n\n  b"
    assert text.clean_lines("story", "x\n" * 10, limit=20) == "x\n" * 9 + "x"
    refused = ("x" * 21, "x\n" * 11, "\n" * 81, "x" * 1_000_000)
    for typed in (*refused, *(f"a{e}b" for e in DANGEROUS if e not in "\n\r\t\u2028\u2029\x85")):
        with pytest.raises(FieldError) as caught:
            text.clean_lines("story", typed, limit=20)
        assert caught.value.field == "story"
    with pytest.raises(FieldError):
        text.clean_lines("story", " \n ", limit=20, required=True)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("Alice", "alice"), (" a.b-c_d+e@f ", "a.b-c_d+e@f"), ("ＡＢ１", "ab1"), ("x" * 64, "x" * 64)],
)
def test_usernames_have_one_form(typed: str, stored: str) -> None:
    """S28: capitals, spaces around and full-width letters fold; the result folds to itself."""
    assert text.canonical_username(typed) == stored
    assert text.canonical_username(stored) == stored
    assert text.canonical_identifier(typed) == stored


@pytest.mark.parametrize(
    "typed", ["", "a", "x" * 65, ".ab", "a b", "mіke", "m\u0131ke", "a\x00b", "é", "a/b", "\ud800a"]
)
def test_other_usernames_are_refused(typed: str) -> None:
    """S28: letters of other scripts, blanks, controls and wrong lengths make no username."""
    with pytest.raises(FieldError):
        text.canonical_username(typed)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Mike@Example.ORG", "mike@example.org"),
        (" a+b@example.org ", "a+b@example.org"),
        ("ｍike@example.org", "mike@example.org"),
        ("mike@bücher.example.org", "mike@xn--bcher-kva.example.org"),
    ],
)
def test_addresses_have_one_form(typed: str, stored: str) -> None:
    """S28: an address is stored lower-case and in ASCII, and found by what was typed."""
    assert text.canonical_email(typed) == stored
    assert text.canonical_email(stored) == stored
    assert text.canonical_identifier(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "mike",
        "@example.org",
        "mıke@example.org",
        "a@b.cz,c@d.cz",
        "a@b.cz\r\nBcc: c@d.cz",
        "a@b.cz, evil@x.cz",
        "a b@c.cz",
        "<a@b.cz>",
        '"a b"@c.cz',
        "a@[127.0.0.1]",
        "a@\ud800.cz",
        "a\x00@b.cz",
        "a@" + "x" * 300 + ".org",
    ],
)
def test_other_addresses_are_refused(typed: str) -> None:
    """S27, S28: two addresses in one, control characters and other alphabets before the @ make no
    address."""
    with pytest.raises(FieldError):
        text.canonical_email(typed)


@pytest.mark.parametrize(
    "typed", ["+420 603 123 456", "+420603123456", "＋420603123456", "+420-603-123-456"]
)
def test_phones_have_one_form(typed: str) -> None:
    """S28: however it is typed, a number is stored in E.164 form."""
    assert text.canonical_phone(typed) == "+420603123456"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "603123456",
        "+420",
        "+42060312345678901",
        "call me",
        "+420603123456 ext 5",
        "\ud800",
        "+" * 100,
    ],
)
def test_other_phones_are_refused(typed: str) -> None:
    """S28: a number without country code, of a wrong length or with an extension is refused."""
    with pytest.raises(FieldError):
        text.canonical_phone(typed)


def test_any_identifier_can_be_looked_up() -> None:
    """S29: whatever is typed, the identifier can be sent to a database: no NUL, no surrogate."""
    dice = random.Random(2)
    for _ in range(500):
        typed = "".join(
            chr(dice.choice((0, 0xD800, 0x1B, 0x41, dice.randrange(0x110000)))) for _ in range(9)
        )
        name = text.canonical_identifier(typed)
        assert "\x00" not in name
        name.encode("utf-8")
