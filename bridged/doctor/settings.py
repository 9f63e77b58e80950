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


def settings(context: Context | None, file: Path | None) -> tuple[list[Finding], Context]:
    """Read the settings; where they are wrong, go on with the defaults."""
    path = file or config.default_path()
    try:
        read = config.load(file)
        _examine(read, path)
    except ConfigError as error:
        finding = Finding("settings-wrong", {"file": error.file, "detail": error.detail})
        context = context or Context(config.Config())
        return [finding, *_policy(context)], context
    context = replace(context, config=read) if context else Context(read)
    name = "settings-good" if path.exists() else "settings-none"
    return [Finding(name, {"file": str(path)}), *_policy(context)], context


def _examine(read: config.Config, path: Path) -> None:
    """Look at what the daemon looks at when it starts; raises `ConfigError`."""
    try:
        configured(read.sites)
        if read.documents.tsa is not None:
            roots = read.documents.tsa_roots
            TimestampAuthority.of(read.documents.tsa, Path(roots).expanduser() if roots else None)
    except ConfigError as error:
        raise ConfigError(file=str(path), detail=f"{error.file}: {error.detail}") from None


def _policy(context: Context) -> Iterator[Finding]:
    file = context.below(str(POLICY_FILE))
    try:
        load_managed(file)
    except ConfigError as error:
        yield Finding("policy-wrong", {"file": error.file, "detail": error.detail})
    else:
        if file.exists():
            yield Finding("policy-good", {"file": str(file)})
