"""Where bridged cannot run, it says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

ELSEWHERE = """
import platform, sys
platform.system = lambda: sys.argv[1]
for name in sys.argv[2].split():
    sys.modules[name] = None
from bridged.__main__ import main
sys.exit(main(["serve"]))
"""


@pytest.mark.parametrize(
    ("system", "lacks", "lang", "told"),
    [
        ("Windows", "fcntl resource pwd grp termios", "en_US.UTF-8", "runs on Linux alone"),
        ("Darwin", "", "ja_JP.UTF-8", "Linuxでのみ動作します"),
    ],
)
def test_another_system_is_named_instead_of_a_missing_module(
    system: str, lacks: str, lang: str, told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", ELSEWHERE, system, lacks],
        env={"LC_ALL": lang},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, told in done.stderr, "Traceback" in done.stderr) == (1, True, False)
