"""What all tests over a real pcscd have: their mark, and a PIN that is looked for everywhere."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .canary import CANARY, SECOND, THIRD, disguises, found, journalled, running


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
