"""Settings: a TOML file and `TUI_ADMIN_*` variables, the variable winning.

The file is the first of: what `TUI_ADMIN_CONFIG` names, `tui-admin.toml` in the working folder,
in the person's configuration folder, in `/etc/tui-admin`. Nested names take `__` in variables:
`TUI_ADMIN_OTP__ACTIVATION_ATTEMPTS=3`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from tui_admin.errors import FieldError, StartError
from tui_admin.i18n import _, available_languages, time_zones

FILE_NAME = "tui-admin.toml"


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OtpSettings(_Group):
    """`otp.*`"""

    activation_attempts: int = Field(default=1, ge=1, le=5)
    """Tries on one pending key before it is thrown away."""

    pending_key_s: int = Field(default=600, ge=60, le=3600)
    """How long a key that waits for its confirmation lives."""

    ahead_steps: int = Field(default=0, ge=0, le=1)
    """1 also accepts the next step's code, for customers whose clocks run ahead (RFC 6238 5.2)."""

    show_key_s: int = Field(default=60, ge=10, le=600)
    """How long a shared key that is shown again stays on the screen."""


class LimitSettings(_Group):
    """`limits.*`: tries that missed, counted across sessions, doors and restarts."""

    account_5min: int = Field(default=5, ge=1)
    """Misses on one account in five minutes."""

    account_1h: int = Field(default=20, ge=1)
    """Misses on one account in an hour."""

    account_1d: int = Field(default=50, ge=1)
    """Misses on one account in a day."""

    address_5min: int = Field(default=10, ge=1)
    """Misses from one peer address in five minutes (an IPv6 address counts as its /64)."""

    address_1h: int = Field(default=50, ge=1)
    """Misses from one peer address in an hour."""

    total_5min: int = Field(default=2000, ge=1)
    """Misses over all accounts and addresses in five minutes."""

    consecutive: int = Field(default=100, ge=10)
    """Wrong codes in a row after which codes are switched off until recovery (NIST 3.2.2)."""

    known_address_d: int = Field(default=90, ge=0)
    """An address that signed in within so many days has a count of its own for that account, so
    that a stranger's misses cannot lock the owner out."""

    requests_1h: int = Field(default=3, ge=1)
    """Deactivation requests begun for one account in an hour."""

    requests_1d: int = Field(default=10, ge=1)
    """Deactivation requests begun for one account in a day."""

    mails_1h: int = Field(default=10, ge=1)
    """Letters with a link to one account in an hour."""

    sms_number_1h: int = Field(default=5, ge=1)
    """SMS codes to one number in an hour."""

    sms_number_1d: int = Field(default=10, ge=1)
    """SMS codes to one number in a day."""

    sms_account_1d: int = Field(default=10, ge=1)
    """SMS codes for one account in a day, whatever its number was."""

    sms_address_1h: int = Field(default=10, ge=1)
    """SMS codes asked for from one peer address in an hour."""

    sms_prefix_1h: int = Field(default=30, ge=1)
    """SMS codes to numbers that differ in their last four digits alone, in an hour: who earns by
    them rents them in blocks."""

    sms_country_1h: int = Field(default=300, ge=1)
    """SMS codes to one country in an hour."""

    sms_total_1d: int = Field(default=2000, ge=1)
    """SMS codes over all in a day."""

    captchas_1h: int = Field(default=60, ge=1)
    """CAPTCHAs shown to one peer address in an hour."""

    cases_1h: int = Field(default=3, ge=1)
    """Cases opened by the contact form from one peer address in an hour, and for one e-mail
    address."""

    cases_total_1h: int = Field(default=100, ge=1)
    """Cases opened by the contact form over all in an hour."""


class SessionSettings(_Group):
    """`sessions.*`"""

    idle_s: int = Field(default=15 * 60, ge=30)
    """A session ends after so long without a key (NIST 2.2.3)."""

    total_s: int = Field(default=12 * 3600, ge=60)
    """A session ends so long after its sign-in, whatever is typed."""

    half_done_s: int = Field(default=300, ge=30)
    """How long a sign-in waits between the password and the code."""


class LostDeviceSettings(_Group):
    """`lost_device.*`"""

    link_s: int = Field(default=300, ge=60, le=600)
    """How long the link and the code in the e-mail are good for."""

    step_s: int = Field(default=300, ge=60, le=600)
    """How long the SMS code is good for, once it was sent."""

    resend_s: int = Field(default=60, ge=10)
    """How long `Send again` waits."""

    misses: int = Field(default=5, ge=1, le=20)
    """Wrong codes after which a request is over."""

    hold_h: int = Field(default=72, ge=0)
    """How long after a change of e-mail or phone no device can be deactivated."""

    old_contact_d: int = Field(default=30, ge=3)
    """How long an address that was replaced still hears of changes."""


class SupportSettings(_Group):
    """`support.*`"""

    country: str = Field(default="CZ", min_length=2, max_length=2)
    """Whose public holidays are no working days, by its ISO 3166 letters."""

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        from holidays import list_supported_countries

        if value not in list_supported_countries():
            raise ValueError("no calendar of public holidays is known for it")
        return value


class SshSettings(_Group):
    """`ssh.*`: the server of `tui-admin serve ssh`"""

    host: str = ""
    """Address to listen on; empty for all."""

    port: int = Field(default=2222, ge=0, le=65535)
    """Port to listen on; 0 picks a free one."""

    host_key: Path | None = None
    """The server's key; `data_dir/ssh_host_ed25519_key` when not set, made on the first start."""

    workers: int = Field(default=0, ge=0, le=256)
    """Processes on the one port; 0 is one a core."""

    drain_s: int = Field(default=30, ge=0, le=3600)
    """How long people have to finish once the server is told to stop."""

    log_format: Literal["console", "json"] = "console"
    """How log lines look on standard error."""

    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port of 127.0.0.1 where Prometheus finds the counters; 0 for none."""

    pool: int = Field(default=4, ge=0, le=100)
    """Consoles that are started ahead in each process."""

    login_s: int = Field(default=30, ge=1)
    """How long SSH's own handshake may take."""

    keepalive_s: int = Field(default=30, ge=1)
    """Seconds of silence after which a client is asked whether it is there; three times, then
    the connection ends."""

    startups: str = Field(default="100:30:400", pattern=r"^\d{1,6}:\d{1,3}:\d{1,6}$")
    """Connections that nobody has signed in on, as `begin:rate:full`: from `begin` on, `rate` of a
    hundred further ones are refused, more and more towards `full`, and from there on all."""

    startups_per_address: int = Field(default=20, ge=1)
    """The same of one peer address (IPv6: its /64); more are refused."""

    connections_per_address: int = Field(default=100, ge=1)
    """Connections of one peer address (IPv6: its /64), signed in or not; more are refused, so that
    one account does not take every place there is."""

    max_connections: int = Field(default=2000, ge=1)
    """Connections of one process, signed in or not."""

    unsigned_s: int = Field(default=600, ge=1)
    """How long a terminal may stand without anybody signed in."""

    proxy_from: tuple[IPvAnyNetwork, ...] = ()
    """Networks whose connections begin with a header of the PROXY protocol, version 1 or 2, which
    tells the client's address. From all others it is refused."""

    channels: int = Field(default=2, ge=1, le=10)
    """Terminals of one connection at a time."""

    misses: int = Field(default=3, ge=1)
    """Wrong passwords and codes after which a connection is ended."""

    input_rate: int = Field(default=2048, ge=256)
    """Bytes a second that a terminal may send for long."""

    input_burst: int = Field(default=32 * 1024, ge=1024)
    """Bytes that it may send at once."""

    @field_validator("startups")
    @classmethod
    def _rising(cls, value: str) -> str:
        begin, rate, full = map(int, value.split(":"))
        if not (1 <= rate <= 100 and 1 <= begin <= full):
            raise ValueError("it is begin:rate:full, as in 100:30:400, with a rate of 1 to 100")
        return value

    @property
    def startups_curve(self) -> tuple[int, int, int]:
        """`begin`, `rate` and `full` of `startups`."""
        begin, rate, full = map(int, self.startups.split(":"))
        return begin, rate, full


class HashSettings(_Group):
    """`hashing.*`: Argon2id; a hash of another cost is renewed at the next sign-in."""

    rounds: int = Field(default=3, ge=1)
    """Passes over the memory."""

    memory_kib: int = Field(default=64 * 1024, ge=8 * 1024)
    """Memory of one hash."""

    lanes: int = Field(default=4, ge=1, le=16)
    """Degree of parallelism."""

    workers: int = Field(default=2, ge=1, le=64)
    """How many hashes are computed at a time; the rest waits."""


class _TomlFile(InitSettingsSource):
    """The settings file as a source that comes after the variables."""

    def __init__(self, settings_class: type[BaseSettings]) -> None:
        super().__init__(settings_class, _read_toml())


class Settings(BaseSettings):
    """All settings. `tui-admin doctor` shows where they came from."""

    model_config = SettingsConfigDict(
        env_prefix="TUI_ADMIN_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data_dir: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("tui-admin")))
    """Folder of the embedded database and the key file."""

    database_url: str = ""
    """SQLAlchemy URL; empty for the embedded database `data_dir/tui-admin.db`. PostgreSQL:
    `postgresql+psycopg://user:password@host/name`."""

    key_file: Path | None = None
    """The key file; `data_dir/keys.json` when not set."""

    brand: str = Field(default="WEDOS Internet", min_length=1, max_length=40)
    """The name on the screens, in letters, and as issuer in authenticators."""

    public_host: str = Field(default="", pattern=r"^[A-Za-z0-9.:\[\]-]*$", max_length=255)
    """Where customers reach the console by SSH, as `host` or `host:port`; links in letters lead
    there. Empty: letters name only the command that does the same on this machine."""

    mail_from: str = "wedos@wedos.com"
    """The sender of letters."""

    smtp_url: str = Field(default="", repr=False)
    """`smtp://user:password@host:port` or `smtps://…`; `?starttls=required` (the default with a
    password), `optional` (the default without one) or `never`. Empty: letters wait."""

    sms_url: str = Field(default="", repr=False)
    """An Apprise URL with `{phone}` in it, or `email://{phone}@gateway.example` for a gateway that
    takes e-mail. `{id}` becomes the same for every try of one SMS. Empty: SMS wait."""

    locale: str = "en"
    """Language of people who have not chosen one."""

    timezone: str = "UTC"
    """Time zone of people who have not chosen one."""

    @field_validator("mail_from")
    @classmethod
    def _one_address(cls, value: str) -> str:
        from tui_admin.security.text import canonical_email

        try:
            return canonical_email(value)
        except FieldError:
            raise ValueError("not an e-mail address") from None

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"smtp", "smtps"}:
            raise ValueError("it starts with smtp:// or smtps://")
        return value

    @field_validator("sms_url")
    @classmethod
    def _sms_gateway(cls, value: str) -> str:
        if value and "{phone}" not in value:
            raise ValueError("there is no {phone} in it")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in time_zones():
            raise ValueError("not a time zone; they look like Europe/Prague")
        return value

    @field_validator("locale")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if value not in available_languages():
            raise ValueError("there is no catalogue for this language")
        return value

    otp: OtpSettings = OtpSettings()
    limits: LimitSettings = LimitSettings()
    sessions: SessionSettings = SessionSettings()
    hashing: HashSettings = HashSettings()
    lost_device: LostDeviceSettings = LostDeviceSettings()
    support: SupportSettings = SupportSettings()
    ssh: SshSettings = SshSettings()

    @property
    def key_path(self) -> Path:
        return self.key_file or self.data_dir / "keys.json"

    @property
    def url(self) -> str:
        """The database URL with the embedded default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'tui-admin.db'}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, _TomlFile(settings_cls))


def settings_file() -> Path | None:
    """Return the settings file that is in force, or None."""
    if named := os.environ.get("TUI_ADMIN_CONFIG"):
        return Path(named)
    folders = (
        Path(),
        Path(platformdirs.user_config_dir("tui-admin")),
        Path("/etc/tui-admin"),
    )
    return next((path for folder in folders if (path := folder / FILE_NAME).is_file()), None)


def load_settings() -> Settings:
    """Read and check all settings.

    Raises:
        StartError: the file cannot be read, or a setting has a wrong name or value.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise StartError(
            _("The setting {name} is wrong: {why}.").format(name=name, why=first["msg"])
        ) from None
    except SettingsError as error:
        raise StartError(_("A setting cannot be read: {why}.").format(why=error)) from None


def _read_toml() -> dict[str, Any]:
    path = settings_file()
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StartError(
            _("The settings file {path} cannot be read: {why}").format(path=path, why=error)
        ) from None
