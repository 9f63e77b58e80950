"""The token file: what lets a program of the same user in, and nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridged.private_files import create_private, private_folder


@contextmanager
def token_file(folder: Path, port: int, token: str) -> Iterator[Path]:
    """Write the token of the daemon on `port` for this user alone; remove it in the end.

    Raises `ConfigError` where the folder is open to others.
    """
    private_folder(folder)
    path = folder / f"token-{port}"
    path.unlink(missing_ok=True)
    with os.fdopen(create_private(path), "w", encoding="ascii") as file:
        file.write(token)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
