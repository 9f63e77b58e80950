"""The computer itself: its clock, and how a person can be asked for a PIN on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import bridged
from bridged.doctor.context import Context
from bridged.doctor.finding import Finding
from bridged.pin import pinentry


def clock(context: Context) -> Iterator[Finding]:
    """Compare with the day this program was put here: a clock behind it makes certificates wrong."""
    put_here = datetime.fromtimestamp(Path(bridged.__file__).stat().st_ctime, UTC)
    if context.now < put_here:
        yield Finding("clock-behind", {"now": f"{context.now:%Y-%m-%d %H:%M}"})


def dialog(context: Context) -> Iterator[Finding]:
    """Look for a native dialog."""
    environment = context.environment
    if not environment.get("DISPLAY") and not environment.get("WAYLAND_DISPLAY"):
        yield Finding("dialog-no-display")
    elif pinentry.find(environment, named=context.config.pin.pinentry) is None:
        yield Finding("dialog-missing")
    else:
        names = (context.config.pin.pinentry or "", *pinentry.GRAPHICAL)
        found = (name for name in names if name and shutil.which(name, path=environment["PATH"]))
        yield Finding("dialog-good", {"program": next(found)})
