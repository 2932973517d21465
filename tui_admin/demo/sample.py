"""Sample data: one account without OTP, one with it, whose key the phone already holds."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from tui_admin import wiring
from tui_admin.config import SessionSettings, Settings
from tui_admin.demo import ACCOUNTS
from tui_admin.demo.phone import Phone
from tui_admin.flows import accounts, factors, recovery_codes, sign_in
from tui_admin.flows.context import Context
from tui_admin.models import Device
from tui_admin.security import otp
from tui_admin.security.sealed import Keyring, save_keyring

PHONES = {"customer@example.com": "+420603111222", "secured@example.com": "+420603333444"}
SECURED = "secured@example.com"


class DemoSettings(Settings):
    """Settings that take nothing from the surroundings, whatever is set up there."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


async def open_sample(folder: Path, phone: Phone, *, idle_s: int | None) -> Context:
    """Make a database with the sample accounts in `folder` and open it."""
    times = SessionSettings() if idle_s is None else SessionSettings(idle_s=idle_s)
    settings = DemoSettings(data_dir=folder, sessions=times)
    save_keyring(settings.key_path, Keyring.random(), replace=False)
    ctx = await wiring.open_context(settings)
    for email, password in ACCOUNTS.items():
        await accounts.create(
            ctx,
            username=email.partition("@")[0],
            email=email,
            phone=PHONES[email],
            password=password,
            verified=True,
        )
    phone.reset()
    await _secure(ctx, phone)
    return ctx


async def _secure(ctx: Context, phone: Phone) -> None:
    """Give one account a device, as if it had been activated before."""
    key = otp.SharedKey.random()
    async with ctx.write(accounts.OPERATOR) as tx:
        account = await sign_in.find_account(tx.db, SECURED)
        assert account is not None  # noqa: S101 (just made)
        device = Device(
            account_id=account.id, name="Phone", sealed_key="", last_step=0, added_at=tx.now
        )
        place = factors.key_place(account.id, device.id)
        device.sealed_key = ctx.keyring.seal(key.raw, place=place)
        tx.db.add(device)
        await recovery_codes.hand_out(ctx, tx, account)
        account.recovery_codes_confirmed_at = tx.now
        tx.record("otp.activated", account.id, device=device.id, name=device.name)
        uri = otp.provisioning_uri(key, issuer=ctx.settings.brand, account=account.username)
    phone.add(uri)
