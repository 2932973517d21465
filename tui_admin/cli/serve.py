"""`tui-admin serve`: the console for those who come from elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from tui_admin.cli.output import group, say
from tui_admin.i18n import _

app = group(_("Serve the console to terminals elsewhere."))


@app.callback()
def _only_groups() -> None:
    """Keep `ssh` a word of its own, though it is the only one so far."""


@app.command(help=_("Serve the console over SSH, until it is told to stop (SIGTERM, Ctrl+C)."))
def ssh(
    host: Annotated[
        str | None, typer.Option(help=_("Address to listen on, in place of ssh.host."))
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help=_("Port to listen on, in place of ssh.port; 0 picks one.")
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0, max=256, help=_("Processes, in place of ssh.workers; 0 is one a core.")
        ),
    ] = None,
    leash: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Listen, and say where once it is ready."""
    from tui_admin import wiring
    from tui_admin.config import load_settings

    settings = load_settings()
    asked = {"host": host, "port": port, "workers": workers}
    named = {name: value for name, value in asked.items() if value is not None}
    settings = settings.model_copy(update={"ssh": settings.ssh.model_copy(update=named)})

    def ready(host: str, port: int) -> None:
        say(_("listening on {host}:{port}").format(host=host, port=port))

    raise typer.Exit(wiring.serve(settings, ready, leash=leash))
