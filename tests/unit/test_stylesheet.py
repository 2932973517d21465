"""Style sheets are parsed once for all terminals of a process."""

from __future__ import annotations

import pytest
from textual.css.stylesheet import StylesheetParseError

from screens.stylesheet import SharedStylesheet

SHEET = "Label { color: $line; } .row { height: 1; }"


def _made(variables: dict[str, str], *sheets: str) -> SharedStylesheet:
    made = SharedStylesheet(variables=variables)
    for sheet in sheets:
        made.add_source(sheet)
    return made


def test_two_apps_share_the_rules_of_one_theme() -> None:
    """The second one parses nothing."""
    first, second = (_made({"line": "red"}, SHEET) for _app in range(2))
    assert first.rules is second.rules
    assert first.rules_map is second.rules_map


def test_another_theme_has_rules_of_its_own() -> None:
    """Variables are part of what a sheet means."""
    red, blue = _made({"line": "red"}, SHEET), _made({"line": "blue"}, SHEET)
    assert red.rules[0].styles.color.hex == "#FF0000"
    assert blue.rules[0].styles.color.hex == "#0000FF"


def test_a_change_of_theme_changes_one_app() -> None:
    """And a change back finds the rules that were there."""
    mine, other = _made({"line": "red"}, SHEET), _made({"line": "red"}, SHEET)
    before = mine.rules
    mine.set_variables({"line": "blue"})
    mine.reparse()
    assert mine.rules[0].styles.color.hex == "#0000FF"
    assert other.rules is before
    mine.set_variables({"line": "red"})
    mine.reparse()
    assert mine.rules is before


def test_a_sheet_that_one_app_read_later_is_not_in_the_others() -> None:
    """A screen's own sheet comes with the screen."""
    mine, other = _made({"line": "red"}, SHEET), _made({"line": "red"}, SHEET)
    mine.add_source(".late { height: 2; }")
    mine.reparse()
    assert len(mine.rules) == len(other.rules) + 1
    assert "late" not in str(other.rules_map)


def test_a_sheet_that_is_wrong_leaves_the_rules_as_they_were() -> None:
    """As in Textual, which parses into a copy."""
    mine = _made({"line": "red"}, SHEET)
    before = mine.rules
    mine.add_source("Label { color: nonsense; }")
    with pytest.raises(StylesheetParseError):
        mine.reparse()
    assert mine._rules is before
