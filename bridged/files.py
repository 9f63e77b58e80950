"""Which files may be believed: those that nobody but root and this user can change."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def distrust(path: Path) -> str | None:
    """Return why a program file must not be loaded, or None where it may be.

    It must be named absolutely and belong to root or this user, as must each folder above it; and
    no other user may write to it, or rename what is in those folders.
    """
    if not path.is_absolute():
        return f"{path} is not an absolute path"
    try:
        real = path.resolve(strict=True)
        if not stat.S_ISREG(real.stat().st_mode):
            return f"{real} is not a file"
        return next(filter(None, map(_open_to_others, (real, *real.parents))), None)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"


def _open_to_others(path: Path) -> str | None:
    status = path.stat()
    if not hasattr(os, "getuid"):
        return None
    if status.st_uid not in {0, os.getuid()}:
        return f"{path} belongs to another user"
    sticky_folder = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & stat.S_IWOTH and not sticky_folder:
        return f"every user may write to {path}"
    if status.st_mode & stat.S_IWGRP and stat.S_ISREG(status.st_mode) and status.st_gid != 0:
        return f"a group of users may write to {path}"
    return None
