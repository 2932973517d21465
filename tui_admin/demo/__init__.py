"""The demo: sample accounts in a database of its own, and a phone to hold in the other hand."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

from tui_admin.demo.phone import Phone
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

KIOSK_IDLE_S = 90
ACCOUNTS = {
    "customer@example.com": "sunny-harbour-42",
    "secured@example.com": "quiet-meadow-73",
}
"""The sample accounts, and their passwords as the sign-in screen shows them."""


class Demo:
    """Everything that a demo needs, in a temporary folder that goes with it."""

    def __init__(self, *, kiosk: bool) -> None:
        self._kiosk = kiosk
        self._folder = Path(tempfile.mkdtemp(prefix="tui-admin-demo-"))
        self.phone = Phone()

    def __enter__(self) -> Demo:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def hint(self) -> str:
        """The line under the sign-in form."""
        rows = [f"{email}  {password}" for email, password in ACCOUNTS.items()]
        return _("Demo accounts:") + "\n" + "\n".join(rows)

    async def open_context(self) -> Context:
        """Open a fresh database with the sample accounts; may be called again to start over."""
        self.phone.reset()
        sample = await asyncio.to_thread(_load_sample)
        # The one before is closed by now; a kiosk starts over many times a day.
        folder = self._folder / "data"
        shutil.rmtree(folder, ignore_errors=True)
        idle_s = KIOSK_IDLE_S if self._kiosk else None
        context: Context = await sample.open_sample(folder, self.phone, idle_s=idle_s)
        return context


def _load_sample() -> ModuleType:
    # Storage and the servers take longer to import than the first frame to draw: a thread does it
    # meanwhile.
    from tui_admin import flows
    from tui_admin.demo import sample

    flows.load_all()
    return sample
