"""Which ways to ask there are on this computer, by the settings and the desktop."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from bridged.config import Config, PinSettings, PinWay
from bridged.pin import pinentry
from bridged.pin.prompt import Way
from bridged.pin.question import Language


def ways_here(
    settings: PinSettings,
    environment: Mapping[str, str] = os.environ,
    *,
    others: Sequence[Way] = (),
) -> Sequence[Way]:
    """Return the ways that there are: the native dialog, and `others`.

    Looks at the disk: call it off the loop.
    """
    ways = list(others)
    if PinWay.PINENTRY in settings.ways:
        named = settings.pinentry
        # A dialog in the terminal would be drawn over the daemon's own lines: only where asked for.
        terminal = os.ttyname(0) if named and sys.stdin and sys.stdin.isatty() else None
        dialog = pinentry.find(environment, terminal=terminal, named=named)
        ways += [dialog] if dialog is not None else []
    return ways


def language_of(config: Config, environment: Mapping[str, str] = os.environ) -> Language:
    """Return the language of the dialogs: as set, else English where the desktop speaks it."""
    if config.language is not None:
        return Language(config.language)
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := environment.get(name))), "")
    return Language.EN if locale.startswith("en") else Language.JA
