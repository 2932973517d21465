"""`tui-admin doctor`: every finding, and that it never fails itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.support.console import Console
from tests.support.mailbox import FaultyServer, Mailbox
from tests.support.outbox import Basket, worker, write
from tui_admin import wiring
from tui_admin.cli import doctor
from tui_admin.cli.doctor_delivery import check_mail, check_outbox, check_sms
from tui_admin.config import Settings
from tui_admin.delivery.senders import PermanentFailure, TemporaryFailure
from tui_admin.security.sealed import Keyring, add_key, save_keyring

NOW = datetime(2030, 1, 15, 12, 0, tzinfo=UTC)


def states(answer: dict[str, object]) -> dict[str, str]:
    findings = answer["findings"]
    assert isinstance(findings, list)
    return {finding["name"]: finding["state"] for finding in findings}


def sentences(answer: dict[str, object]) -> dict[str, str]:
    findings = answer["findings"]
    assert isinstance(findings, list)
    return {finding["name"]: finding["sentence"] for finding in findings}


def test_a_healthy_installation_has_nothing_broken(shell: Shell) -> None:
    """All checks are ok, in words, and the command ends with 0; only what is not set up yet asks
    for attention."""
    shell.data_dir.chmod(0o700)
    ended = shell.run("doctor", "--json")
    assert ended.code == 0 and ended.err == b""
    assert set(ended.json) == {"state", "findings"}
    well = (
        "packages",
        "settings",
        "folder",
        "keys",
        "database",
        "sealed keys",
        "outbox",
        "clock",
        "terminal",
    )
    to_do = {"mail": "attention", "sms": "attention"}
    assert states(ended.json) == {**dict.fromkeys(well, "ok"), **to_do}
    assert "smtp_url" in sentences(ended.json)["mail"]
    assert "sms_url" in sentences(ended.json)["sms"]
    assert "TUI_ADMIN_DATA_DIR" in sentences(ended.json)["settings"]
    shown = shell.run("doctor").text
    rows = shown.splitlines()
    assert len(rows) == 11 and sum(row.startswith("ok ") for row in rows) == 9


def test_a_fresh_machine_is_told_what_to_do_and_nothing_is_made(bare: Shell) -> None:
    """Without key file and database doctor names both, ends with 1, and leaves the disk alone."""
    ended = bare.run("doctor", "--json")
    assert ended.code == 1 and ended.json["state"] == "broken"
    assert states(ended.json)["keys"] == "broken"
    assert "tui-admin keys generate" in sentences(ended.json)["keys"]
    assert states(ended.json)["database"] == "attention"
    assert not bare.data_dir.exists()


def test_doctor_works_when_everything_is_broken(bare: Shell, tmp_path: Path) -> None:
    """Settings that cannot be read, in each way, are a finding; the other checks still run."""
    config = tmp_path / "bad.toml"
    config.write_text("brand = ")
    cases: list[tuple[dict[str, str], str]] = [
        ({"TUI_ADMIN_CONFIG": str(config)}, str(config)),
        ({"TUI_ADMIN_CONFIG": str(tmp_path / "no.toml")}, "no.toml"),
        ({"TUI_ADMIN_OTP__AHEAD_STEPS": "7"}, "otp.ahead_steps"),
        ({"TUI_ADMIN_LIMITS": "nonsense"}, "limits"),
    ]
    for environ, clue in cases:
        ended = bare.run("doctor", "--json", environ=environ)
        assert ended.code == 1 and b"Traceback" not in ended.err
        assert states(ended.json)["settings"] == "broken"
        assert clue in sentences(ended.json)["settings"]
        assert states(ended.json)["clock"] == "ok"


def test_broken_parts_are_all_named_at_once(shell: Shell, tmp_path: Path) -> None:
    """A folder open to others, a key file open to others and a damaged database: three findings."""
    shell.data_dir.chmod(0o777)
    shell.key_file.chmod(0o644)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"not a database" * 1000)
    ended = shell.run(
        "doctor",
        "--json",
        environ={
            "TUI_ADMIN_DATABASE_URL": f"sqlite+aiosqlite:///{damaged}",
            "TUI_ADMIN_BRNAD": "x",
        },
    )
    assert ended.code == 1
    said = sentences(ended.json)
    assert "chmod 700" in said["folder"]
    assert "chmod 600" in said["keys"]
    assert "damaged" in said["database"]
    assert "TUI_ADMIN_BRNAD" in said["settings"]
    assert states(ended.json)["settings"] == "attention"


async def test_a_key_file_of_another_installation_is_found(
    console: Console, settings: Settings
) -> None:
    """Shared keys that the key file cannot open are counted; older keys ask for `--reseal-only`."""
    await console.customer("alice", otp=True)
    assert (await doctor.check_sealed(console.ctx)).state == "ok"
    add_key(settings.key_path)
    older = await doctor.check_sealed(console.ctx)
    assert older.state == "attention" and "--reseal-only" in older.sentence
    save_keyring(settings.key_path, Keyring.random(), replace=True)
    unknown = await doctor.check_sealed(console.ctx)
    assert unknown.state == "broken" and "1 value is" in unknown.sentence


async def test_a_clock_behind_the_log_is_found(console: Console, shell: Shell) -> None:
    """A log that ends in the future means that this clock went back."""
    await console.customer("alice")  # by the turned clock, in 2030
    import asyncio

    ended = await asyncio.to_thread(shell.run, "doctor", "--json")
    if datetime.now(UTC) < NOW:
        assert ended.code == 1
        assert states(ended.json)["clock"] == "broken"
        assert "2030-01-15" in sentences(ended.json)["clock"]


@pytest.mark.parametrize(
    ("now", "last", "offset_s", "state"),
    [
        (NOW, NOW, 0.0, "ok"),
        (NOW, None, 1.9, "ok"),
        (NOW, None, 2.1, "attention"),
        (NOW, None, -2.1, "attention"),
        (NOW, NOW + timedelta(seconds=2), 0.0, "ok"),
        (NOW, NOW + timedelta(seconds=3), 0.0, "broken"),
        (datetime(2024, 12, 31, tzinfo=UTC), None, 0.0, "broken"),
        (datetime(1970, 1, 1, tzinfo=UTC), NOW, 9e9, "broken"),
    ],
)
def test_clock_findings(now: datetime, last: datetime | None, offset_s: float, state: str) -> None:
    """More than two seconds off the database, behind the log, or never set: each is found."""
    found = doctor.check_clock(now, last, offset_s)
    assert found.state == state
    assert state == "ok" or "NTP" in found.sentence


@pytest.mark.parametrize(
    ("environ", "size", "state"),
    [
        ({"TERM": "xterm-256color"}, (80, 24), "ok"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, (60, 20), "ok"),
        ({"TERM": "xterm-256color"}, (59, 24), "attention"),
        ({"TERM": "xterm-256color"}, (80, 19), "attention"),
        ({"TERM": "dumb"}, (80, 24), "attention"),
        ({}, (80, 24), "attention"),
        ({}, None, "ok"),
    ],
)
def test_terminal_findings(
    environ: dict[str, str],
    size: tuple[int, int] | None,
    state: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Too small, unnamed or without half blocks: a finding that says what to do."""
    import io
    import sys

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert doctor.check_terminal(environ, size).state == state


def test_plain_passlib_is_a_finding() -> None:
    """Plain passlib beside libpass is broken, and the sentence says how to mend it."""
    assert doctor.check_packages(None).state == "ok"
    found = doctor.check_packages("1.7.4")
    assert found.state == "broken" and "pip uninstall passlib" in found.sentence


def test_little_room_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less than 100 MB asks for attention; a folder that others may look into does too."""
    tmp_path.chmod(0o700)
    assert doctor.check_folder(tmp_path).state == "ok"
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 1 << 62)
    assert "Make room" in doctor.check_folder(tmp_path).sentence
    tmp_path.chmod(0o755)
    assert doctor.check_folder(tmp_path).state == "attention"
    file = tmp_path / "file"
    file.touch()
    assert doctor.check_folder(file).state == "broken"
    assert doctor.check_folder(tmp_path / "missing").state == "attention"


@pytest.mark.postgres
def test_a_server_is_checked_too(shell: Shell) -> None:
    """On PostgreSQL doctor and `db check` read version, safety, clock and every table."""
    assert shell.run("doctor").code == 0
    assert shell.run("db", "check").code == 0


async def test_the_mail_server_is_reached(settings: Settings) -> None:
    """A server that answers is ok; one that is away, hangs or refuses the password is broken, and
    no sentence tells the password. Nothing is sent."""
    async with Mailbox() as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}"
        found = await check_mail(settings.model_copy(update={"smtp_url": url}))
        assert found.state == "ok" and "wedos@wedos.com" in found.sentence
        assert mailbox.messages == []
    refused = "535 hunter2 is wrong"
    async with FaultyServer(EHLO="250-mail.test\r\n250 AUTH PLAIN", AUTH=refused) as server:
        secret = f"smtp://u:hunter2@127.0.0.1:{server.port}?starttls=never"
        with_password = settings.model_copy(update={"smtp_url": secret})
        found = await check_mail(with_password)
    assert found.state == "broken" and "hunter2" not in found.sentence
    assert "535" in found.sentence
    found = await check_mail(with_password)
    assert found.state == "broken" and "hunter2" not in found.sentence


async def test_a_mail_server_that_hangs_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor ends, whatever the server does."""
    monkeypatch.setattr(wiring, "TRY_S", 0.1)
    async with FaultyServer(greeting="hang") as server:
        url = f"smtp://127.0.0.1:{server.port}"
        found = await check_mail(settings.model_copy(update={"smtp_url": url}))
    assert found.state == "broken" and "in time" in found.sentence


def test_sms_findings(settings: Settings) -> None:
    """An Apprise URL is looked at without sending; what is not one is said so."""
    cases = {
        "json://127.0.0.1/{phone}": "ok",
        "nonsense://{phone}": "broken",
        "email://{phone}@sms.example.net": "broken",
    }
    for url, state in cases.items():
        found = check_sms(settings.model_copy(update={"sms_url": url, "smtp_url": ""}))
        assert found.state == state, found.sentence
    mailed = {"sms_url": "email://{phone}@sms.example.net", "smtp_url": "smtp://127.0.0.1"}
    assert check_sms(settings.model_copy(update=mailed)).state == "ok"


async def test_outbox_findings(console: Console) -> None:
    """A letter on its way is ok; one that waits long, or was given up on, asks for attention."""
    alice = await console.customer()
    assert (await check_outbox(console.ctx)).state == "ok"
    await write(console.ctx, alice)
    assert (await check_outbox(console.ctx)).state == "ok"
    console.clock.turn(3600)
    await worker(console.ctx, Basket(fails=TemporaryFailure("451 later"))).deliver_due()
    found = await check_outbox(console.ctx)
    assert found.state == "attention" and "451 later" in found.sentence
    console.clock.turn(3600)
    await worker(console.ctx, Basket(fails=PermanentFailure("550 no"))).deliver_due()
    found = await check_outbox(console.ctx)
    assert found.state == "attention" and "outbox list --state failed" in found.sentence
