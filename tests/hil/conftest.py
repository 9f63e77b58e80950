"""What all tests over a real pcscd have: their mark, and a PIN that is looked for everywhere."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridged.virtual.pcscd import PrivatePcscd

from .canary import CANARY, SECOND, THIRD, disguises, found, journalled, running

Tool = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.hil)


@pytest.fixture(scope="session", autouse=True)
def _canary_is_nowhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look for the canary once more when the whole suite is over: in all it left behind."""
    yield
    forms = disguises(CANARY) | disguises(SECOND) | disguises(THIRD)
    left = [
        tmp_path_factory.getbasetemp(),
        Path(__file__).parents[2] / "build",
        Path(os.environ["XDG_STATE_HOME"]),
        *(Path.home() / folder / "bridged" for folder in (".config", ".local/state", ".cache")),
        *Path(tempfile.gettempdir()).glob("bridged*"),
    ]
    assert [name for folder in left for name in found(folder, forms)] == []
    assert running(forms) == []
    assert journalled(forms) == []


@pytest.fixture
def tool(pcscd: PrivatePcscd, tmp_path: Path) -> Tool:
    """Run a program against the private pcscd in an empty home and directory."""
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    (tmp_path / "bid").write_bytes("入札書".encode())

    def run(*command: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env={**os.environ, **home, "PCSCLITE_CSOCK_NAME": pcscd.socket_name, **env},
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run
