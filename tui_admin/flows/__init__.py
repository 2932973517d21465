"""Decisions, one file a journey: the screens, the commands and the SSH door all come through here.

The files load when they are first used: the storage beneath them takes longer to import than the
first frame takes to draw.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_admin.flows import (
        accounts,
        activation,
        audit,
        captcha,
        contacts,
        devices,
        keys,
        lost_device,
        outbox,
        profile,
        recovery_codes,
        sessions,
        sign_in,
        support,
    )

__all__ = [
    "accounts",
    "activation",
    "audit",
    "captcha",
    "contacts",
    "devices",
    "keys",
    "lost_device",
    "outbox",
    "profile",
    "recovery_codes",
    "sessions",
    "sign_in",
    "support",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(name)


def load_all() -> None:
    """Import every flow now; meant for a thread that runs while the first frame stands."""
    for name in __all__:
        import_module(f"{__name__}.{name}")
