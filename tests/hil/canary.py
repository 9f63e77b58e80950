"""PINs that nothing else could be, and the search for them in every form."""

from __future__ import annotations

import base64
import contextlib
import shutil
import subprocess
from pathlib import Path

CANARY, SECOND, THIRD = "90417365", "58203917", "73915028"


def disguises(pin: str) -> set[bytes]:
    """Return the forms in which a PIN could lie about: as it is, hexadecimal, base64, as a list."""
    plain = pin.encode()
    padded = plain.ljust(8, b"\xff")
    numbers = ", ".join(str(byte) for byte in plain)
    return {
        plain,
        base64.b64encode(plain),
        base64.b64encode(padded),
        numbers.encode(),
        *(
            form(separator).encode()
            for form in (plain.hex, lambda s: plain.hex(s).upper())
            for separator in (" ", ":")
        ),
        plain.hex().encode(),
        plain.hex().upper().encode(),
    }


def found(home: Path, forms: set[bytes]) -> list[str]:
    names = []
    for path in home.rglob("*"):
        # What another program makes there may be gone by now.
        with contextlib.suppress(FileNotFoundError):
            text = path.read_bytes() if path.is_file() else b""
            names += [f"{path.name}: {form!r}" for form in forms if form in text]
    return names


def running(forms: set[bytes]) -> list[str]:
    """Return the processes that have one of the forms in their arguments or environment."""
    names = []
    for process in Path("/proc").glob("[0-9]*"):
        for part in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                text = (process / part).read_bytes()
                names += [f"{process.name}: {part}" for form in forms if form in text]
    return names


def journalled(forms: set[bytes]) -> list[str]:
    """Return the lines of the last hour's journal that hold one, where the machine keeps one."""
    if shutil.which("journalctl") is None:
        return []
    journal = subprocess.run(
        ["journalctl", "--since=-1h", "--output=cat", "--quiet"], capture_output=True, check=False
    )
    return [form.decode(errors="replace") for form in forms if form in journal.stdout]
