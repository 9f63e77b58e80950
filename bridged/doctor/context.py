"""Where the doctor looks; a test gives him another place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bridged.config import Config


@dataclass(frozen=True, slots=True)
class Context:
    """The computer as the checks see it."""

    config: Config
    config_file: Path | None = None
    root: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def below(self, path: str) -> Path:
        """Return a path of the system, below its root."""
        return self.root / path.lstrip("/")
