"""Settings: one TOML file, then the command line, into one frozen value."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs

from bridged.config_faults import at_end, located, placed
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
        config = msgspec.convert(tomllib.loads(text), Config)
    except tomllib.TOMLDecodeError as error:
        detail = str(error).replace("at end of document", at_end(text))
        raise ConfigError(file=str(file), detail=detail) from None
    except msgspec.ValidationError as error:
        raise ConfigError(file=str(file), detail=located(str(error), text, Config)) from None
    with blaming(file):
        _check(config)
    return config


def _check(config: Config) -> None:
    for number, module in enumerate(config.pkcs11.modules):
        if why := distrust(Path(module.path)):
            raise ConfigError(file=f"pkcs11.modules[{number}].path", detail=why)


@contextmanager
def blaming(path: Path | None) -> Iterator[None]:
    """Tell what proves wrong about a setting with the file and the place that it stands in.

    What uses a setting raises a `ConfigError` with the key for its file.
    """
    try:
        yield
    except ConfigError as error:
        if error.file.partition("[")[0] not in flat(Config()):
            raise
        file = path or default_path()
        detail = placed(f"{error.file}: {error.detail}", file.read_text("utf-8"), error.file)
        raise ConfigError(file=str(file), detail=detail) from None


def flat(config: Config) -> dict[str, Any]:
    """Return the value of every setting by its dotted key, as it is written in TOML."""

    def walk(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for name, value in values.items():
            if isinstance(value, dict):
                yield from walk(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", value

    return dict(walk(msgspec.to_builtins(config, order="deterministic"), ""))


RESTART = frozenset({"any_user", "port"})
"""The settings that hold from the start of the daemon to its end; it takes up all others at SIGHUP."""


def changed(before: Config, after: Config) -> frozenset[str]:
    """Return the keys of the settings that differ."""
    now = flat(after)
    return frozenset(key for key, value in flat(before).items() if now[key] != value)
