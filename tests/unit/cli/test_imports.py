"""What the command line loads before it knows what it is to do."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "aiohttp",
    "cryptography",
    "lxml",
    "pkcs11",
    "pyhanko",
    "signxml",
    "smartcard",
    "websockets",
)

SCRIPT = f"""
import sys
from bridged.__main__ import main
try:
    main(["--version"])
finally:
    print(*(name for name in {HEAVY} if name in sys.modules))
"""


def test_the_version_is_told_without_any_library_of_weight() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=30, check=True
    )
    version, loaded = done.stdout.splitlines()
    assert version.startswith("bridged ")
    assert loaded == ""
