"""The settings file and the administrator's: there or not, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bridged import config
from bridged.doctor.context import Context
from bridged.doctor.finding import Finding
from bridged.errors import ConfigError
from bridged.service.tsa import TimestampAuthority
from bridged.sites.configured import configured
from bridged.sites.managed import POLICY_FILE, load_managed


def settings(
    context: Context | None, file: Path | None, held: config.Config | None = None
) -> tuple[list[Finding], Context]:
    """Read the settings; where they are wrong, go on with those `held`, or with the defaults."""
    path = file or config.default_path()
    try:
        read = config.load(file)
        with config.blaming(file):
            _examine(read)
    except ConfigError as error:
        finding = Finding("settings-wrong", {"file": error.file, "detail": error.detail})
        context = context or Context(held or config.Config())
        return [finding, *_policy(context)], context
    context = replace(context, config=read) if context else Context(read)
    name = "settings-good" if path.exists() else "settings-none"
    found = [Finding(name, {"file": str(path)}), *(_waiting(held, read) if held else ())]
    return [*found, *_policy(context)], context


def _waiting(held: config.Config, read: config.Config) -> Iterator[Finding]:
    """Report what was written since the daemon read its settings."""
    new = config.changed(held, read)
    for name, keys in (
        ("settings-unread", new - config.RESTART),
        ("settings-restart", new & config.RESTART),
    ):
        if keys:
            yield Finding(name, {"keys": ", ".join(sorted(keys))})


def _examine(read: config.Config) -> None:
    """Look at what the daemon looks at when it starts; raises `ConfigError`."""
    configured(read.sites)
    TimestampAuthority.of_settings(read.documents)


def _policy(context: Context) -> Iterator[Finding]:
    file = context.below(str(POLICY_FILE))
    try:
        load_managed(file)
    except ConfigError as error:
        yield Finding("policy-wrong", {"file": error.file, "detail": error.detail})
    else:
        if file.exists():
            yield Finding("policy-good", {"file": str(file)})
