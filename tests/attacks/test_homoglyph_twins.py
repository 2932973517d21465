"""Two addresses that look alike, or fold to the same letters, are taken for one another.

Django sent the reset link of `mike@example.org` to whoever registered the same with a dotless i
(CVE-2019-19844).
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, PASSWORD, Console, attempt
from tui_admin.errors import FieldError, WrongCredentialsError
from tui_admin.flows import accounts, sign_in
from tui_admin.flows.accounts import AccountExistsError
from tui_admin.flows.answers import SignedIn


def make(console: Console, username: str, email: str) -> object:
    return accounts.create(console.ctx, username=username, email=email, password=PASSWORD)


@pytest.mark.parametrize(
    "twin",
    ["mіke", "mike\u200b", "m\u0131ke", "mi\u0307ke", "μike", "mike\x00", "\u202emike"],  # noqa: RUF001
)
async def test_a_twin_is_no_name(console: Console, twin: str) -> None:
    """S28, CVE-2019-19844: Cyrillic, Greek, dotless and invisible look-alikes make no account
    and sign in to none."""
    await console.customer("mike")
    assert isinstance(await attempt(make(console, twin, "new@example.com")), FieldError)  # type: ignore[arg-type]
    assert isinstance(await attempt(make(console, "new", f"{twin}@example.com")), FieldError)  # type: ignore[arg-type]
    for name in (twin, f"{twin}@example.com"):
        got = await attempt(sign_in.password(console.ctx, HOME, name, PASSWORD))
        assert isinstance(got, WrongCredentialsError)
        console.clock.turn(301)


@pytest.mark.parametrize("same", ["MIKE", "ｍｉｋｅ", "mi\u212ae", " mike "])  # noqa: RUF001
async def test_another_way_to_write_it_is_the_same_account(console: Console, same: str) -> None:
    """S28: capitals, full-width letters and the Kelvin sign fold to the one account: nobody can
    register them beside it, and a sign-in finds it and answers with its stored name."""
    await console.customer("mike")
    got = await attempt(make(console, same, "new@example.com"))  # type: ignore[arg-type]
    assert isinstance(got, AccountExistsError)
    got = await attempt(make(console, "new", f"{same.strip()}@example.com"))  # type: ignore[arg-type]
    assert isinstance(got, AccountExistsError)
    for name in (same, f"{same.strip()}@EXAMPLE.com"):
        step = await sign_in.password(console.ctx, HOME, name, PASSWORD)
        assert isinstance(step, SignedIn)
        assert step.username == "mike"


async def test_a_name_cannot_be_anothers_address(console: Console) -> None:
    """S28: a username that is somebody's e-mail address, or an address that is somebody's
    username, makes no account."""
    await console.customer("mike")
    got = await attempt(make(console, "mike@example.com", "new@example.com"))  # type: ignore[arg-type]
    assert isinstance(got, AccountExistsError)
    await accounts.create(
        console.ctx, username="ann@b.cz", email="ann@example.com", password=PASSWORD
    )
    got = await attempt(make(console, "new", "ann@b.cz"))  # type: ignore[arg-type]
    assert isinstance(got, AccountExistsError)
