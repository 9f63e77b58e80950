"""Settings: flags over environment over a TOML file over defaults, then frozen."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from portal_demo import proxies
from portal_demo.validation import is_mail

ENVIRONMENT_PREFIX = "PORTAL_DEMO_"
_SEPARATORS = {"trust": os.pathsep, "trusted_proxies": ","}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SettingsError(Exception):
    """A setting is unknown or wrong; the text says which."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one portal needs to know.

    `origin` is what browsers see (scheme, host, port); empty means the address listened on.
    `trust` are trust lists (TOML, see `authorities`) or PEM files of authorities whose cards are
    accepted. `revocation` is `hard`, or `soft`: a card whose authority offers to tell whether it is
    revoked, but cannot be asked, is taken then.
    `database_password_file` holds the password that `database` leaves out. `totp_key_file` holds
    the key of officers' authenticator secrets; unset, it lies beside SQLite's file. `metrics` is where
    Prometheus finds its metrics (`127.0.0.1:9464`); empty: nowhere. `log_format` is that of the log.
    `demo` fills the register with sample companies.
    `trusted_proxies` are addresses or networks of proxies whose `proxy_header` is believed.
    `mail_kept_days` after it was written text and address of a mail are removed (0: never).
    Mail goes to `smtp_host`, from `mail_from`; `smtp_port` 0 is the usual one of the `smtp_security`.
    `smtp_ca` (PEM) replaces the system's authorities for that server's certificate. Without a
    server mail is kept in the database, and shown.
    """

    host: str = "127.0.0.1"
    port: int = 0
    database: str = "sqlite+aiosqlite:///portal.sqlite3"
    database_password_file: Path | None = None
    totp_key_file: Path | None = None
    metrics: str = ""
    log_format: Literal["text", "json"] = "text"
    trust: tuple[Path, ...] = ()
    revocation: Literal["hard", "soft"] = "hard"
    origin: str = ""
    bridge_url: str = "ws://127.0.0.1:24781/v1"
    demo: bool = False
    trusted_proxies: tuple[str, ...] = ()
    proxy_header: proxies.Header = "X-Forwarded-For"
    smtp_host: str = ""
    smtp_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_ca: Path | None = None
    mail_from: str = ""
    mail_kept_days: Annotated[int, Meta(ge=0, le=36500)] = 90

    def __post_init__(self) -> None:
        self._check_database()
        if self.origin and not is_origin(self.origin, {"http", "https"}):
            raise SettingsError(f"origin is not scheme://host[:port]: {self.origin}")
        bridge = urlsplit(self.bridge_url)
        if bridge.scheme not in {"ws", "wss"} or not bridge.hostname:
            raise SettingsError(f"bridge_url is not a ws:// or wss:// address: {self.bridge_url}")
        try:
            proxies.networks(self.trusted_proxies)
        except ValueError as e:
            raise SettingsError(f"trusted_proxies: {e}") from e
        if self.metrics and not _is_address(self.metrics):
            raise SettingsError(f"metrics is not HOST:PORT: {self.metrics}")
        self._check_mail()

    def _check_database(self) -> None:
        """Refuse what is no address, without repeating it: it may hold a password."""
        try:
            url = make_url(self.database)
        except (ArgumentError, ValueError):
            raise SettingsError("database is not a SQLAlchemy address") from None
        if any("password" in name.lower() for name in url.query):
            raise SettingsError("database holds a password in its query: put it into a file")

    def _check_mail(self) -> None:
        if self.smtp_host and not is_mail(self.mail_from):
            raise SettingsError(f"mail_from is no mail address: {self.mail_from!r}")
        if bool(self.smtp_user) != bool(self.smtp_password_file):
            raise SettingsError("smtp_user and smtp_password_file go together")
        if self.smtp_user and self.smtp_security == "none" and self.smtp_host not in LOOPBACK:
            raise SettingsError("smtp_security none would show the password to the network")

    @property
    def https(self) -> bool:
        """Tell whether browsers reach the portal by https."""
        return self.origin.startswith("https://")

    @property
    def bridge_origin(self) -> str:
        """Return scheme, host and port of the bridge, for `connect-src`."""
        bridge = urlsplit(self.bridge_url)
        return f"{bridge.scheme}://{bridge.netloc}"


def shown(settings: Settings) -> dict[str, object]:
    """Return the settings that say something, without secrets."""
    values = {
        name: value
        for name, value in msgspec.structs.asdict(settings).items()
        if value not in ("", (), None)
    }
    url = make_url(settings.database)
    values["database"] = url.render_as_string(hide_password=True)
    told = {name: list(map(str, v)) if isinstance(v, tuple) else v for name, v in values.items()}
    return {name: str(v) if isinstance(v, Path) else v for name, v in told.items()}


def _is_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdecimal() and int(port) < 65536


def _with_password(settings: Settings) -> Settings:
    """Put the database's password from its file into its address."""
    file = settings.database_password_file
    if file is None:
        return settings
    try:
        password = file.read_text("utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError(f"database_password_file: {e}") from e
    url = make_url(settings.database).set(password=password)
    return msgspec.structs.replace(settings, database=url.render_as_string(hide_password=False))


def is_origin(text: str, schemes: set[str]) -> bool:
    """Tell whether `text` is exactly what a browser sends as `Origin`."""
    parts = urlsplit(text)
    return (
        parts.scheme in schemes
        and bool(parts.netloc)
        and text == f"{parts.scheme}://{parts.netloc}"
    )


def load_settings(
    flags: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> Settings:
    """Merge the sources; `flags["config"]` names the TOML file. Raises SettingsError."""
    flags = {name: value for name, value in flags.items() if value not in (None, ())}
    config = flags.pop("config", environment.get(ENVIRONMENT_PREFIX + "CONFIG"))
    merged = {**_read_toml(config), **_read_environment(environment), **flags}
    try:
        settings = msgspec.convert(merged, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as e:
        raise SettingsError(str(e)) from e
    return _with_password(settings)


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)


def _read_toml(path: object) -> dict[str, object]:
    if path is None:
        return {}
    try:
        with Path(str(path)).open("rb") as f:
            return tomllib.load(f)
    except (OSError, tomllib.TOMLDecodeError) as e:
        raise SettingsError(f"{path}: {e}") from e


def _read_environment(environment: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(Settings):
        text = environment.get(ENVIRONMENT_PREFIX + field.name.upper())
        if text is not None:
            separator = _SEPARATORS.get(field.name)
            values[field.name] = tuple(text.split(separator)) if separator else text
    return values
