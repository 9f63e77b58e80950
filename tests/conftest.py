"""What tests with a real pcscd share, wherever they are. A tool that is missing fails them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridged.virtual.pcscd import PrivatePcscd


@pytest.fixture(scope="session")
def pcscd() -> Iterator[PrivatePcscd]:
    """A running pcscd with two vpcd readers, both empty."""
    with PrivatePcscd(readers=2) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def ca_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo CA of the session's cards is."""
    return tmp_path_factory.mktemp("ca")
