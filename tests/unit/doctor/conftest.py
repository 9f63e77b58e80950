"""A computer in a folder, whose cards are in readers inside this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridged.config import Config
from bridged.doctor.context import Context


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A computer with no browser, no display, no pcscd and nothing on the daemon's port."""
    for kind in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME"):
        monkeypatch.setenv(f"XDG_{kind}", str(tmp_path / kind))
    (tmp_path / "proc").mkdir()
    return Context(Config(port=1), root=tmp_path, environment={"PATH": str(tmp_path)})


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file of that computer."""

    def put_(path: str, text: str) -> Path:
        file = tmp_path / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
        return file

    return put_
