"""One private pcscd for the session. A tool that is missing fails the tests that need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.virtual.pcscd import PrivatePcscd

from .canary import CANARY, SECOND, disguises, found, journalled, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.hil)


@pytest.fixture(scope="session", autouse=True)
def _canary_is_nowhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look for the canary once more when the whole suite is over: in all it left behind."""
    yield
    forms = disguises(CANARY) | disguises(SECOND)
    left = [tmp_path_factory.getbasetemp(), Path(__file__).parents[2] / "build"]
    assert [name for folder in left for name in found(folder, forms)] == []
    assert running(forms) == []
    assert journalled(forms) == []


@pytest.fixture(scope="session")
def pcscd() -> Iterator[PrivatePcscd]:
    """A running pcscd with two vpcd readers, both empty."""
    with PrivatePcscd(readers=2) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def ca_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo CA of the session's cards is."""
    return tmp_path_factory.mktemp("ca")
