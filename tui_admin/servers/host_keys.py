"""The server's own key: made on the first start, ed25519, readable by its owner alone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

import asyncssh

from tui_admin.errors import StartError
from tui_admin.i18n import _

FILE_NAME = "ssh_host_ed25519_key"


def load_host_key(path: Path) -> asyncssh.SSHKey:
    """Return the host key at `path`, made if there is none.

    Raises:
        StartError: it cannot be read or written, or others can read it.
    """
    try:
        if not path.exists():
            _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StartError(
                _("The host key {path} can be read by others. Run: chmod 600 {path}").format(
                    path=path
                )
            )
        return asyncssh.read_private_key(path)
    except OSError as error:
        raise StartError(
            _("The host key {path} cannot be used: {why}").format(path=path, why=error.strerror)
        ) from None
    except asyncssh.KeyImportError:
        raise StartError(_("The host key {path} is damaged.").format(path=path)) from None


def fingerprint(key: asyncssh.SSHKey) -> str:
    """Return the fingerprint as OpenSSH shows it: `SHA256:…`."""
    return str(key.get_fingerprint())


def _make(path: Path) -> None:
    """Write a fresh key, whole or not at all; of two programs that start at once, one wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = asyncssh.generate_private_key("ssh-ed25519", comment="tui-admin")
    fresh = path.with_name(f".{path.name}.{token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key.export_private_key("openssh"))
        file.flush()
        os.fsync(descriptor)
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
