"""The token file: what lets a program of the same user in, and nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridged.errors import ConfigError


@contextmanager
def token_file(folder: Path, port: int, token: str) -> Iterator[Path]:
    """Write the token of the daemon on `port` for this user alone; remove it in the end.

    Raises `ConfigError` where the folder is open to others.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise ConfigError(file=str(folder), detail="other users can write to this folder")
    path = folder / f"token-{port}"
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(token)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
