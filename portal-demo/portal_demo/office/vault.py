"""The key that officers' authenticator secrets are encrypted with: in a file, never in the database.

The file holds a Fernet key (AES-128-CBC and HMAC-SHA-256) a line. The first encrypts, all decrypt;
`prepare` brings what an older one encrypted to the first, so that the older line can go.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.office.errors import SecretUnreadable
from portal_demo.office.models import Officer
from portal_demo.rows import alone
from portal_demo.settings import Settings, SettingsError

log = logging.getLogger(__name__)

_SEALED = "gAAAA"  # how every Fernet token begins; base32 has no small letters
_UNSET = (
    "totp_key_file is not set: name a file for the key that officers' authenticator secrets are "
    "encrypted with, the same for every process; it is made if it is not there"
)


class Vault:
    """Encrypts and decrypts secrets; `file` None: there is no key, and none can be enrolled."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._keys: tuple[Fernet, ...] = ()

    async def prepare(self, db: AsyncSession) -> None:
        """Read the key, or make it if it has encrypted nothing yet; encrypt all by the first line.

        Raises SettingsError for a key that is missing or another one.
        """
        await alone(db, "officers' secrets")
        having = select(Officer).where(Officer.totp_secret != "").with_for_update()
        officers = list(await db.scalars(having))
        sealed = any(one.totp_secret.startswith(_SEALED) for one in officers)
        if self._file is None:
            if officers:
                raise SettingsError(_UNSET)
            log.warning(_UNSET)
            return
        self._keys = await asyncio.to_thread(_read, self._file, make=not sealed)
        for officer in officers:
            officer.totp_secret = self._by_first_key(officer.totp_secret)

    def seal(self, secret: str) -> str:
        """Encrypt a secret. Raises SecretUnreadable if there is no key to do it with."""
        if not self._keys:
            log.error(_UNSET)
            raise SecretUnreadable
        return self._keys[0].encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt what `seal` gave. Raises SecretUnreadable."""
        try:
            return MultiFernet(self._keys).decrypt(sealed.encode()).decode()
        except (InvalidToken, ValueError) as e:  # ValueError: no key at all
            log.error("an authenticator's secret was not encrypted by the key in %s", self._file)
            raise SecretUnreadable from e

    def _by_first_key(self, stored: str) -> str:
        if not stored.startswith(_SEALED):  # of a portal before it encrypted them
            return self.seal(stored)
        try:
            self._keys[0].decrypt(stored.encode())
        except InvalidToken:
            return self._renewed(stored)
        return stored

    def _renewed(self, stored: str) -> str:
        try:
            return MultiFernet(self._keys).rotate(stored.encode()).decode()
        except InvalidToken as e:
            raise SettingsError(
                f"totp_key_file: {self._file} has another key than the one that encrypted the "
                "officers' authenticator secrets: put that one back, or add its line to the file"
            ) from e


def key_file(settings: Settings) -> Path | None:
    """Return where the key is: what is set, else beside SQLite's file."""
    if settings.totp_key_file:
        return settings.totp_key_file
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite" and url.database:
        return Path(f"{url.database}.key")
    return None


def _read(file: Path, *, make: bool) -> tuple[Fernet, ...]:
    try:
        if make and not file.exists():
            _make(file)
        if keys := tuple(map(Fernet, file.read_text("ascii").split())):
            return keys
        raise ValueError
    except FileNotFoundError as e:
        raise SettingsError(
            f"totp_key_file: there is no {file}, but it has encrypted officers' authenticator "
            "secrets: put it back from its backup"
        ) from e
    except OSError as e:
        raise SettingsError(f"totp_key_file: {e}") from e
    except ValueError as e:
        raise SettingsError(f"totp_key_file: {file} holds no Fernet keys, one a line") from e


def _make(file: Path) -> None:
    """Write a new key, for its owner alone, whole or not at all; one that is there by now stays."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".key-") as new:  # mode 0600
        new.write(f"{Fernet.generate_key().decode()}\n")
        new.flush()
        os.fsync(new.fileno())
        try:
            os.link(new.name, file)
        except FileExistsError:
            return
    log.warning("made %s: keep a copy of it, apart from those of the database", file)
