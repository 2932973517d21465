"""Languages: another one needs a catalogue and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from tui_admin import i18n
from tui_admin.errors import LimitedError, WrongCredentialsError, spoken_duration


@pytest.fixture
def czech(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a made-up catalogue with three plural forms."""
    catalogue = Catalog(locale="cs", domain=i18n.DOMAIN)
    catalogue.add("The username or the password is not right.", "Jméno nebo heslo není správné.")
    catalogue.add("Too many tries. The next one is possible in {wait}.", "Další pokus za {wait}.")
    catalogue.add(("{n} min", "{n} min"), ("{n} minuta", "{n} minuty", "{n} minut"))
    folder = tmp_path / "cs" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / f"{i18n.DOMAIN}.mo").open("wb") as file:
        write_mo(file, catalogue)
    monkeypatch.setattr(i18n, "LOCALE_DIR", tmp_path)


@pytest.fixture(autouse=True)
def _own_language() -> None:
    i18n.use_language(i18n.Language())


@pytest.mark.usefixtures("czech")
def test_a_catalogue_is_all_a_language_needs() -> None:
    """A catalogue in its folder is offered by its own name, and errors speak it, plurals too."""
    assert i18n.available_languages() == {"en": "English", "cs": "čeština"}
    language = i18n.Language()
    i18n.use_language(language)
    language.switch("cs")
    assert WrongCredentialsError().sentence == "Jméno nebo heslo není správné."
    assert LimitedError(300).sentence == "Další pokus za 5 minut."
    assert [spoken_duration(60 * n).split()[1] for n in (2, 5)] == ["minuty", "minut"]
    assert language.code == "cs"


@pytest.mark.usefixtures("czech")
@pytest.mark.parametrize("code", ["xx", "", "../../etc", "\x00x", "en"])
def test_an_unknown_language_is_english(code: str) -> None:
    """A code without a catalogue, however odd, falls back to English."""
    language = i18n.Language()
    i18n.use_language(language)
    language.switch("cs")
    language.switch(code)
    assert language.code == "en"
    assert WrongCredentialsError().sentence == "The username or the password is not right."


@pytest.mark.usefixtures("czech")
async def test_terminals_have_languages_of_their_own() -> None:
    """Two terminals in one process speak two languages at the same time, and a switch reaches
    tasks that were started before it."""

    async def terminal(code: str) -> list[str]:
        language = i18n.Language()
        i18n.use_language(language)
        heard: list[str] = []
        switched = asyncio.Event()

        async def task() -> None:
            await switched.wait()
            heard.append(WrongCredentialsError().sentence)

        running = asyncio.create_task(task())
        await asyncio.sleep(0)
        language.switch(code)
        switched.set()
        await running
        return heard

    czech, english = await asyncio.gather(terminal("cs"), terminal("en"))
    assert czech == ["Jméno nebo heslo není správné."]
    assert english == ["The username or the password is not right."]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "1 s"),
        (0, "1 s"),
        (1, "1 s"),
        (89, "89 s"),
        (90, "2 min"),
        (301, "6 min"),
        (5399, "90 min"),
        (5400, "2 h"),
        (86_400, "24 h"),
    ],
)
def test_durations_are_rounded_up(seconds: int, words: str) -> None:
    """S8: a wait that is told is never shorter than the wait that is meant."""
    assert spoken_duration(seconds) == words


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("UTC", "3 May 2026, 07:14 (UTC)"),
        ("Europe/Prague", "3 May 2026, 09:14 (Europe/Prague)"),
        ("Mars/Olympus", "3 May 2026, 07:14 (UTC)"),
        ("", "3 May 2026, 07:14 (UTC)"),
    ],
)
def test_a_moment_names_the_zone_that_it_is_told_in(zone: str, said: str) -> None:
    """An unknown zone is UTC, in the hour and in the name."""
    assert i18n.zoned_minute(datetime(2026, 5, 3, 7, 14, tzinfo=UTC), zone) == said
