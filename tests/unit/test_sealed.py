"""Encryption at rest and its key file."""

from __future__ import annotations

import json
import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest

from tui_admin.errors import StartError
from tui_admin.security.sealed import Keyring, MasterKey, SealError, load_keyring, save_keyring

PLAIN = b"12345678901234567890"


def test_what_is_sealed_opens_in_its_place_only() -> None:
    """S5: a sealed value opens for the place it was sealed for, and for no other."""
    ring = Keyring.random()
    sealed = ring.seal(PLAIN, place="device:a:1")
    assert ring.open(sealed, place="device:a:1") == PLAIN
    for place in ("device:a:2", "device:b:1", "pending:a:1", "", "device:a:1 "):
        with pytest.raises(SealError):
            ring.open(sealed, place=place)


def test_sealing_twice_gives_two_values() -> None:
    """S5: equal keys do not look equal, and nothing of the key is in the value."""
    ring = Keyring.random()
    sealed = {ring.seal(PLAIN, place="p") for _ in range(100)}
    assert len(sealed) == 100
    nonces = {urlsafe_b64decode(value.split(".")[2])[:12] for value in sealed}
    assert len(nonces) == 100
    assert all(PLAIN not in urlsafe_b64decode(value.split(".")[2]) for value in sealed)


def test_any_change_is_found() -> None:
    """S5: one bit changed anywhere, a byte cut off or added: refused."""
    ring, dice = Keyring.random(), random.Random(5)
    head, key_id, body = ring.seal(PLAIN, place="p").split(".")
    blob = bytearray(urlsafe_b64decode(body))
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1 << dice.randrange(8)
        envelope = f"{head}.{key_id}.{urlsafe_b64encode(changed).decode()}"
        with pytest.raises(SealError):
            ring.open(envelope, place="p")
    for other in (blob[:-1], blob[1:], blob + b"\0", b"", blob[:12]):
        envelope = f"{head}.{key_id}.{urlsafe_b64encode(other).decode()}"
        with pytest.raises(SealError):
            ring.open(envelope, place="p")


@pytest.mark.parametrize(
    "damaged",
    ["", ".", "..", "1..", "1.x.AAAA", "2.{id}.{body}", "1.{id}.{body}.x", "1.{id}.é", "x" * 99],
)
def test_what_is_no_envelope_is_refused(damaged: str) -> None:
    """S5, S29: anything that is not a sealed value gives `SealError`, never a crash."""
    ring = Keyring.random()
    _, key_id, body = ring.seal(PLAIN, place="p").split(".")
    with pytest.raises(SealError):
        ring.open(damaged.format(id=key_id, body=body), place="p")


def test_rotation_keeps_old_values_readable() -> None:
    """S5: after a rotation the old values open, new ones take the new key, and without the old
    key the old values do not open."""
    old = Keyring.random()
    sealed, mac = old.seal(PLAIN, place="p"), old.mac("audit", "x")
    new = old.rotated()
    assert new.current_id != old.current_id
    assert new.open(sealed, place="p") == PLAIN
    assert new.seal(PLAIN, place="p").split(".")[1] == new.current_id
    assert mac in new.macs("audit", "x")
    with pytest.raises(SealError):
        Keyring(new.keys[:1]).open(sealed, place="p")


def test_purposes_and_keys_give_different_macs() -> None:
    """S5: a keyed hash of one purpose, key or message is nothing to another."""
    ring = Keyring.random().rotated()
    made = {
        ring.mac(purpose, message, key_id=key.id)
        for purpose in ("audit", "recovery-code", "unknown-name")
        for message in ("", "a", "b")
        for key in ring.keys
    }
    assert len(made) == 18


def test_keys_do_not_show_themselves() -> None:
    """S25: neither repr of a key nor of a keyring holds the secret."""
    key = MasterKey.random()
    shown = f"{key!r} {key} {Keyring((key,))!r}"
    assert repr(key.secret) not in shown
    assert key.secret.hex() not in shown


def test_the_key_file_comes_back_whole(tmp_path: Path) -> None:
    """S5: a saved keyring loads equal, in a file of mode 0600 that leaves no other behind."""
    ring = Keyring.random().rotated()
    path = tmp_path / "made" / "keys.json"
    save_keyring(path, ring, replace=False)
    assert load_keyring(path).keys == ring.keys
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["keys.json"]


def test_a_key_file_is_not_overwritten(tmp_path: Path) -> None:
    """S5: making keys where keys are refuses and leaves them as they are; losing them would lose
    every shared key."""
    path = tmp_path / "keys.json"
    save_keyring(path, Keyring.random(), replace=False)
    before = path.read_bytes()
    with pytest.raises(StartError, match="already"):
        save_keyring(path, Keyring.random(), replace=False)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """S5, S29: with any right for group or others the console does not start, and says what to
    do."""
    path = tmp_path / "keys.json"
    save_keyring(path, Keyring.random(), replace=False)
    path.chmod(mode)
    with pytest.raises(StartError, match="chmod 600"):
        load_keyring(path)


def test_a_missing_key_file_says_what_to_do(tmp_path: Path) -> None:
    """S29: without a key file the sentence names the command that makes one."""
    with pytest.raises(StartError, match="tui-admin keys generate"):
        load_keyring(tmp_path / "keys.json")


def test_an_unreadable_key_file_is_said(tmp_path: Path) -> None:
    """S29: a folder, or bytes that are no text, in the place of the key file: a sentence."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder").chmod(0o600)
    with pytest.raises(StartError, match="cannot be read"):
        load_keyring(tmp_path / "folder")
    path = tmp_path / "bytes"
    path.write_bytes(b"\xff\xfe\x00")
    path.chmod(0o600)
    with pytest.raises(StartError, match="cannot be read"):
        load_keyring(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: "",
        lambda data: "null",
        lambda data: "[]",
        lambda data: json.dumps(data)[:-5],
        lambda data: json.dumps({**data, "format": "another"}),
        lambda data: json.dumps({**data, "keys": []}),
        lambda data: json.dumps({**data, "keys": None}),
        lambda data: json.dumps({**data, "keys": [{"id": "a.b", **_secret(data)}]}),
        lambda data: json.dumps({**data, "keys": [{"id": 5, **_secret(data)}]}),
        lambda data: json.dumps({**data, "keys": [{"id": "a", "secret": "AAAA"}]}),
        lambda data: json.dumps({**data, "keys": [{"id": "a", "secret": "****"}]}),
        lambda data: json.dumps({**data, "keys": [{"id": "a"}]}),
    ],
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, change: object) -> None:
    """S5, S29: a cut, foreign or mistyped key file: a sentence, no crash, nothing sealed with a
    short key."""
    path = tmp_path / "keys.json"
    save_keyring(path, Keyring.random(), replace=False)
    assert callable(change)
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(StartError, match="damaged"):
        load_keyring(path)


def _secret(data: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {"secret": data["keys"][0]["secret"]}


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """S29: below a file no key file can be written, and the sentence says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot be written"):
        save_keyring(tmp_path / "file" / "keys.json", Keyring.random(), replace=False)
