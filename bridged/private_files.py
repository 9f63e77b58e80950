"""Files that belong to this user alone and survive a crash (mode 0600, rename, fsync)."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridged.errors import ConfigError

PROBE_BYTES = 16384
"""As many must fit on the disk before it is called full."""


def private_folder(folder: Path) -> None:
    """Make a folder where it is missing; raises `ConfigError` where others can write to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise ConfigError(file=str(folder), detail="other users can write to this folder")


def why_unwritable(folder: Path) -> str | None:
    """Return what keeps the files of a folder from being written, by writing one; None: nothing.

    A folder that is not there yet is not made.
    """
    try:
        if not folder.exists():
            above = next(each for each in folder.parents if each.exists())
            return None if os.access(above, os.W_OK | os.X_OK) else f"{above}: no permission"
        private_folder(folder)
        for file in folder.iterdir():
            if file.is_file() and not os.access(file, os.R_OK | os.W_OK):
                return f"{file.name}: no permission"
        probe = folder / f".probe-{secrets.token_hex(8)}"
        try:
            with os.fdopen(create_private(probe), "wb") as file_:
                file_.write(bytes(PROBE_BYTES))
                file_.flush()
                os.fsync(file_.fileno())
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    except ConfigError as error:
        return error.detail
    return None


def create_private(path: Path) -> int:
    """Open a file that nobody had made before, for writing; returns its descriptor."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other threads and processes out while the context lasts, by a lock file of that name."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace(path: Path, data: bytes) -> None:
    """Give a file new content: after a crash it has the old or the new, never a part.

    The caller holds the lock that goes with the file.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(create_private(new), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a crash."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
