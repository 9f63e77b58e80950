"""Our own processes, started by one that was told where its packages are, as the Debian package's is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BASE = str(Path(sys.executable).resolve())
"""A Python that does not know our packages by itself."""

START = """
import subprocess, sys
sys.path[:] = {path!r}
from bridged.child import python
sys.exit(subprocess.run(python({module!r}), stdin=subprocess.DEVNULL).returncode)
"""


@pytest.mark.parametrize(
    ("module", "status"),
    [("bridged.signing.documents.process", 1), ("bridged.cards.pkcs11.child", 0)],
)
def test_a_process_finds_the_packages_of_the_one_that_starts_it(module: str, status: int) -> None:
    """Its status tells that it ran, and found that nobody talks to it."""
    start = START.format(path=[each for each in sys.path if each], module=module)
    done = subprocess.run([BASE, "-I", "-c", start], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (status, "")
