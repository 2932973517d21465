"""Style sheets that are parsed once for all terminals of a process.

Textual parses them anew for each app, and once more at each change of the theme: 30 to 60 ms, and
a copy of some three hundred rules for each terminal. What a sheet means depends on its text and
the theme's variables alone, so all apps can share the rules; Textual's own nodes share them too.
"""

from __future__ import annotations

from typing import Any

from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_MOST = 512
"""Sheets and sets of sheets that are kept for one theme; far fewer exist."""


class _Parsed:
    """What has been parsed with one set of variables."""

    def __init__(self) -> None:
        self.sheets: LRUCache[tuple[Any, ...], list[RuleSet]] = LRUCache(_MOST)
        self.sets: LRUCache[tuple[Any, ...], tuple[list[RuleSet], dict[str, list[RuleSet]]]]
        self.sets = LRUCache(_MOST)


_parsed: LRUCache[frozenset[tuple[str, str]], _Parsed] = LRUCache(16)


class SharedStylesheet(Stylesheet):
    """Does the same as its base, and remembers across apps.

    `_parse_cache`, `_rules` and `_rules_map` are private to Textual; the exact pin and
    `test_stylesheet` watch over them.
    """

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._share(self._variables)

    def _share(self, variables: dict[str, str]) -> None:
        key = frozenset(variables.items())
        parsed = _parsed.get(key)
        if parsed is None:
            parsed = _parsed[key] = _Parsed()
        self._parsed = parsed
        self._parse_cache = parsed.sheets

    def set_variables(self, variables: dict[str, str]) -> None:
        """Set the theme's variables; rules that were parsed with them before are found again."""
        self._parse_cache = LRUCache(1)  # the base empties it
        super().set_variables(variables)
        self._share(variables)

    def parse(self) -> None:
        """Parse what nobody has parsed before."""
        key = tuple(self.source.items())
        known = self._parsed.sets.get(key)
        if known is not None:
            self._rules, self._rules_map = known
            self._require_parse = False
            return
        super().parse()
        self._parsed.sets[key] = self._rules, self.rules_map

    def reparse(self) -> None:
        """Apply new variables."""
        self.parse()
