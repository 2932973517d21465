"""Fixtures for tests that look at screens: their clock is the one that the flows look at."""

from __future__ import annotations

import pytest

from tests.screens.driving import TurnedTime
from tests.support.console import TurnedClock


@pytest.fixture(autouse=True)
def _screens_follow_the_turned_clock(clock: TurnedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the screens the turned clock in place of the machine's."""
    turned = TurnedTime(clock)
    for module in (
        "screens.attendance",
        "screens.otp",
        "screens.activation",
        "screens.lost_device",
        "tui_admin.demo.phone",
        "tui_admin.demo.inbox",
    ):
        monkeypatch.setattr(f"{module}.time", turned)


@pytest.fixture(autouse=True)
def _themes_change_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has to wait between two of them."""
    monkeypatch.setattr("screens.app.THEME_PAUSE_S", 0)
