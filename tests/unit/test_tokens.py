"""Tokens and recovery codes: random enough, and one form for what people type."""

# ruff: noqa: RUF001 (look-alike characters are what is tested)
from __future__ import annotations

import pytest

from tui_admin.security import tokens


def test_a_token_is_256_random_bits() -> None:
    """S20: tokens are 43 URL-safe characters and never repeat; what is stored is their hash."""
    made = {tokens.new_token() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(token) for token in made} == {43}
    assert not {tokens.token_hash(token) for token in made} & made


def test_any_text_has_a_token_hash() -> None:
    """S29: a token of odd characters is only an unknown one."""
    for odd in ("", "\x00", "\ud800", "😀", "x" * 1_000_000):
        assert len(tokens.token_hash(odd)) == 64


def test_a_recovery_code_is_50_random_bits() -> None:
    """S8: ten characters of an alphabet without I, L, O, U, shown five by five."""
    made = {tokens.new_recovery_code() for _ in range(1000)}
    assert len(made) == 1000
    for code in made:
        assert len(code) == 11
        assert code[5] == "-"
        assert not set(code) & set("ILOUilou")
        assert tokens.clean_recovery_code(code) == code.replace("-", "")
    seen = set("".join(made)) - {"-"}
    assert len(seen) == 32


def test_what_people_mix_up_does_not_matter() -> None:
    """S3: case, spaces and dashes do not count, and I, L and O are read as 1, 1 and 0."""
    assert tokens.clean_recovery_code("0O1IL-abcde") == "00111ABCDE"
    assert tokens.clean_recovery_code("o0ili abcde") == "00111ABCDE"


def test_other_texts_are_no_recovery_codes() -> None:
    """S3: nine or eleven characters, U, and letters of other scripts are refused."""
    for typed in ("", "ABCDE-FGHJ", "ABCDE-FGHJKM", "ABCDE-FGHJU", "АВСDE-FGHJK", "\x00" * 10):
        assert tokens.clean_recovery_code(typed) is None


def test_ids_are_32_hex_digits() -> None:
    """S30: what cannot be the id of a row is not looked up at all."""
    assert tokens.is_id("0123456789abcdef" * 2)
    for odd in ("", "0" * 31, "0" * 33, "G" * 32, "0" * 31 + "\x00", "٣" * 32, "\ud800" * 32):
        assert not tokens.is_id(odd)


def test_a_link_token_is_130_random_bits() -> None:
    """S12: 26 lower-case letters and digits, good in a user name of SSH."""
    made = {tokens.new_link_token() for _ in range(1000)}
    assert len(made) == 1000
    for token in made:
        assert len(token) == 26
        assert token == token.lower()
        assert token.isascii()
        assert token.isalnum()
        assert tokens.clean_link_token(token) == token


TOKEN = "3f8kq0mzr1v7x2b9ctdgh5jnpw"


@pytest.mark.parametrize(
    "pasted",
    [
        TOKEN,
        TOKEN.upper(),
        f"  {TOKEN}\n",
        f"ssh://recover-{TOKEN}@panel.example.com",
        f"SSH://RECOVER-{TOKEN.upper()}@PANEL.EXAMPLE.COM",
        f"<ssh://recover-{TOKEN}@panel.example.com>.",
        f"ssh -p 2222 recover-{TOKEN}@panel.example.com",
        f"tui-admin recover {TOKEN}",
        f"    tui-admin recover {TOKEN}.",
        f"$ tui-admin recover {TOKEN}\n",
        f"tui-admin recover {TOKEN} and then some words that came along",
        f"recover-{TOKEN}",
        f'"recover-{TOKEN}",',
        f"ssh://recover-{TOKEN[:9]}\n{TOKEN[9:]}@panel.example.com",
        f"ssh://recover-{TOKEN[:9]}=\r\n{TOKEN[9:]}@panel.example.com",
        f"> ssh://recover-{TOKEN[:9]}\n> {TOKEN[9:]}@panel.example.com",
        f"tui-admin recover\n{TOKEN}",
        f"{TOKEN[:13]} {TOKEN[13:]}",
        f"{TOKEN[:5]}\u200b{TOKEN[5:]}",
        TOKEN.replace("0", "O").replace("1", "l"),
    ],
)
def test_links_come_through_mail_programs(pasted: str) -> None:
    """A link whose case was changed, that was wrapped, quoted or trailed by punctuation, and the
    command that does the same, all carry their token."""
    assert tokens.clean_link_token(pasted) == TOKEN


@pytest.mark.parametrize(
    "typed",
    [
        "",
        TOKEN[:-1],
        TOKEN + "0",
        f"recover-{TOKEN[:-1]}@panel.example.com",
        f"recover-{TOKEN}0@panel.example.com",
        "u" * 26,
        "ABCDE-12345",
        "\x00" * 26,
        "\ud800" * 26,
        "٣" * 26,
        "recover-",
        "x" * 1_000_000,
    ],
)
def test_half_tokens_are_none(typed: str) -> None:
    """A token that is not whole is not looked up."""
    assert tokens.clean_link_token(typed) is None
