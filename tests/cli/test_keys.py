"""The key file and its rotation, through the command and through flows."""

from __future__ import annotations

import json
import os
import stat
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Call, Shell
from tests.support.console import HOME, Console, Person, TurnedClock
from tests.support.recovery import Way
from tui_admin.config import Settings
from tui_admin.database import Database, StorageError
from tui_admin.errors import StartError
from tui_admin.flows import activation, audit, devices, keys, sign_in
from tui_admin.flows.answers import Activated, KeyView, SignedIn
from tui_admin.flows.context import Context
from tui_admin.models import Device, PendingKey
from tui_admin.security.sealed import Keyring, SealError, add_key, follow_keyring, load_keyring


def ids(path: Path) -> list[str]:
    return [key["id"] for key in json.loads(path.read_text())["keys"]]


def test_the_key_file_from_making_to_rotating(bare: Shell) -> None:
    """`generate` makes a file of mode 0600 and never touches one; `rotate` puts a key in front."""
    assert bare.run("keys", "generate").code == 0
    assert stat.S_IMODE(bare.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(bare.data_dir.stat().st_mode) == 0o700
    before = bare.key_file.read_bytes()
    refused = bare.run("keys", "generate")
    assert refused.code == 1 and "already" in refused.sentence
    assert bare.key_file.read_bytes() == before

    old = ids(bare.key_file)
    rotated = bare.run("keys", "rotate", "--json")
    assert rotated.code == 0
    assert rotated.json == {
        "key_id": ids(bare.key_file)[0],
        "devices": 0,
        "pending_keys": 0,
        "unreadable": 0,
        "requests": 0,
        "letters": 0,
    }
    assert ids(bare.key_file)[1:] == old
    assert stat.S_IMODE(bare.key_file.stat().st_mode) == 0o600
    assert sorted(path.name for path in bare.data_dir.iterdir()) == ["keys.json", "tui-admin.db"]
    assert bare.run("audit", "verify", "--json").json == {"rows": 1, "broken_at": None}


@pytest.mark.parametrize("damage", ["missing", "mode", "json", "format", "short", "empty"])
def test_a_key_file_that_cannot_be_used_is_named(shell: Shell, call: Call, damage: str) -> None:
    """Missing, open to others or damaged: a sentence with its name, 1, and it stays as it is."""
    text = shell.key_file.read_text()
    data = json.loads(text)
    match damage:
        case "missing":
            shell.key_file.unlink()
        case "mode":
            shell.key_file.chmod(0o640)
        case "json":
            shell.key_file.write_text(text[:-20])
        case "format":
            shell.key_file.write_text(json.dumps({**data, "format": "something-else"}))
        case "short":
            shell.key_file.write_text(json.dumps({**data, "keys": [{"id": "a", "secret": "AA=="}]}))
        case "empty":
            shell.key_file.write_text(json.dumps({**data, "keys": []}))
    kept = shell.key_file.read_bytes() if damage != "missing" else b""
    for command in (("account", "list"), ("keys", "rotate")):
        ended = call(shell, *command)
        assert ended.code == 1 and str(shell.key_file) in ended.sentence
        assert ended.out == b""
    assert damage == "missing" or shell.key_file.read_bytes() == kept


async def _holds(ctx: Context, people: list[Person]) -> None:
    """Assert that everybody can sign in with a code, and that the audit chain holds."""
    for person in people:
        step = await sign_in.password(ctx, HOME, person.name, person.password)
        assert not isinstance(step, SignedIn)
        assert isinstance(await sign_in.code(ctx, HOME, step.half, person.code()), SignedIn)
    assert (await audit.verify(ctx)).broken_at is None
    for person in people:
        person.clock.turn(60)


async def test_a_console_that_is_open_during_a_rotation_goes_on(
    console: Console, settings: Settings
) -> None:
    """A process with old keys in memory opens what was re-sealed, and seals with the new key."""
    alice = await console.customer("alice", otp=True)
    bob = await console.customer("bob")
    session = await console.sign_in(bob)
    pending = await activation.begin(console.ctx, HOME, session)
    other = await console.second_process()

    rotation = await keys.rotate(other)
    assert rotation.resealed == keys.Resealed(devices=1, pending_keys=1, unreadable=0)

    await _holds(console.ctx, [alice])
    bob.key = pending.key.replace(" ", "")
    done = await activation.confirm(console.ctx, HOME, session, bob.password, bob.code())
    assert isinstance(done, Activated)
    assert all(
        row.sealed_key.startswith(f"1.{rotation.key_id}.") for row in await console.rows(Device)
    )
    console.clock.turn(90)
    await _holds(other, [alice, bob])


@pytest.mark.usefixtures("easy_captcha")
async def test_a_rotation_in_the_middle_of_a_recovery(console: Console) -> None:
    """The codes of an open request, and the letters that carry them, follow to the new key."""
    way = await Way.begin(console, await console.customer(otp=True))
    captcha_key = console.ctx.keyring.current_id
    await way.confirm_mail()
    rotation = await keys.rotate(await console.second_process())
    assert rotation.resealed == keys.Resealed(1, 0, 0, requests=1, letters=1)
    assert rotation.key_id != captcha_key
    assert (await keys.survey(console.ctx)).older == 0
    await way.send_sms()
    await way.finish()
    assert (await keys.survey(console.ctx)).unknown == 0


async def test_recovery_codes_of_any_key_work_in_every_process(console: Console) -> None:
    """Codes handed out before a rotation, and after it by another process, open the door here."""
    alice = await console.customer("alice", otp=True)
    other = await console.second_process()
    await keys.rotate(other)
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(other, HOME, token)
    bob.key = view.key.replace(" ", "")
    done = await activation.confirm(other, HOME, token, bob.password, bob.code())
    assert isinstance(done, Activated)
    bob.recovery_codes = done.codes
    for person in (alice, bob):
        half = await console.half(person)
        answer = await sign_in.recovery_code(console.ctx, HOME, half, person.recovery_codes[0])
        assert isinstance(answer, SignedIn)


class _Crash(BaseException):
    """The end of the process, as far as the code under test can tell."""


class _CrashingClock(TurnedClock):
    """A clock that ends the process when it is asked for the n-th time.

    Every transaction begins by asking it, so this is a crash between two transactions.
    """

    def __init__(self, clock: TurnedClock, calls: int) -> None:
        super().__init__(clock.now())
        self.calls = calls

    def now(self) -> datetime:
        self.calls -= 1
        if self.calls < 0:
            raise _Crash
        return super().now()


async def test_a_rotation_cut_short_at_any_step_leaves_everything_readable(
    console: Console, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a rotation ends, a restarted process opens every key, and `reseal` finishes it."""
    monkeypatch.setattr(keys, "BATCH", 1)
    people = [await console.customer(name, otp=True) for name in ("alice", "bob")]
    carol = await console.customer("carol")
    session = await console.sign_in(carol)
    states: list[keys.Survey] = []
    for steps in range(20):
        crashing = replace(console.ctx, clock=_CrashingClock(console.clock, steps))
        try:
            await keys.rotate(crashing)
        except _Crash:
            states.append(await keys.survey(console.ctx))
            await console.reopen()
            await _holds(console.ctx, people)
            assert isinstance(await activation.begin(console.ctx, HOME, session), KeyView)
        else:
            break
    else:
        pytest.fail("the rotation never came to its end")
    assert {state.older for state in states} >= {0, 1, 2}, "the crashes hit every step"
    assert all(state.unknown == 0 for state in states)

    add_key(
        settings.key_path
    )  # the step that no transaction stands before: file written, then gone
    await console.reopen()
    assert (await keys.survey(console.ctx)).current == 0
    await _holds(console.ctx, people)
    assert (await keys.reseal(console.ctx)).devices == 2
    assert (await keys.survey(console.ctx)).older == 0
    assert await keys.reseal(console.ctx) == keys.Resealed(0, 0, 0)
    await _holds(console.ctx, people)


async def test_a_rotation_that_storage_stops_says_how_to_finish(
    console: Console, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage gone before the new key changes nothing; gone after it, the sentence says how on."""
    await console.customer("alice", otp=True)

    class Gone(TurnedClock):
        calls = 0

        def now(self) -> datetime:
            self.calls += 1
            if self.calls == 2:
                raise StorageError
            return console.clock.now()

    with pytest.raises(keys.RotationUnfinishedError, match="--reseal-only"):
        await keys.rotate(replace(console.ctx, clock=Gone()))
    before = ids(settings.key_path)
    broken = replace(console.ctx, database=_no_database(console))
    with pytest.raises(StorageError):
        await keys.rotate(broken)
    assert ids(settings.key_path) == before


def _no_database(console: Console) -> Database:
    """Return a database at an address where none can be."""
    return Database(f"sqlite+aiosqlite:///{console.settings.data_dir / 'no' / 'such' / 'folder'}")


async def test_rotation_moves_no_key_to_another_row(console: Console) -> None:
    """What does not open is left alone and counted, and two swapped keys stay refused (S5)."""
    alice = await console.customer("alice", otp=True)
    bob = await console.customer("bob", otp=True)
    mine, other = await console.rows(Device)
    swap = "UPDATE device SET sealed_key = :sealed WHERE id = :id"
    await console.execute(swap, sealed=other.sealed_key, id=mine.id)
    rotation = await keys.rotate(console.ctx)
    assert rotation.resealed == keys.Resealed(devices=1, pending_keys=0, unreadable=1)
    healthy = next(p for p in (alice, bob) if p.account_id == other.account_id)
    await _holds(console.ctx, [healthy])
    victim = next(p for p in (alice, bob) if p.account_id == mine.account_id)
    half = await console.half(victim)
    with pytest.raises(SealError):
        await sign_in.code(console.ctx, HOME, half, victim.code())


async def test_rotation_spends_no_code_and_keeps_spent_ones_spent(console: Console) -> None:
    """Re-sealing touches the key alone: name, times and the last step stay (S1)."""
    await console.customer("alice", otp=True)
    (before,) = await console.rows(Device)
    await keys.rotate(console.ctx)
    (after,) = await console.rows(Device)
    assert after.sealed_key != before.sealed_key
    assert after.model_dump(exclude={"sealed_key"}) == before.model_dump(exclude={"sealed_key"})
    events = await console.events()
    assert events[-2:] == ["keys.rotated", "keys.resealed"]
    assert await console.rows(PendingKey) == []


async def test_a_key_is_shown_again_after_a_rotation(console: Console) -> None:
    """`Show shared key` gives the same key whatever it is sealed with."""
    alice = await console.customer("alice", otp=True)
    session = await console.sign_in(alice)
    await keys.rotate(await console.second_process())
    (device,) = await console.rows(Device)
    view = await devices.show_key(
        console.ctx, HOME, session, device.id, alice.password, alice.code()
    )
    assert view.key.replace(" ", "") == alice.key


def test_two_rotations_at_once_lose_no_key(settings: Settings) -> None:
    """Each of many keys that are added at the same time is in the file at the end."""
    added: list[str] = []
    threads = [
        threading.Thread(target=lambda: added.append(add_key(settings.key_path).current_id))
        for _ in range(8)
    ]
    first = ids(settings.key_path)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ids(settings.key_path)) == sorted([*added, *first])
    assert [path.name for path in settings.data_dir.glob(".*")] == []


def test_a_file_that_goes_bad_does_not_stop_an_open_console(settings: Settings) -> None:
    """A follower keeps its keys while the file is unreadable, and takes the next good one over."""
    path = settings.key_path
    follower = follow_keyring(path)
    sealed = follower.seal(b"key", place="here")
    good = path.read_text()
    path.write_text("{")
    assert follower.open(sealed, place="here") == b"key"
    assert follower.seal(b"key", place="here").split(".")[1] == follower.current_id
    stranger = Keyring.random().seal(b"key", place="here")
    with pytest.raises(SealError):
        follower.open(stranger, place="here")
    path.write_text(good)
    fresh = add_key(path)
    assert follower.open(fresh.seal(b"new", place="here"), place="here") == b"new"
    assert follower.keys == fresh.keys


def test_a_lookup_asks_under_keys_that_were_added_since(settings: Settings) -> None:
    """A hash made under a key that another process added is found, without a restart."""
    follower = follow_keyring(settings.key_path)
    fresh = add_key(settings.key_path)
    assert fresh.mac("recovery-code", "word") in follower.macs("recovery-code", "word")
    add_key(settings.key_path)
    mac = fresh.mac("recovery-code", "word")
    assert follower.mac("recovery-code", "word", key_id=mac.split(".")[0]) == mac
    newest = add_key(settings.key_path)
    assert follower.mac("recovery-code", "word") == newest.mac("recovery-code", "word")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_rotation_by_root_leaves_the_file_to_its_owner(settings: Settings) -> None:
    """The server's user can still read the key file after root rotated it."""
    os.chown(settings.key_path, 12345, 12345)
    add_key(settings.key_path)
    assert (settings.key_path.stat().st_uid, settings.key_path.stat().st_gid) == (12345, 12345)


def test_rotation_follows_a_link(settings: Settings, tmp_path: Path) -> None:
    """A key file that is reached through a link stays where it is."""
    real = tmp_path / "elsewhere.json"
    settings.key_path.rename(real)
    settings.key_path.symlink_to(real)
    keyring = add_key(settings.key_path)
    assert settings.key_path.is_symlink()
    assert load_keyring(real).current_id == keyring.current_id


def test_adding_a_key_to_no_file_is_refused(tmp_path: Path) -> None:
    """A rotation makes no key file where there is none."""
    with pytest.raises(StartError, match="keys generate"):
        add_key(tmp_path / "no" / "keys.json")
    assert list(tmp_path.iterdir()) == []
