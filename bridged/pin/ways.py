"""Which ways to ask there are on this computer, by the settings and the desktop."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from bridged.config import Config, PinWay
from bridged.pin import pinentry
from bridged.pin.prompt import Prompts, Way
from bridged.pin.question import Language


def prompts_here(
    config: Config, environment: Mapping[str, str] = os.environ, *, others: Sequence[Way] = ()
) -> Prompts:
    """Return the prompts of this daemon, with `others` beside the native dialog.

    Looks at the disk: call it before the loop.
    """
    ways = list(others)
    if PinWay.PINENTRY in config.pin.ways:
        named = config.pin.pinentry
        # A dialog in the terminal would be drawn over the daemon's own lines: only where asked for.
        terminal = os.ttyname(0) if named and sys.stdin and sys.stdin.isatty() else None
        dialog = pinentry.find(environment, terminal=terminal, named=named)
        ways += [dialog] if dialog is not None else []
    return Prompts(ways, order=config.pin.ways, language=language_of(config, environment))


def language_of(config: Config, environment: Mapping[str, str]) -> Language:
    """Return the language of the dialogs: as set, else English where the desktop speaks it."""
    if config.language is not None:
        return Language(config.language)
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := environment.get(name))), "")
    return Language.EN if locale.startswith("en") else Language.JA
