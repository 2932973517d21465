"""Encryption at rest, and the key file that it rests on.

The key file holds master keys; the first one is in use, the others open what was made before a
rotation. Each purpose has a key of its own, derived by HKDF (RFC 5869), so that a value of one
purpose is nothing to another.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import secrets
import stat
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tui_admin.errors import StartError, UnavailableError
from tui_admin.i18n import _

KEY_BYTES = 32
NONCE_BYTES = 12
FORMAT = "tui-admin-keys-1"


class SealError(UnavailableError):
    """A sealed value does not open: another key, another place, or changed."""

    code = "seal"

    @property
    def sentence(self) -> str:
        return _("A stored key cannot be read. Please tell the operator.")


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One key of the file. Its `repr` shows the id alone."""

    id: str
    secret: bytes

    @classmethod
    def random(cls) -> MasterKey:
        return cls(secrets.token_hex(4), secrets.token_bytes(KEY_BYTES))

    def derive(self, purpose: str) -> bytes:
        info = b"tui-admin/" + purpose.encode("ascii")
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self.secret)

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"


class Keyring:
    """The master keys of one installation: seals, opens, and hashes with a key.

    `reload` returns the keys when they have changed since the last call, and None otherwise. It is
    asked before anything is sealed or looked up, so that a process that was up during a rotation
    neither goes on with the old key nor fails on the new one.
    """

    keys: tuple[MasterKey, ...]

    def __init__(
        self,
        keys: tuple[MasterKey, ...],
        *,
        reload: Callable[[], tuple[MasterKey, ...] | None] | None = None,
    ) -> None:
        self._reload = reload
        self.adopt(keys)

    def adopt(self, keys: tuple[MasterKey, ...]) -> None:
        """Work with `keys` from now on; the first one seals."""
        if not keys:
            raise ValueError("a keyring needs a key")
        self.keys = keys
        self._by_id = {key.id: key for key in keys}
        self._derived: dict[tuple[str, str], bytes] = {}

    def refresh(self) -> None:
        """Take over what a rotation in another process did to the key file."""
        if self._reload is not None and (keys := self._reload()) is not None:
            self.adopt(keys)

    @classmethod
    def random(cls) -> Keyring:
        return cls((MasterKey.random(),))

    def rotated(self) -> Keyring:
        """Return a keyring with a fresh key in front of the present ones."""
        return Keyring((MasterKey.random(), *self.keys))

    @property
    def current_id(self) -> str:
        return self.keys[0].id

    def seal(self, plaintext: bytes, *, place: str) -> str:
        """Encrypt with AES-256-GCM, bound to `place` as associated data.

        `place` names the row that the value belongs to; in another row it does not open.
        """
        self.refresh()
        nonce = secrets.token_bytes(NONCE_BYTES)
        key = self._key(self.current_id, "seal")
        sealed = AESGCM(key).encrypt(nonce, plaintext, place.encode("utf-8"))
        return f"1.{self.current_id}.{urlsafe_b64encode(nonce + sealed).decode('ascii')}"

    def open(self, envelope: str, *, place: str) -> bytes:
        """Decrypt what `seal` made for the same `place`.

        Raises:
            SealError: the key is not in the file, the place is another, or the value was changed.
        """
        try:
            version, key_id, body = envelope.split(".")
            blob = urlsafe_b64decode(body)
            if version != "1":
                raise SealError
            key = self._key(key_id, "seal")
            nonce, sealed = blob[:NONCE_BYTES], blob[NONCE_BYTES:]
            return AESGCM(key).decrypt(nonce, sealed, place.encode("utf-8"))
        except (ValueError, InvalidTag):
            raise SealError from None

    def mac(self, purpose: str, message: str, *, key_id: str | None = None) -> str:
        """Return `keyid.hex`, the HMAC-SHA256 of `message` under the key of one purpose.

        Raises:
            SealError: `key_id` is not in the key file.
        """
        if key_id is None:
            self.refresh()
            key_id = self.current_id
        key = self._key(key_id, purpose)
        return f"{key_id}.{hmac.new(key, message.encode('utf-8'), hashlib.sha256).hexdigest()}"

    def macs(self, purpose: str, message: str) -> list[str]:
        """Return the MAC under every key of the file, for looking a value up after a rotation."""
        self.refresh()
        return [self.mac(purpose, message, key_id=key.id) for key in self.keys]

    def _key(self, key_id: str, purpose: str) -> bytes:
        if (key_id, purpose) not in self._derived:
            if key_id not in self._by_id:
                self.refresh()
            master = self._by_id.get(key_id)
            if master is None:
                raise SealError
            self._derived[key_id, purpose] = master.derive(purpose)
        return self._derived[key_id, purpose]


def load_keyring(path: Path) -> Keyring:
    """Read the key file.

    Raises:
        StartError: it is missing, readable by others, or not a key file.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise StartError(
            _("There is no key file at {path}. Make one with: tui-admin keys generate").format(
                path=path
            )
        ) from None
    except (OSError, UnicodeDecodeError):
        raise StartError(_("The key file {path} cannot be read.").format(path=path)) from None
    if stat.S_IMODE(mode) & 0o077:
        raise StartError(
            _("The key file {path} can be read by others. Run: chmod 600 {path}").format(path=path)
        )
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise ValueError
        keys = [
            MasterKey(key["id"], b64decode(key["secret"], validate=True)) for key in data["keys"]
        ]
        if not all(len(key.secret) == KEY_BYTES and key.id.isalnum() for key in keys):
            raise ValueError
        return Keyring(tuple(keys))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StartError(
            _("{path} is not a key file of this program, or it is damaged.").format(path=path)
        ) from None


class _KeyFile:
    """The key file as a process that stays up follows it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def read(self) -> tuple[MasterKey, ...]:
        """Return the file's keys. Raises: `StartError`, as `load_keyring`."""
        # Looked at before reading: a change in between is seen the next time.
        seen = self._look()
        keys = load_keyring(self._path).keys
        self._seen = seen
        return keys

    def changed(self) -> tuple[MasterKey, ...] | None:
        """Return the keys of a file that is another than at the last reading.

        A file that cannot be read just now is None too: the keys in memory go on, and what they
        do not open is refused.
        """
        try:
            return None if self._look() == self._seen else self.read()
        except StartError:
            return None

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size


def follow_keyring(path: Path) -> Keyring:
    """Read the key file and keep up with rotations that other processes make.

    Raises:
        StartError: it is missing, readable by others, or not a key file.
    """
    file = _KeyFile(path)
    return Keyring(file.read(), reload=file.changed)


def add_key(path: Path) -> Keyring:
    """Put a fresh key in front of those in the key file and return them all.

    The old keys stay: they open what was sealed before, and two rotations at once wait for each
    other, since a key that is overwritten takes all that it has sealed with it.

    Raises:
        StartError: the file cannot be read or written; it is as it was.
    """
    load_keyring(path)  # so that a missing folder gives the sentence of a missing file
    path = path.resolve()  # a link keeps pointing at the file
    with _locked_folder(path):
        keyring = load_keyring(path).rotated()
        save_keyring(path, keyring, replace=True)
    return keyring


@contextmanager
def _locked_folder(path: Path) -> Iterator[None]:
    try:
        folder = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise _not_written(path, error) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def save_keyring(path: Path, keyring: Keyring, *, replace: bool) -> None:
    """Write the key file with mode 0600, whole or not at all, and synced to the disk.

    Raises:
        StartError: it is there already though `replace` is false, or cannot be written.
    """
    keys = [{"id": key.id, "secret": b64encode(key.secret).decode("ascii")} for key in keyring.keys]
    text = json.dumps({"format": FORMAT, "keys": keys}, indent=1) + "\n"
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _make_folder(path)
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                if replace:
                    _keep_owner(descriptor, path)
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            if replace:
                os.replace(fresh, path)
            else:
                # A link fails where the name exists, so two at once cannot both win.
                os.link(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except FileExistsError:
        raise StartError(
            _("There is a key file at {path} already; it was left as it is.").format(path=path)
        ) from None
    except OSError as error:
        raise _not_written(path, error) from None


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except FileExistsError as error:
        # A file where a folder belongs; told apart here from a key file that is there already.
        raise _not_written(path, error) from None


def _keep_owner(descriptor: int, path: Path) -> None:
    """Give the new file the old one's owner: root rotates, and the server still has to read it."""
    try:
        old = path.stat()
    except FileNotFoundError:
        return
    if old.st_uid != os.fstat(descriptor).st_uid:
        os.fchown(descriptor, old.st_uid, old.st_gid)


def _not_written(path: Path, error: OSError) -> StartError:
    return StartError(
        _("The key file {path} cannot be written: {why}").format(path=path, why=error.strerror)
    )
