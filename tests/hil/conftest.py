"""One private pcscd for the session. A tool that is missing fails the tests that need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.virtual.pcscd import PrivatePcscd


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.hil)


@pytest.fixture(scope="session")
def pcscd() -> Iterator[PrivatePcscd]:
    """A running pcscd with two vpcd readers, both empty."""
    with PrivatePcscd(readers=2) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def ca_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo CA of the session's cards is."""
    return tmp_path_factory.mktemp("ca")
