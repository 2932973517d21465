"""The parser of all commands, put together from one file a group."""

from __future__ import annotations

from typing import Annotated

import typer

from tui_admin import __version__
from tui_admin.cli import account, audit, db, doctor, keys, outbox
from tui_admin.cli.output import group
from tui_admin.i18n import _

app = group(
    _(
        "The customer console in the terminal. Without a command it opens on this terminal. "
        "Settings come from tui-admin.toml and from variables TUI_ADMIN_...; doctor shows them."
    )
)
app.add_typer(account.app, name="account")
app.add_typer(keys.app, name="keys")
app.add_typer(db.app, name="db")
app.add_typer(outbox.app, name="outbox")
app.add_typer(audit.app, name="audit")
app.command("doctor", help=doctor.HELP)(doctor.doctor)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"tui-admin {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_version,
            is_eager=True,
            help=_("Show the version and end."),
        ),
    ] = False,
) -> None:
    """Take the options that stand before any command."""


@app.command(help=_("Try the console with sample accounts; nothing is set up and nothing is kept."))
def demo(
    kiosk: Annotated[
        bool,
        typer.Option(
            "--kiosk", help=_("For a public stand: no way out, and a reset after 90 idle seconds.")
        ),
    ] = False,
) -> None:
    """Open the demo."""
    from tui_admin.cli.console import run_demo

    raise typer.Exit(run_demo(kiosk=kiosk))


@app.command(
    help=_("Open what a letter's link leads to; LINK is the link, or what its command names.")
)
def recover(link: Annotated[str, typer.Argument(metavar="LINK")]) -> None:
    """Open the console at the step that the link leads to."""
    from tui_admin.cli.console import run_console

    raise typer.Exit(run_console(link))
