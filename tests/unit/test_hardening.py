"""What the kernel was asked for, asked back of it."""

from __future__ import annotations

import subprocess
import sys

ASK_BACK = """
import ctypes, resource
from bridged.hardening import forbid_dumps
PR_GET_DUMPABLE = 3
before = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
forbid_dumps()
after = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
print(before, after, *resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_a_process_with_a_pin_in_it_can_be_neither_dumped_nor_read() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK_BACK], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "0", "0", "0"]
