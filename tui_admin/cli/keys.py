"""`tui-admin keys`: the key file that everything sealed rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tui_admin.cli.output import AsJson, group, print_json, say, with_context
from tui_admin.errors import RejectedError
from tui_admin.i18n import _, ngettext

if TYPE_CHECKING:
    from tui_admin.flows.keys import Resealed

app = group(_("Make the key file, and change the key in use."))


class UnreadableKeysError(RejectedError):
    """Some sealed values do not open with any key of the file."""

    code = "unreadable_keys"

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count

    @property
    def sentence(self) -> str:
        return ngettext(
            "{n} value opens with no key of the key file and was left as it is. "
            "If a backup of the key file has its key, restore that.",
            "{n} values open with no key of the key file and were left as they are. "
            "If a backup of the key file has their keys, restore that.",
            self.count,
        ).format(n=self.count)


@app.command(help=_("Make the key file, readable by you alone. An existing one is never touched."))
def generate() -> None:
    """Make the key file."""
    from tui_admin.config import load_settings
    from tui_admin.security.sealed import Keyring, save_keyring

    path = load_settings().key_path
    save_keyring(path, Keyring.random(), replace=False)
    say(_("Made the key file {path}.").format(path=path))
    say(_("Keep a backup apart from the database's: without it, nobody's OTP can be used."))


@app.command(
    help=_(
        "Put a new key into use and seal every shared key with it. The old keys stay in the file: "
        "recovery codes and the audit log rest on them. Consoles that are open go on and take the "
        "new key over from the file by themselves; where several machines share a database, copy "
        "the key file to the others at once. With --json, prints key_id (null with "
        "--reseal-only), devices, pending_keys, unreadable, requests and letters."
    )
)
def rotate(
    reseal_only: Annotated[
        bool,
        typer.Option(
            "--reseal-only", help=_("Make no new key; finish a rotation that was cut short.")
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change the key in use."""
    from tui_admin.flows import keys

    if reseal_only:
        key_id, resealed = None, with_context(keys.reseal)
    else:
        rotation = with_context(keys.rotate)
        key_id, resealed = rotation.key_id, rotation.resealed
    if as_json:
        print_json(
            {
                "key_id": key_id,
                "devices": resealed.devices,
                "pending_keys": resealed.pending_keys,
                "unreadable": resealed.unreadable,
                "requests": resealed.requests,
                "letters": resealed.letters,
            }
        )
    else:
        if key_id is not None:
            say(_("A new key is in use: {key}. The old ones stay in the file.").format(key=key_id))
        devices = ngettext("{n} device", "{n} devices", resealed.devices)
        pending = ngettext("{n} pending key", "{n} pending keys", resealed.pending_keys)
        others = ngettext("{n} code or letter", "{n} codes or letters", _passing(resealed))
        say(
            _("Sealed anew: {devices}, {pending}, {others}.").format(
                devices=devices.format(n=resealed.devices),
                pending=pending.format(n=resealed.pending_keys),
                others=others.format(n=_passing(resealed)),
            )
        )
        if key_id is not None:
            say(_("Make a new backup of the key file."))
    if resealed.unreadable:
        raise UnreadableKeysError(resealed.unreadable)


def _passing(resealed: Resealed) -> int:
    """How much was sealed anew that lives for minutes alone."""
    return resealed.requests + resealed.letters
