"""The error family: every error has a sentence that is safe to show and a code of its own."""

from __future__ import annotations

import importlib
import pkgutil

import tui_admin
from tui_admin import errors, flows
from tui_admin.errors import ConsoleError


def family(kind: type[ConsoleError] = ConsoleError) -> set[type[ConsoleError]]:
    return {kind}.union(*(family(child) for child in kind.__subclasses__()))


def test_codes_are_unique() -> None:
    """S25: each error that is recorded can be told from all others by its code."""
    flows.load_all()
    for module in pkgutil.iter_modules(tui_admin.__path__, "tui_admin."):
        if module.name in {"tui_admin.database", "tui_admin.wiring"}:
            importlib.import_module(module.name)
    kinds = [kind for kind in family() if kind.__module__.startswith("tui_admin")]
    codes = [kind.code for kind in kinds]
    assert sorted(codes) == sorted(set(codes))


def test_each_has_a_sentence() -> None:
    """S29: every error says something, ends the sentence, and shows the same as text."""
    samples = [
        errors.ConsoleError(),
        errors.LimitedError(5),
        errors.UnavailableError(),
        errors.WrongCodeError(),
        errors.WrongCodeError(-60),
        errors.WrongCodeError(90),
        errors.ReusedCodeError(12),
        errors.ClockError(),
        errors.FactorBlockedError(),
        errors.WrongRecoveryCodeError(),
        errors.PendingKeyGoneError(),
        errors.SignInExpiredError(),
        errors.NotFoundError(),
        *(errors.SessionEndedError(why) for why in ("idle", "total", "security", "locked", "?")),
    ]
    for error in samples:
        assert error.sentence.endswith(".")
        assert str(error) == error.sentence
        assert error.sentence.isprintable()
    assert "slow" in errors.WrongCodeError(-60).sentence
    assert "fast" in errors.WrongCodeError(90).sentence
