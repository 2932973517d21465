"""Tokens and recovery codes: random enough, and one form for what people type."""

# ruff: noqa: RUF001 (look-alike characters are what is tested)
from __future__ import annotations

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
