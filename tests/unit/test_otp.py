"""One-time passwords against the RFCs' own numbers and against an independent generator."""

# ruff: noqa: RUF001 (look-alike characters are what is tested)
from __future__ import annotations

import random
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.support.console import oath
from tui_admin.security import otp

VECTORS = Path(__file__).parents[1] / "vectors"


def vectors(name: str) -> list[list[str]]:
    lines = (VECTORS / name).read_text("ascii").splitlines()
    return [line.split(",") for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize(("key", "unix_s", "step", "code"), vectors("rfc6238_appendix_b_sha1.csv"))
def test_rfc_6238(key: str, unix_s: str, step: str, code: str) -> None:
    """S4: RFC 6238 appendix B: step and code at each of its moments."""
    shared = otp.SharedKey(bytes.fromhex(key))
    assert otp.step_at(int(unix_s)) == int(step, 16)
    assert otp.code_at(shared, int(step, 16)) == code[-6:]


@pytest.mark.parametrize(("key", "counter", "code"), vectors("rfc4226_appendix_d.csv"))
def test_rfc_4226(key: str, counter: str, code: str) -> None:
    """S4: RFC 4226 appendix D: the first ten codes."""
    assert otp.code_at(otp.SharedKey(bytes.fromhex(key)), int(counter)) == code


def test_an_independent_generator_agrees() -> None:
    """S4: for random keys and moments oathtool gives the same codes."""
    dice = random.Random(6238)
    for _ in range(30):
        key, unix_s = otp.SharedKey.random(), dice.randrange(1, 2**33)
        assert oath(key.base32, unix_s) == otp.code_at(key, otp.step_at(unix_s))


def test_a_key_is_160_random_bits() -> None:
    """S4: a shared key is 20 bytes, 32 base32 characters without padding, in the text and in the
    URI, and no two are alike."""
    keys = [otp.SharedKey.random() for _ in range(200)]
    assert len({key.raw for key in keys}) == 200
    assert {len(key.raw) for key in keys} == {20}
    alphabet = set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    for key in keys:
        assert len(key.base32) == 32
        assert set(key.base32) <= alphabet
        assert key.grouped.split(" ") == [key.base32[at : at + 4] for at in range(0, 32, 4)]
    ones = sum(bin(int.from_bytes(key.raw)).count("1") for key in keys)
    assert abs(ones - 200 * 80) < 6 * (200 * 160 / 4) ** 0.5


def test_the_uri_says_who_and_with_which_key() -> None:
    """S4: the provisioning URI carries account, issuer and the 32 characters, each escaped."""
    key = otp.SharedKey(b"12345678901234567890")
    uri = otp.provisioning_uri(key, issuer="WEDOS & Söhne", account="a+b@example.com")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/a+b@example.com"
    assert parse_qs(parts.query) == {"secret": [key.base32], "issuer": ["WEDOS & Söhne"]}
    decoded = subprocess.run(
        ["oathtool", "--totp", "-b", parse_qs(parts.query)["secret"][0], "--now", "@59"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert decoded.stdout.strip() == "287082"


def test_a_key_does_not_show_itself() -> None:
    """S25: neither repr nor an f-string of a shared key holds it."""
    key = otp.SharedKey(b"12345678901234567890")
    shown = f"{key!r} {key} {[key]}"
    assert "1234" not in shown
    assert key.base32 not in shown


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        ("000000", "000000"),
        (" 123 456 ", "123456"),
        ("123-456", "123456"),
        ("1 2-3 4-5 6", "123456"),
        ("123\u00a0456", "123456"),
        ("123\u202f456", "123456"),
    ],
)
def test_spaces_and_dashes_are_dropped(typed: str, code: str) -> None:
    """S3: what people type or paste between digits does not count."""
    assert otp.clean_code(typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "------",
        "12345",
        "1234567",
        "12345a",
        "１２３４５６",
        "١٢٣٤٥٦",
        "१२३४५६",
        "𝟏𝟐𝟑𝟒𝟓𝟔",
        "①②③④⑤⑥",
        "123456\x00",
        "\ud800" * 6,
        "+12345",
        "1e5   ",
        "123.56",
        "0x1234",
        "1" * 1_000_000,
    ],
)
def test_anything_else_is_no_code(typed: str) -> None:
    """S3: full-width, Arabic and other digits, blanks, and five or seven digits are no code."""
    assert otp.clean_code(typed) is None


def test_the_window_is_this_step_and_the_one_before() -> None:
    """S2: a verifier looks at two steps, at three only when told that clocks run ahead."""
    assert list(otp.accepted_steps(100, ahead=0)) == [99, 100]
    assert list(otp.accepted_steps(100, ahead=1)) == [99, 100, 101]


def test_matching_finds_the_latest_step() -> None:
    """S1: of two steps with the same code the later one is spent, so the earlier is too."""
    key = otp.SharedKey(b"12345678901234567890")
    code = otp.code_at(key, 7)
    assert otp.matching_step(key, code, range(5, 9)) == 7
    assert otp.matching_step(key, code, [5, 6]) is None
    assert otp.matching_step(key, otp.code_at(key, 0), range(-3, 1)) == 0


def test_drift_says_how_far_a_clock_is_off() -> None:
    """S2: within ten minutes to either side the drift is told; outside it is unknown."""
    key = otp.SharedKey(b"12345678901234567890")
    for steps in (-20, -7, -1, 0, 1, 20):
        assert otp.drift_s(key, otp.code_at(key, 1000 + steps), 1000) == steps * 30
    for steps in (-21, 21):
        assert otp.drift_s(key, otp.code_at(key, 1000 + steps), 1000) is None


@pytest.mark.parametrize(("unix_s", "left"), [(0, 30), (1, 29), (29, 1), (29.9, 1), (30, 30)])
def test_seconds_left(unix_s: float, left: int) -> None:
    """S2: the countdown goes from 30 to 1 and starts again."""
    assert otp.seconds_left(unix_s) == left
