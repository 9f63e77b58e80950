"""What the process asks of the kernel so that its memory, with a PIN in it, stays its own."""

from __future__ import annotations

import ctypes
import logging
import resource

log = logging.getLogger(__name__)

PR_SET_DUMPABLE = 4


def forbid_dumps() -> None:
    """Write no core dump, and let no other process of this user read the memory (prctl(2)).

    Root can still do both.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        log.warning("the memory could not be closed to debuggers: errno %d", ctypes.get_errno())
