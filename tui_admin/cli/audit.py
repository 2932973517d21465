"""`tui-admin audit`: the log of authentication events."""

from __future__ import annotations

from tui_admin.cli.output import AsJson, group, print_json, say, with_context
from tui_admin.errors import RejectedError
from tui_admin.i18n import _, ngettext

app = group(_("Check the log of authentication events."))


class ChainBrokenError(RejectedError):
    """A row of the log was changed, taken out, or put in by somebody without the key file."""

    code = "chain_broken"

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row

    @property
    def sentence(self) -> str:
        return _(
            "The audit log is broken at row {row}: it was changed, removed or forged, or its key "
            "is not in the key file. The rows before it hold."
        ).format(row=self.row)


@app.command(
    help=_(
        "Check that no row of the log was changed or taken out. With --json, prints rows (how many "
        "hold) and broken_at (the first row that does not, or null)."
    )
)
def verify(as_json: AsJson = False) -> None:
    """Walk the whole chain."""
    from tui_admin.flows import audit

    found = with_context(audit.verify)
    if as_json:
        print_json({"rows": found.rows, "broken_at": found.broken_at})
    elif found.broken_at is None:
        say(
            ngettext(
                "The audit log holds: {n} row.", "The audit log holds: {n} rows.", found.rows
            ).format(n=found.rows)
        )
    if found.broken_at is not None:
        raise ChainBrokenError(found.broken_at)
