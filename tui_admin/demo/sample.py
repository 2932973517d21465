"""Sample data: one account without OTP, one with it, whose key the phone already holds.

Letters are really delivered: to a mail server and an SMS gateway of the demo's own, on loopback.
"""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from tui_admin import wiring
from tui_admin.config import SessionSettings, Settings
from tui_admin.demo import ACCOUNTS
from tui_admin.demo.mail_server import MailServer
from tui_admin.demo.phone import Phone
from tui_admin.demo.sms_gateway import SmsGateway
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
    """Make a database with the sample accounts in `folder` and open it.

    Closing the context ends the delivery first and the servers that it delivers to then. The
    phone must be empty.
    """
    times = SessionSettings() if idle_s is None else SessionSettings(idle_s=idle_s)
    async with AsyncExitStack() as undo:
        mail, sms = MailServer(phone.inbox), SmsGateway(phone.inbox)
        undo.push_async_callback(mail.close)
        undo.push_async_callback(sms.close)
        mail_port, sms_port = await mail.start(), await sms.start()
        # Apprise asks the surroundings for a proxy, and none leads back to this machine.
        os.environ["no_proxy"] = "127.0.0.1"
        settings = DemoSettings(
            data_dir=folder,
            sessions=times,
            smtp_url=f"smtp://127.0.0.1:{mail_port}?starttls=never",
            sms_url=f"json://127.0.0.1:{sms_port}/{{phone}}?:id={{id}}",
        )
        save_keyring(settings.key_path, Keyring.random(), replace=False)
        ctx = await wiring.open_context(settings, deliver=True)
        servers = undo.pop_all()
        # First in the list is closed last: nothing is sent any more by then.
        ctx.on_close.insert(0, servers.aclose)
        undo.push_async_callback(ctx.close)
        for email, password in ACCOUNTS.items():
            await accounts.create(
                ctx,
                username=email.partition("@")[0],
                email=email,
                phone=PHONES[email],
                password=password,
                verified=True,
            )
        await _secure(ctx, phone)
        undo.pop_all()
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
