"""The text field draws one line a key, rests when nothing is typed, and takes pastes with care."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual import events, on
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.pilot import Pilot
from textual.validation import Length
from textual.widgets import Input
from textual.widgets.input import Selection

from screens.widgets import text_field
from screens.widgets.text_field import TextField, plain


class Form(App[None]):
    """A card with the field under test in 20 cells, and a second one to move the focus to."""

    CSS = "Vertical { width: 20; height: auto; }"

    field: Input

    def __init__(self, kind: type[Input], value: str | None = None, **options: Any) -> None:
        super().__init__()
        self.kind, self.value, self.options = kind, value, options
        self.overflows: list[TextField.Overflow] = []
        self.changes: list[str] = []
        self.submitted: list[str] = []
        self.layouts = 0

    def compose(self) -> ComposeResult:
        # Not before, since an `Input` that is given a value looks for the running app.
        self.field = self.kind(self.value, **self.options)
        with Vertical():
            yield self.field
            yield TextField(id="other")

    def on_mount(self) -> None:
        self.field.focus()

    def count_layouts(self) -> None:
        def count(_: object) -> None:
            self.layouts += 1

        self.screen.screen_layout_refresh_signal.subscribe(self.field, count, immediate=True)

    @on(TextField.Overflow)
    def _overflow(self, event: TextField.Overflow) -> None:
        self.overflows.append(event)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.changes.append(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.submitted.append(event.value)


async def paste(pilot: Pilot[None], text: str) -> None:
    """Hand the app what its driver makes of a bracketed paste."""
    pilot.app.post_message(events.Paste(text))
    await pilot.pause()


def drawn(field: Input) -> str:
    """The text of the field's line."""
    return field.render_line(0).text


# What a key costs. These pin what the field rests on in Textual: the redeclared reactives
# `virtual_size`, `value` and `selection`, and the cache of styles.


@pytest.mark.parametrize(("kind", "lays_out"), [(Input, True), (TextField, False)])
async def test_keys_never_lay_the_screen_out(kind: type[Input], lays_out: bool) -> None:
    """Thirty keys cause no layout; with Textual's own `Input` they do, so the test can fail."""
    app = Form(kind)
    async with app.run_test() as pilot:
        await pilot.pause()
        app.count_layouts()
        await pilot.press(*"abcdefghijklmnopqrstuvwxyz1234")
        assert app.field.value == "abcdefghijklmnopqrstuvwxyz1234"
        assert (app.layouts > 0) is lays_out


async def test_a_key_marks_one_line_for_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a border round the field, a key still draws only the line of text."""
    app = Form(TextField, compact=False)
    async with app.run_test() as pilot:
        field = app.field
        assert isinstance(field, TextField)
        await pilot.pause()
        asked: list[tuple[Region, ...]] = []
        refresh = TextField.refresh

        def watched(self: TextField, *regions: Region, **options: Any) -> TextField:
            asked.append(regions)
            return refresh(self, *regions, **options)

        monkeypatch.setattr(TextField, "refresh", watched)
        await pilot.press("a")
        assert field.size.height == 1
        assert field.outer_size.height == 3
        assert asked
        assert all(len(regions) == 1 and regions[0].height == 1 for regions in asked)


async def test_the_styles_are_kept_between_keys_and_follow_the_theme() -> None:
    """A key does not look the styles up again; a new theme does."""
    app = Form(TextField, "abc")
    async with app.run_test() as pilot:
        await pilot.press("end")
        app.field.render_line(0)
        before = app.field._line_styles  # type: ignore[attr-defined]
        await pilot.press("d")
        assert app.field._line_styles is before  # type: ignore[attr-defined]
        app.theme = "textual-light"
        await pilot.pause()
        line = app.field.render_line(0)
        assert {segment.style for segment in line} & set(before) == set()
        assert line.text.startswith("abcd")


async def test_the_line_follows_a_background_further_up() -> None:
    """A card that changes its colour under the field is not left behind in the kept styles."""
    app = Form(TextField, "abc")
    async with app.run_test() as pilot:
        app.field.styles.background = "transparent"
        await pilot.pause()
        before = app.field.render_line(0)
        app.query_one(Vertical).styles.background = "red"
        await pilot.pause()
        assert [one.style for one in app.field.render_line(0)] != [one.style for one in before]


async def test_nothing_runs_while_the_field_rests() -> None:
    """The blink timer that `Input` makes stays paused, with the focus and after typing."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await pilot.press("a", "left")
        timer = app.field._blink_timer
        assert timer is not None
        assert not timer._active.is_set()


async def test_without_validators_no_class_is_toggled() -> None:
    """Typing leaves the classes alone unless there is something to validate."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await pilot.pause()
        before = app.field.classes
        await pilot.press("a", "enter", "tab")
        assert app.field.classes == before


async def test_validators_set_the_usual_classes() -> None:
    """With a validator the field says so as `Input` does."""
    app = Form(TextField, validators=Length(minimum=2))
    async with app.run_test() as pilot:
        await pilot.press("a")
        assert app.field.has_class("-invalid")
        await pilot.press("b")
        assert app.field.has_class("-valid")
        assert not app.field.has_class("-invalid")


# Pasting.


@pytest.mark.parametrize(
    ("pasted", "taken"),
    [
        ("hello", "hello"),
        ("first\nsecond", "first"),
        ("first\r\nsecond", "first"),
        ("\n\nfirst\n", "first"),
        ("first\u2028second", "first"),
        ("a\x1b[31mb\x07\x9bc\td\x00", "a[31mbcd"),
        ("123\xa0456", "123 456"),
        ("abc\u202edef\u200b", "abcdef"),
        ("naïve 日本 👍", "naïve 日本 👍"),
        ("\n", ""),
        ("", ""),
        ("\x1b\x07", ""),
    ],
)
async def test_a_paste_is_one_clean_line(pasted: str, taken: str) -> None:
    """The first line with something in it is taken, without what keys could not type."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await paste(pilot, pasted)
        assert app.field.value == taken
        assert app.field.cursor_position == len(taken)
        assert app.overflows == []
        assert app.changes == ([taken] if taken else [])


async def test_a_paste_replaces_the_selection() -> None:
    """What is selected makes room for what is pasted."""
    app = Form(TextField, "abcdef", limit=6)
    async with app.run_test() as pilot:
        await pilot.pause()
        app.field.selection = Selection(4, 1)
        await paste(pilot, "XYZ")
        assert app.field.value == "aXYZef"
        assert app.field.selection == Selection.cursor(4)
        assert app.overflows == []


async def test_an_empty_paste_leaves_the_selection() -> None:
    """A paste with nothing in it does not delete what is selected."""
    app = Form(TextField, "abc")
    async with app.run_test() as pilot:
        await pilot.pause()
        await paste(pilot, "\x1b\n")
        assert app.field.value == "abc"
        assert app.field.selected_text == "abc"


@pytest.mark.parametrize(
    "options", [{"limit": 10}, {"max_length": 10}, {"limit": 10, "max_length": 50}]
)
async def test_too_much_is_cut_and_told(options: dict[str, int]) -> None:
    """What fits is taken; the message tells how much did not."""
    app = Form(TextField, "abc", select_on_focus=False, **options)
    async with app.run_test() as pilot:
        await pilot.pause()
        await paste(pilot, "0123456789")
        assert app.field.value == "abc0123456"
        assert [(one.control, one.dropped) for one in app.overflows] == [(app.field, 3)]
        await paste(pilot, "x")
        assert app.field.value == "abc0123456"
        assert app.overflows[-1].dropped == 1


async def test_megabytes_are_not_looked_through() -> None:
    """A huge paste is cut at the default limit, and its length is counted without reading it."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await paste(pilot, "x" * 3_000_000)
        assert len(app.field.value) == text_field.DEFAULT_LIMIT == 4096
        assert app.overflows[0].dropped == 3_000_000 - 4096


async def test_typing_stops_at_the_limit() -> None:
    """Keys beyond the limit are refused as `max_length` does it."""
    app = Form(TextField, limit=3)
    async with app.run_test() as pilot:
        await pilot.press(*"abcd")
        assert app.field.value == "abc"


async def test_a_paste_obeys_restrict() -> None:
    """A field for digits refuses a paste of anything else as a whole."""
    app = Form(TextField, restrict=r"\d*")
    async with app.run_test() as pilot:
        await paste(pilot, "12ab")
        assert app.field.value == ""
        await paste(pilot, "1234")
        assert app.field.value == "1234"


async def test_the_clipboard_of_the_console_is_cleaned_too() -> None:
    """`ctrl+v` goes the same way as a paste of the terminal."""
    app = Form(TextField, limit=4)
    async with app.run_test() as pilot:
        app.copy_to_clipboard("ab\x1bcdef\nxyz")
        await pilot.press("ctrl+v")
        assert app.field.value == "abcd"
        assert app.overflows[0].dropped == 2


async def test_control_characters_are_kept_out_whoever_sets_the_value() -> None:
    """No constructor, assignment or placeholder gets an escape to the terminal."""
    app = Form(TextField, "a\x1b[2Jb", placeholder="p\x1b]0;x\x07")
    async with app.run_test() as pilot:
        assert app.field.value == "a[2Jb"
        app.field.value = "c\x9b\x00d"
        assert app.field.value == "cd"
        app.field.value = ""
        await pilot.pause()
        assert drawn(app.field).rstrip() == "p]0;x"


def test_plain_leaves_printable_text_as_it_is() -> None:
    """No copy is made of what is fine."""
    text = "přístup 日本"
    assert plain(text) is text


# Passwords.


async def test_a_password_shows_dots_until_it_is_revealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Revealed text is drawn at once and hidden again by the timer."""
    app = Form(TextField, password=True)
    async with app.run_test() as pilot:
        field = app.field
        assert isinstance(field, TextField)
        await pilot.press(*"secret")
        assert drawn(field).rstrip() == "••••••"

        timers: list[tuple[float, Callable[[], None]]] = []
        set_timer = field.set_timer

        def fake(delay: float, callback: Callable[[], None]) -> object:
            timers.append((delay, callback))
            return set_timer(3600, callback)

        monkeypatch.setattr(field, "set_timer", fake)
        field.reveal = True
        await pilot.pause()
        assert drawn(field).rstrip() == "secret"
        ((delay_s, ring),) = timers
        assert delay_s == text_field.REVEAL_S
        ring()
        await pilot.pause()
        assert field.reveal is False
        assert drawn(field).rstrip() == "••••••"


async def test_a_revealed_password_is_hidden_when_the_focus_leaves() -> None:
    """Nothing stays readable on a field that one has left."""
    app = Form(TextField, password=True)
    async with app.run_test() as pilot:
        field = app.field
        assert isinstance(field, TextField)
        await pilot.press(*"secret")
        field.reveal = True
        await pilot.press("tab")
        await pilot.pause()
        assert field.reveal is False
        assert drawn(field).rstrip() == "••••••"


# What `Input` does.


async def test_cursor_selection_and_clipboard_work_as_before() -> None:
    """Moving, selecting, copying, cutting, deleting and submitting are those of `Input`."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await pilot.press(*"hello", "space", *"world")
        await pilot.press("home", "ctrl+right", "shift+end")
        assert app.field.selected_text == "world"
        await pilot.press("ctrl+c")
        assert app.clipboard == "world"
        await pilot.press("X")
        assert app.field.value == "hello X"
        await pilot.press("shift+home", "ctrl+x")
        assert (app.field.value, app.clipboard) == ("", "hello X")
        await pilot.press(*"ab", "left", "delete", "backspace", "c", "enter")
        assert app.submitted == ["c"]
        assert app.changes[-1] == "c"


async def test_the_mouse_sets_the_cursor_and_selects() -> None:
    """A click puts the cursor where it is made; dragging selects."""
    app = Form(TextField, "abcdef")
    async with app.run_test() as pilot:
        await pilot.click(app.field, offset=(2, 0))
        assert app.field.selection == Selection.cursor(2)
        await pilot.mouse_down(app.field, offset=(1, 0))
        await pilot.hover(app.field, offset=(4, 0))
        await pilot.mouse_up(app.field, offset=(4, 0))
        assert app.field.selected_text == "bcd"


async def test_it_is_drawn_like_an_input() -> None:
    """Text, cursor and selection come out cell by cell as `Input` draws them."""
    lines: list[list[list[tuple[str, object]]]] = []
    for kind in (Input, TextField):
        app = Form(kind, compact=True)
        drawings: list[list[tuple[str, object]]] = []
        async with app.run_test() as pilot:
            for keys in (["a", "日", "c"], ["left"], ["shift+home"], ["end"], ["tab"]):
                await pilot.press(*keys)
                await pilot.pause()
                cells: list[tuple[str, object]] = [
                    (char, segment.style and (segment.style.color, segment.style.bgcolor))
                    for segment in app.field.render_line(0)
                    for char in segment.text
                ]
                drawings.append(cells[:15])
        lines.append(drawings)
    assert lines[0] == lines[1]


async def test_a_long_text_scrolls_with_the_cursor_and_back() -> None:
    """The end stays in sight while typing, deleting leaves no gap, home shows the start."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await pilot.press(*"0123456789" * 3)
        assert drawn(app.field) == "1234567890123456789 "
        await pilot.press("backspace", "backspace")
        assert drawn(app.field) == "9012345678901234567 "
        await pilot.press("ctrl+u")
        assert drawn(app.field) == " " * 20
        await pilot.press(*"0123456789" * 3, "home")
        assert drawn(app.field) == "01234567890123456789"
        await pilot.press("end", *["left"] * 12, "ctrl+k")
        assert drawn(app.field) == "012345678901234567  "


async def test_the_cursor_stays_in_sight_when_the_window_shrinks() -> None:
    """A narrower terminal scrolls the text so that the cursor is still shown."""
    app = Form(TextField)
    async with app.run_test() as pilot:
        await pilot.press(*"0123456789012345")
        app.query_one(Vertical).styles.width = 10
        await pilot.pause()
        assert drawn(app.field) == "789012345 "


async def test_an_empty_field_shows_its_placeholder() -> None:
    """The placeholder is there until something is typed."""
    app = Form(TextField, placeholder="name")
    async with app.run_test() as pilot:
        await pilot.pause()
        assert drawn(app.field).rstrip() == "name"
        await pilot.press("x")
        assert drawn(app.field).rstrip() == "x"
