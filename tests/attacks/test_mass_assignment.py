"""A form carries more fields than it shows, and they are stored.

phpMyAdmin let a user switch the second factor off for good by a field of the settings form
(CVE-2022-23807).
"""

from __future__ import annotations

import inspect

import pytest

from tests.support.console import HOME, PASSWORD, Console, attempt
from tui_admin.errors import FieldError
from tui_admin.flows import devices, profile

FORM = {"name": "Alice", "company": "ACME", "language": "en", "timezone": "Europe/Prague"}
OTHERS = [
    "role",
    "password_hash",
    "email",
    "phone",
    "email_verified_at",
    "locked_at",
    "id",
    "username",
    "code_misses",
    "otp",
    "theme",
    "new_phone",
]


@pytest.mark.parametrize("field", OTHERS)
async def test_basic_settings_take_their_own_fields_only(console: Console, field: str) -> None:
    """S7, CVE-2022-23807: a further field is refused, whatever it is called."""
    alice = await console.customer()
    token = await console.sign_in(alice)
    before = (await console.account(alice)).model_dump()
    with pytest.raises(TypeError):
        await profile.save(console.ctx, HOME, token, **FORM, **{field: "staff"})
    assert (await console.account(alice)).model_dump() == before


async def test_basic_settings_change_nothing_else(console: Console) -> None:
    """S7, CVE-2022-23807: saving changes four columns; OTP stays on."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    before = (await console.account(alice)).model_dump()
    await profile.save(console.ctx, HOME, token, **FORM)
    after = (await console.account(alice)).model_dump()
    assert {key for key in after if after[key] != before[key]} <= set(FORM)
    assert set(inspect.signature(profile.save).parameters) == {"ctx", "visitor", "token", *FORM}
    assert (await devices.overview(console.ctx, token)).otp_active


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("language", "../../etc"),
        ("language", "xx"),
        ("language", ""),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Mars/Phobos"),
        ("name", "a\x00b"),
        ("name", "a\x1b[2Jb"),
        ("name", "\u202eecila"),
        ("name", "\ud83d"),
        ("name", "x" * 101),
        ("name", "x" * 1_000_000),
        ("company", "line\nbreak"),
    ],
)
async def test_odd_values_are_form_errors(console: Console, field: str, value: str) -> None:
    """S29: what cannot be stored or shown is refused beside its field, and nothing is stored."""
    alice = await console.customer()
    token = await console.sign_in(alice)
    before = (await console.account(alice)).model_dump()
    got = await attempt(profile.save(console.ctx, HOME, token, **{**FORM, field: value}))
    assert isinstance(got, FieldError)
    assert got.field == field
    assert (await console.account(alice)).model_dump() == before


async def test_markup_is_only_text(console: Console) -> None:
    """S25, T2: square brackets are a name like any other, stored and given back as typed."""
    token = await console.sign_in(await console.customer())
    await profile.save(console.ctx, HOME, token, **{**FORM, "name": "[/] [red]x[/red]"})
    assert (await profile.read(console.ctx, token)).name == "[/] [red]x[/red]"
    assert PASSWORD not in repr(await profile.read(console.ctx, token))
