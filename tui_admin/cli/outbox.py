"""`tui-admin outbox`: the letters that wait, and what became of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_admin.cli.output import (
    AsJson,
    UsageError,
    group,
    moment,
    print_json,
    print_table,
    say,
    with_context,
)
from tui_admin.i18n import _, ngettext

if TYPE_CHECKING:
    from tui_admin.flows.answers import LetterView

_JSON_KEYS = (
    "id, channel (email or sms), recipient, template, created_at, due_at (ISO 8601 in UTC), "
    "attempts, state (waiting, sent, failed or expired), last_error"
)

app = group(_("List letters, and try failed ones again."))


@app.command(
    "list",
    help=_(
        "List letters, the oldest first, with addresses in full and without contents. "
        "With --json, prints an array of objects with: {keys}."
    ).format(keys=_JSON_KEYS),
)
def list_letters(
    state: Annotated[
        str, typer.Option(metavar="STATE", help=_("Only those: waiting, sent, failed or expired."))
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List letters."""
    from tui_admin.flows import outbox

    if state not in {"", *outbox.STATES}:
        raise UsageError(
            _("The state is one of: {states}.").format(states=", ".join(outbox.STATES))
        )
    letters = with_context(lambda ctx: outbox.listing(ctx, state))
    if as_json:
        print_json([_as_json(letter) for letter in letters])
        return
    if not letters:
        say(_("There are no letters."))
        return
    heads = [_("ID"), _("written"), _("state"), _("tries"), _("template"), _("to"), _("last error")]
    print_table([heads, *(_row(letter) for letter in letters)])


@app.command(
    help=_(
        "Try a letter that was given up on once more, or with --failed all of them. Letters with a "
        "code cannot be: the code was erased. With --json, prints retried and left: how many wait "
        "again, and how many cannot."
    )
)
def retry(
    letter: Annotated[str, typer.Argument(metavar="ID", help=_("The letter's ID."))] = "",
    failed: Annotated[bool, typer.Option("--failed", help=_("All that were given up on."))] = False,
    as_json: AsJson = False,
) -> None:
    """Let letters wait again."""
    from tui_admin.flows import outbox

    if bool(letter) == failed:
        raise UsageError(_("Name one letter, or say --failed."))
    if failed:
        done = with_context(outbox.retry_failed)
    else:
        with_context(lambda ctx: outbox.retry(ctx, letter))
        done = outbox.Retried(1, 0)
    if as_json:
        print_json({"retried": done.retried, "left": done.left})
        return
    say(
        ngettext("{n} letter waits again.", "{n} letters wait again.", done.retried).format(
            n=done.retried
        )
    )
    if done.left:
        say(
            ngettext(
                "{n} letter carried a code that was erased; it is not sent any more.",
                "{n} letters carried codes that were erased; they are not sent any more.",
                done.left,
            ).format(n=done.left)
        )


def _row(letter: LetterView) -> list[str]:
    return [
        letter.id,
        moment(letter.created_at),
        _state(letter),
        str(letter.attempts),
        letter.template,
        letter.recipient,
        letter.last_error,
    ]


def _as_json(letter: LetterView) -> dict[str, Any]:
    return {
        "id": letter.id,
        "channel": letter.channel,
        "recipient": letter.recipient,
        "template": letter.template,
        "created_at": moment(letter.created_at),
        "due_at": moment(letter.due_at),
        "attempts": letter.attempts,
        "state": _state(letter),
        "last_error": letter.last_error,
    }


def _state(letter: LetterView) -> str:
    return letter.outcome or "waiting"
