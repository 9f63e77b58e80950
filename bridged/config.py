"""Settings: one TOML file, then the command line, into one frozen value."""

from __future__ import annotations

import os
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs

from bridged.errors import ConfigError
from bridged.files import distrust
from bridged.model import DEFAULT_PORT, Grant

DEFAULT_GRANTS = frozenset({Grant.CERTIFICATES, Grant.SIGN})
"""What a site is granted where nothing else is said."""


class AllowedSite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site by its exact origin, and what it may do."""

    origin: str
    grants: frozenset[Grant] = DEFAULT_GRANTS


class PinWay(StrEnum):
    """A way for a person to give a PIN."""

    PINPAD = "pinpad"
    PINENTRY = "pinentry"
    WINDOW = "window"
    PAGE = "page"


class PinSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the person is asked: the ways in their order, and the dialog program if not the usual."""

    ways: tuple[PinWay, ...] = tuple(PinWay)
    pinentry: str = ""


class DocumentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The time-stamp authority: its https address, and a PEM file of what it must chain to."""

    tsa: str | None = None
    tsa_roots: str | None = None


class Pkcs11Module(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A PKCS#11 module by its absolute path, and what to call it.

    `any_slot` is for one that names its slots otherwise than PC/SC names the readers: its tokens
    then go with whichever reader has a card that nothing else knows.
    """

    path: str
    name: str = ""
    any_slot: bool = False


class Pkcs11Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Modules to ask first, and whether those in the usual places are asked too."""

    discover: bool = True
    modules: tuple[Pkcs11Module, ...] = ()


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set.

    `any_user` serves every user of the computer, for a daemon that is the machine's own.
    """

    any_user: bool = False
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = DEFAULT_PORT
    sites: tuple[AllowedSite, ...] = ()
    pin: PinSettings = PinSettings()
    language: Literal["ja", "en"] | None = None
    documents: DocumentSettings = DocumentSettings()
    pkcs11: Pkcs11Settings = Pkcs11Settings()


def default_path() -> Path:
    """Return where the person's settings are looked for."""
    return platformdirs.user_config_path("bridged") / "config.toml"


def runtime_dir() -> Path:
    """Return the folder of the token file, private to this user."""
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(runtime) / "bridged"
    return state_dir() / "run"


def state_dir() -> Path:
    """Return the folder of what is remembered from one day to the next."""
    return platformdirs.user_state_path("bridged")


def audit_dir() -> Path:
    """Return the folder of the audit."""
    return state_dir() / "audit"


def load(path: Path | None = None) -> Config:
    """Read the settings; a file that was not named need not exist. Raises `ConfigError`."""
    file = path or default_path()
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None:
            return Config()
        raise ConfigError(file=str(file), detail="there is no such file") from None
    except (OSError, UnicodeError) as error:
        raise ConfigError(file=str(file), detail=str(error)) from None
    try:
        return _checked(msgspec.convert(tomllib.loads(text), Config), file)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file=str(file), detail=str(error)) from None
    except msgspec.ValidationError as error:
        raise ConfigError(file=str(file), detail=located(str(error), text)) from None


def _checked(config: Config, file: Path) -> Config:
    for module in config.pkcs11.modules:
        if why := distrust(Path(module.path)):
            raise ConfigError(file=str(file), detail=f"pkcs11.modules: {why}")
    return config


_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MEMBER = re.compile(r"unknown field `(?P<name>[^`]+)`")
_TABLE = re.compile(r"\[(?P<array>\[)?\s*(?P<name>[\w.\s-]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"(?P<name>[\w-]+)\s*=")


def located(message: str, text: str) -> str:
    """Return what msgspec says of a TOML text with the line and column it speaks of, if found."""
    match, member = _PATH.search(message), _MEMBER.search(message)
    path = match["path"] if match else ""
    if member is not None:
        path = f"{path}.{member['name']}".lstrip(".")
    # What stands inside an array or an inline table is on the line of its key.
    while path:
        if (place := places(text).get(path)) is not None:
            return f"{message} (at line {place[0]}, column {place[1]})"
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return message


def places(text: str) -> dict[str, tuple[int, int]]:
    """Return line and column of every table and key of a TOML text, by its path as msgspec writes it."""
    places: dict[str, tuple[int, int]] = {}
    arrays: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.lstrip()
        column = len(line) - len(content) + 1
        if header := _TABLE.fullmatch(content):
            table = header["name"].replace(" ", "")
            if header["array"]:
                arrays[table] = arrays.get(table, -1) + 1
                table = f"{table}[{arrays[table]}]"
            places.setdefault(table, (number, column))
        elif key := _KEY.match(content):
            places.setdefault(f"{table}.{key['name']}".lstrip("."), (number, column))
    return places
