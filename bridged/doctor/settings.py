"""The settings file: there or not, right or wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridged import config
from bridged.doctor.context import Context
from bridged.doctor.finding import Finding
from bridged.errors import ConfigError


def settings(context: Context | None, file: Path | None) -> tuple[list[Finding], Context]:
    """Read the settings; where they are wrong, go on with the defaults."""
    path = file or config.default_path()
    try:
        read = config.load(file)
    except ConfigError as error:
        finding = Finding("settings-wrong", {"file": error.file, "detail": error.detail})
        return [finding], context or Context(config.Config())
    context = replace(context, config=read) if context else Context(read)
    name = "settings-good" if path.exists() else "settings-none"
    return [Finding(name, {"file": str(path)})], context
