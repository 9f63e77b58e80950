"""What the person decided about sites, remembered from one day to the next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from bridged.errors import ConfigError, RecordFailed
from bridged.model import Grant
from bridged.private_files import locked, private_folder, replace
from bridged.sites.origins import Origin

log = logging.getLogger(__name__)

VERSION = 1


class How(StrEnum):
    """By which way the person decided."""

    PROMPT = "prompt"
    COMMAND = "command"
    STATUS_PAGE = "status-page"


class Remembered(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One decision about one exact origin.

    `quiet_until` and `never` are a denial: the person is not asked again before then, or at all.
    """

    origin: str
    grants: tuple[Grant, ...]
    at: datetime
    how: How
    quiet_until: datetime | None = None
    never: bool = False


class _File(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    sites: tuple[Remembered, ...]


Sites = dict[str, Remembered]
Change = Callable[[Remembered | None], Remembered | None]


class SiteStore:
    """The remembered sites; a file that the daemon and the command line may change at once.

    `sites` is as it was read or written last. Without a path nothing outlives the process.
    Reading and writing block: the daemon does both in a thread.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.sites: Sites = {}
        self._path = path

    def load(self) -> None:
        """Read the file anew.

        Raises `RecordFailed` where it cannot be read at all, and `ConfigError` where others can
        write to its folder.
        """
        if self._path is None:
            return
        try:
            private_folder(self._path.parent)
            with locked(self._lock(self._path)):
                self.sites = self._read(self._path)
        except OSError as error:
            raise self._failed(error) from None

    def change(self, origin: str, change: Change) -> Remembered | None:
        """Change what is remembered of one site, on top of what others wrote meanwhile.

        `change` gets what is remembered and returns what shall be; None forgets the site. Raises
        `RecordFailed` where it cannot be written; nothing is changed then.
        """
        if self._path is None:
            self.sites = _changed(self.sites, origin, change)
            return self.sites.get(origin)
        try:
            private_folder(self._path.parent)
            with locked(self._lock(self._path)):
                sites = _changed(self._read(self._path), origin, change)
                ordered = tuple(sites[name] for name in sorted(sites))
                text = msgspec.json.encode(_File(version=VERSION, sites=ordered))
                replace(self._path, msgspec.json.format(text, indent=2) + b"\n")
                self.sites = sites
        except (OSError, ConfigError) as error:
            raise self._failed(error) from None
        return sites.get(origin)

    def _read(self, path: Path) -> Sites:
        try:
            file = _parse(path)
        except FileNotFoundError:
            return {}
        except _NO_LIST as error:
            aside = path.with_name(f"{path.name}.broken-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
            path.replace(aside)
            log.error(
                "The list of allowed sites could not be read (%s) and was put aside as %s. "
                "No site is allowed by it until it is asked for again. / "
                "許可したサイトの一覧が壊れているため、別名で保存しました。",
                error,
                aside,
            )
            return {}
        return {site.origin: site for site in file.sites}

    @staticmethod
    def _lock(path: Path) -> Path:
        return path.with_name(f"{path.name}.lock")

    def _failed(self, error: Exception) -> RecordFailed:
        log.error("%s cannot be written: %s", self._path, error)
        return RecordFailed()


_NO_LIST = (ValueError, msgspec.DecodeError, RecursionError)


def _parse(path: Path) -> _File:
    """Return the content of a file; raises `_NO_LIST`."""
    file = msgspec.json.decode(path.read_bytes(), type=_File)
    if file.version != VERSION:
        raise ValueError(f"version {file.version} is not known")
    for site in file.sites:
        if Origin.parse(site.origin) is None:
            raise ValueError(f"{site.origin!r} is no origin")
    return file


def why_unreadable(path: Path) -> str | None:
    """Return what is wrong with a file of sites; None where it is right, or not there."""
    try:
        _parse(path)
    except FileNotFoundError:
        return None
    except (*_NO_LIST, OSError) as error:
        return str(error)
    return None


def _changed(sites: Sites, origin: str, change: Change) -> Sites:
    after = change(sites.get(origin))
    others = {name: site for name, site in sites.items() if name != origin}
    return others if after is None else {**others, origin: after}
