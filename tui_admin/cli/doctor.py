"""`tui-admin doctor`: looks at everything the console rests on, and says what to do.

Each check is one small function, and none relies on another's luck: whatever is broken, the rest
is still looked at, and nothing is made or mended by looking.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tui_admin.cli import doctor_delivery
from tui_admin.cli.findings import Finding, State
from tui_admin.cli.output import AsJson, print_json
from tui_admin.errors import ConsoleError
from tui_admin.i18n import _, ngettext
from tui_admin.security.text import safe

if TYPE_CHECKING:
    from tui_admin.config import Settings
    from tui_admin.database import Database
    from tui_admin.flows.context import Context

HELP = _(
    "Look at settings, folder, key file, database, clock, mail, SMS and terminal, and say what to "
    "do. Ends with 1 when something is broken. With --json, prints state (the worst) and findings: "
    "objects with name, state (ok, attention or broken) and sentence."
)

_SEVERITY: tuple[State, ...] = ("ok", "attention", "broken")

MIN_FREE_BYTES = 100_000_000
MAX_CLOCK_OFFSET_S = 2.0
MIN_YEAR = 2025
MIN_COLUMNS, MIN_ROWS = 60, 20
_OWN_VARIABLES = {"TUI_ADMIN_CONFIG", "TUI_ADMIN_DEBUG", "TUI_ADMIN_LOG_FILE"}


def doctor(as_json: AsJson = False) -> None:
    """Print all findings; exit with 1 when one is broken."""
    findings = examine()
    worst = max((finding.state for finding in findings), key=_SEVERITY.index)
    if as_json:
        shown = [
            {"name": f.name, "state": f.state, "sentence": safe(f.sentence, 1000)} for f in findings
        ]
        print_json({"state": worst, "findings": shown})
    else:
        _print(findings)
    if worst == "broken":
        raise typer.Exit(1)


def examine() -> list[Finding]:
    """Run every check."""
    findings: list[Finding] = [
        *_guarded("packages", lambda: [check_packages(_is_installed("passlib"))]),
    ]
    settings, about_settings = check_settings(os.environ)
    findings += about_settings
    if settings is None:
        later = _("Not looked at, because the settings cannot be read.")
        findings += [
            Finding(name, "attention", later)
            for name in ("folder", "keys", "database", "mail", "sms")
        ]
        findings += _guarded("clock", lambda: [check_year(datetime.now(UTC))])
    else:
        findings += _guarded("folder", lambda: [check_folder(settings.data_dir)])
        findings += _guarded("keys", lambda: [check_key_file(settings.key_path)])
        findings += _guarded("database", lambda: asyncio.run(_check_database(settings)))
        findings += _guarded("mail", lambda: [asyncio.run(doctor_delivery.check_mail(settings))])
        findings += _guarded("sms", lambda: [doctor_delivery.check_sms(settings)])
    findings += _guarded("terminal", lambda: [check_terminal(os.environ, _terminal_size())])
    return findings


def check_packages(plain_passlib: str | None) -> Finding:
    """Plain passlib overwrites files of libpass, the maintained one of the same import name."""
    if plain_passlib is None:
        return Finding("packages", "ok", _("No package stands in another's way."))
    return Finding(
        "packages",
        "broken",
        _(
            "The package passlib {version} is installed over libpass. "
            "Run: pip uninstall passlib; pip install --force-reinstall libpass"
        ).format(version=plain_passlib),
    )


def check_settings(environ: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    """Read the settings; tell the file and the variables that they come from."""
    try:
        from tui_admin.config import Settings, load_settings, settings_file

        settings = load_settings()
        path = settings_file()
    except ConsoleError as error:
        return None, [Finding("settings", "broken", error.sentence)]
    except Exception as error:  # noqa: BLE001 (a finding, whatever it is)
        return None, [_unexpected("settings", error)]
    names = sorted(
        name for name in environ if name.startswith("TUI_ADMIN_") and name not in _OWN_VARIABLES
    )
    known = {f"TUI_ADMIN_{field}".upper() for field in Settings.model_fields}
    strange = [name for name in names if name.split("__")[0].upper() not in known]
    if strange:
        sentence = _("There is no setting for the variable {name}; check its spelling.")
        return settings, [Finding("settings", "attention", sentence.format(name=strange[0]))]
    source = (
        _("The settings file is {path}.").format(path=path.absolute())
        if path
        else _("There is no settings file; what is not set has its default.")
    )
    if names:
        source += " " + _("Set by variables: {names}.").format(names=", ".join(names))
    return settings, [Finding("settings", "ok", source)]


def check_folder(folder: Path) -> Finding:
    """Look at the data folder's mode and the room that is left."""
    try:
        mode = stat.S_IMODE(folder.stat().st_mode)
    except FileNotFoundError:
        sentence = _("The folder {path} is not there yet; the first start makes it.")
        return Finding("folder", "attention", sentence.format(path=folder))
    except OSError as error:
        sentence = _("The folder {path} cannot be looked at: {why}")
        return Finding("folder", "broken", sentence.format(path=folder, why=error.strerror))
    if not folder.is_dir():
        sentence = _("{path} is not a folder. Set data_dir to one.")
        return Finding("folder", "broken", sentence.format(path=folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        sentence = _("The folder {path} cannot be written by you. Check its owner and mode.")
        return Finding("folder", "broken", sentence.format(path=folder))
    if mode & 0o022:
        sentence = _("Others can write to the folder {path}. Run: chmod 700 {path}")
        return Finding("folder", "broken", sentence.format(path=folder))
    if mode & 0o055:
        sentence = _("Others can look into the folder {path}. Run: chmod 700 {path}")
        return Finding("folder", "attention", sentence.format(path=folder))
    free = shutil.disk_usage(folder).free
    megabytes = free // 1_000_000
    if free < MIN_FREE_BYTES:
        sentence = _("Only {n} MB are free on the disk of {path}. Make room.")
        return Finding("folder", "attention", sentence.format(n=megabytes, path=folder))
    sentence = _("The folder {path} is yours alone, {n} MB are free.")
    return Finding("folder", "ok", sentence.format(path=folder, n=megabytes))


def check_key_file(path: Path) -> Finding:
    """Look whether the key file is there, whole, and readable by its owner alone."""
    from tui_admin.security.sealed import load_keyring

    try:
        keyring = load_keyring(path)
    except ConsoleError as error:
        return Finding("keys", "broken", error.sentence)
    owner = path.stat().st_uid
    if owner != os.geteuid():
        sentence = _(
            "The key file {path} belongs to the user with number {owner}, not to you; the console "
            "must run as its owner."
        )
        return Finding("keys", "attention", sentence.format(path=path, owner=owner))
    count = len(keyring.keys)
    sentence = ngettext(
        "The key file {path} is yours alone and holds {n} key.",
        "The key file {path} is yours alone and holds {n} keys.",
        count,
    )
    return Finding("keys", "ok", sentence.format(path=path, n=count))


async def _check_database(settings: Settings) -> list[Finding]:
    """Open the database if there is one, and look at everything that needs it."""
    from tui_admin.database import Database, open_database

    closed = Database(settings.url)
    path = closed.path
    if path is not None and not (path.exists() and path.stat().st_size > 0):
        sentence = _("There is no database at {path} yet; the first start makes it.")
        found = Finding("database", "attention", sentence.format(path=path))
        return [found, check_year(datetime.now(UTC))]
    try:
        database = await open_database(settings.url)
    except ConsoleError as error:
        return [Finding("database", "broken", error.sentence), check_year(datetime.now(UTC))]
    try:
        return [
            await _guarded_async("database", lambda: check_version(database)),
            await _guarded_async(
                "sealed keys", lambda: _with_keys("sealed keys", settings, database, check_sealed)
            ),
            await _guarded_async(
                "outbox",
                lambda: _with_keys("outbox", settings, database, doctor_delivery.check_outbox),
            ),
            await _guarded_async("clock", lambda: _check_clock(database)),
        ]
    finally:
        await database.close()


async def check_version(database: Database) -> Finding:
    """Name a database that opened, which means that its version and its safety are right."""
    from tui_admin.database import schema_version

    where = database.path or database.url.render_as_string(hide_password=True)
    sentence = _("The database {where} is at version {version}, and keeps what it confirms.")
    version = await schema_version(database)
    return Finding("database", "ok", sentence.format(where=where, version=version))


async def _with_keys(
    name: str,
    settings: Settings,
    database: Database,
    check: Callable[[Context], Awaitable[Finding]],
) -> Finding:
    """Run a check that needs the key file besides the database."""
    from tui_admin.flows.context import Context, SystemClock
    from tui_admin.security.sealed import load_keyring
    from tui_admin.wiring import make_passwords

    try:
        keyring = load_keyring(settings.key_path)
    except ConsoleError:
        sentence = _("Not looked at, because the key file cannot be read.")
        return Finding(name, "attention", sentence)
    passwords = make_passwords(settings)
    try:
        return await check(Context(settings, database, keyring, passwords, SystemClock()))
    finally:
        passwords.close()


async def check_sealed(ctx: Context) -> Finding:
    """Look whether the key file fits the database, and whether a rotation is unfinished."""
    from tui_admin.flows import keys

    found = await keys.survey(ctx)
    if found.unknown:
        sentence = ngettext(
            "{n} value is sealed with a key that is not in the key file. Restore the key file "
            "that belongs to this database.",
            "{n} values are sealed with a key that is not in the key file. Restore the key "
            "file that belongs to this database.",
            found.unknown,
        )
        return Finding("sealed keys", "broken", sentence.format(n=found.unknown))
    if found.older:
        sentence = ngettext(
            "{n} value is sealed with an older key. Run: tui-admin keys rotate --reseal-only",
            "{n} values are sealed with an older key. Run: tui-admin keys rotate --reseal-only",
            found.older,
        )
        return Finding("sealed keys", "attention", sentence.format(n=found.older))
    sentence = _("All that is sealed is sealed with the key in use.")
    return Finding("sealed keys", "ok", sentence)


async def _check_clock(database: Database) -> Finding:
    from sqlmodel import col, func, select

    from tui_admin.models import AuditRow

    offset_s = await database.clock_offset_s(time.time())
    async with database.read() as db:
        last = (await db.exec(select(func.max(col(AuditRow.at))))).one()
    return check_clock(datetime.now(UTC), last, offset_s)


def check_clock(now: datetime, last_event: datetime | None, database_offset_s: float) -> Finding:
    """Compare this clock with a plain minimum, the log's last event, and the database's clock."""
    year = check_year(now)
    if year.state != "ok":
        return year
    if last_event is not None and (last_event - now).total_seconds() > MAX_CLOCK_OFFSET_S:
        sentence = _(
            "The clock shows {now}, but the log has an event of {last}: the clock went back, and "
            "OTP passwords are refused until it has caught up. Set it by NTP."
        )
        return Finding(
            "clock", "broken", sentence.format(now=_minute(now), last=_minute(last_event))
        )
    if abs(database_offset_s) > MAX_CLOCK_OFFSET_S:
        sentence = _("The database server's clock is {n} s off from this one. Set both by NTP.")
        return Finding("clock", "attention", sentence.format(n=f"{database_offset_s:+.1f}"))
    return year


def check_year(now: datetime) -> Finding:
    """A clock before this program was written shows nothing but that it was never set."""
    if now.year < MIN_YEAR:
        sentence = _("The clock shows {now}; OTP passwords cannot work. Set it by NTP.")
        return Finding("clock", "broken", sentence.format(now=_minute(now)))
    sentence = _("The clock shows {now}.")
    return Finding("clock", "ok", sentence.format(now=_minute(now)))


def check_terminal(environ: Mapping[str, str], size: tuple[int, int] | None) -> Finding:
    """Look at what this terminal can show; `size` is None when there is none."""
    if size is None:
        return Finding("terminal", "ok", _("This is not a terminal; nothing to look at."))
    from screens.terminal import detect

    columns, rows = size
    abilities = detect(environ, sys.stdout.encoding)
    if columns < MIN_COLUMNS or rows < MIN_ROWS:
        sentence = _("The terminal has {columns}x{rows}; make it {least} or larger.")
        least = f"{MIN_COLUMNS}x{MIN_ROWS}"
        return Finding(
            "terminal", "attention", sentence.format(columns=columns, rows=rows, least=least)
        )
    if not environ.get("TERM"):
        sentence = _("TERM is not set. Run: export TERM=xterm-256color")
        return Finding("terminal", "attention", sentence)
    if not abilities.blocks:
        sentence = _(
            "This terminal ({term}, {encoding}) shows no half blocks: the shared key has to be "
            "typed instead of scanned. Use a UTF-8 locale and a terminal of this century."
        )
        shown = sentence.format(term=environ["TERM"], encoding=sys.stdout.encoding)
        return Finding("terminal", "attention", shown)
    colour = (
        _("no colour")
        if environ.get("NO_COLOR") or abilities.colours == 0
        else _("{n} colours or more").format(n=abilities.colours)
    )
    sentence = _("{term}, {columns}x{rows}, {encoding}, {colour}.")
    return Finding(
        "terminal",
        "ok",
        sentence.format(
            term=environ["TERM"],
            columns=columns,
            rows=rows,
            encoding=sys.stdout.encoding,
            colour=colour,
        ),
    )


def _guarded(name: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    """Run a check; that it cannot be made is a finding, never the end of the others."""
    try:
        return check()
    except ConsoleError as error:
        return [Finding(name, "broken", error.sentence)]
    except Exception as error:  # noqa: BLE001 (a finding, whatever it is)
        return [_unexpected(name, error)]


async def _guarded_async(name: str, check: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await check()
    except ConsoleError as error:
        return Finding(name, "broken", error.sentence)
    except Exception as error:  # noqa: BLE001 (a finding, whatever it is)
        return _unexpected(name, error)


def _unexpected(name: str, error: Exception) -> Finding:
    sentence = _("This could not be looked at: {kind}, {why}")
    return Finding(name, "broken", sentence.format(kind=type(error).__name__, why=error))


def _is_installed(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _terminal_size() -> tuple[int, int] | None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    return columns, rows


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _print(findings: list[Finding]) -> None:
    """Print state, name and sentence; on a terminal the sentences keep to their column."""
    import textwrap

    states = {"ok": _("ok"), "attention": _("attention"), "broken": _("broken")}
    names = {
        "packages": _("packages"),
        "settings": _("settings"),
        "folder": _("folder"),
        "keys": _("key file"),
        "database": _("database"),
        "sealed keys": _("sealed keys"),
        "outbox": _("outbox"),
        "clock": _("clock"),
        "mail": _("e-mail"),
        "sms": _("SMS"),
        "terminal": _("terminal"),
    }
    state_width, name_width = max(map(len, states.values())), max(map(len, names.values()))
    indent = state_width + name_width + 4
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    for finding in findings:
        head = f"{states[finding.state]:<{state_width}}  {names[finding.name]:<{name_width}}  "
        lines = textwrap.wrap(
            safe(finding.sentence, 1000),
            max(width - indent, 20),
            break_long_words=False,
            break_on_hyphens=False,
        )
        typer.echo(head + ("\n" + " " * indent).join(lines))
