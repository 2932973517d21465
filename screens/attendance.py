"""Is the person still there, and is the session still open? One for each terminal."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from textual.timer import Timer

from screens.base import FlowCaller
from screens.widgets.form import Notice
from tui_admin import flows
from tui_admin.errors import ConsoleError, SessionEndedError
from tui_admin.i18n import _

if TYPE_CHECKING:
    from screens.app import ConsoleApp

log = logging.getLogger(__name__)
_CHECK_EVERY_S = 1.0
_WARN_BEFORE_S = 60


class Attendance:
    """Notes keys and clicks, looks at the session with them, and ends what stands idle.

    Between two looks at the clock no timer runs: a terminal at rest costs nothing.
    """

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self._idle_s = 0.0
        self._seen_s = time.monotonic()
        self._checked_s = 0.0
        self._was_used = False
        self._warned: Notice | None = None
        self._warning = ""
        self.timer: Timer | None = None
        """Rings when the idle time may be over."""

    def start(self, idle_s: float) -> None:
        """Begin to watch; called once the settings are known, and again when they are new."""
        self._idle_s = idle_s
        self._arm()

    def begin_session(self) -> None:
        """Count from now on: somebody has just signed in."""
        self._seen_s = self._checked_s = time.monotonic()
        self._arm()

    def note(self) -> None:
        """A key, a click or a paste came. Looks at the session, at most once a second."""
        now_s = time.monotonic()
        self._seen_s = now_s
        self._was_used = True
        if self._warned is not None:
            if self._warned.said == self._warning:
                self._warned.say("")
            self._warned = None
        if self._app.signed_in is not None and now_s - self._checked_s >= _CHECK_EVERY_S:
            self._checked_s = now_s
            self._app.run_worker(self._check_session(), exit_on_error=False)

    async def _check_session(self) -> None:
        app = self._app
        if app.signed_in is None:
            return
        token = app.signed_in.session
        try:
            await flows.sessions.check(await app.context(), app.visitor, token)
        except SessionEndedError as error:
            # A change of factors may have given out a new token while this check was under way.
            app.session_over_for(token, error.sentence)
        except ConsoleError:
            # Without the database nothing can be done anyway; the next flow says so.
            return
        except Exception:
            log.exception("a session could not be checked")

    def _arm(self) -> None:
        if self.timer is not None:
            self.timer.stop()
        left_s = self._seen_s + self._idle_s - time.monotonic()
        if left_s <= 0:
            self._idle()
            left_s = self._idle_s
        elif self._app.signed_in is not None and self._idle_s > _WARN_BEFORE_S:
            if left_s <= _WARN_BEFORE_S:
                self.warn(_("You will be signed out in a minute. Press any key to stay."))
            else:
                left_s -= _WARN_BEFORE_S
        self.timer = self._app.set_timer(max(left_s, 0.1), self._arm)

    def warn(self, sentence: str) -> None:
        """Say that something ends soon; the next key takes the sentence away."""
        screen = self._app.screen
        if isinstance(screen, FlowCaller):
            self._app.bell()
            self._warning = sentence
            self._warned = screen.notice
            self._warned.say(self._warning)

    def _idle(self) -> None:
        self._seen_s = time.monotonic()
        if self._was_used:
            self._was_used = False
            self._app.run_worker(self._app.end_idle(), exit_on_error=False)
