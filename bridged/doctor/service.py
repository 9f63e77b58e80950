"""The smart card service: installed, running, answering, and who else uses it."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator

from bridged.doctor.context import Context
from bridged.doctor.finding import Finding
from bridged.doctor.processes import users_of_pcsc
from bridged.errors import BridgedError
from bridged.pcsc.bus import Bus

SOCKET = "/run/pcscd/pcscd.comm"
SEARCH_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"
ANSWER_S = 5.0
"""How long pcscd may take to open a context (seconds)."""


def pcscd(context: Context, bus: Bus) -> Iterator[Finding]:
    """Look at the service from the outside in; yields one finding, and who else uses it."""
    name = _state(context, bus)
    if name == "pcscd-good":
        yield from running(context)
    else:
        yield Finding(name)


def running(context: Context) -> Iterator[Finding]:
    """Report a service that answers, and who else uses it."""
    yield Finding("pcscd-good")
    if programs := users_of_pcsc(context):
        yield Finding("pcsc-programs", {"programs": ", ".join(programs)})


def _state(context: Context, bus: Bus) -> str:
    path = context.environment.get("PCSCLITE_CSOCK_NAME") or str(context.below(SOCKET))
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(ANSWER_S)
        try:
            probe.connect(path)
        except PermissionError:
            return "pcscd-refuses"
        except BlockingIOError:
            # As many wait as its socket takes (unix(7)), and it lets none of them in.
            return "pcscd-hangs"
        except OSError:
            where = ":".join(str(context.below(folder)) for folder in SEARCH_PATH.split(":"))
            return "pcscd-stopped" if shutil.which("pcscd", path=where) else "pcscd-missing"
    return _answer(bus)


def _answer(bus: Bus) -> str:
    """Open a context: what listens on the socket may be of another mind, or of none."""
    state = "pcscd-hangs"

    def ask() -> None:
        nonlocal state
        try:
            bus.open().close()
        except BridgedError:
            state = "pcscd-refuses"
        else:
            state = "pcscd-good"

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(ANSWER_S)
    return state
