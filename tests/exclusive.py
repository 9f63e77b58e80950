"""Another program that holds a card alone, as vendors' own software does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HOLD = """
import sys, time
from smartcard import scard
_, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
_, readers = scard.SCardListReaders(context, [])
code = scard.SCARD_E_SHARING_VIOLATION
while code == scard.SCARD_E_SHARING_VIOLATION:
    time.sleep(0.05)
    code, *_ = scard.SCardConnect(
        context, readers[0], scard.SCARD_SHARE_EXCLUSIVE,
        scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
    )
print(code, readers[0], sep="\\t", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_alone(socket_name: str) -> Iterator[str]:
    """Hold the card in the first reader meanwhile, once no other has it; yields the reader's name."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD],
        env={**os.environ, "PCSCLITE_CSOCK_NAME": socket_name},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        code, reader = holder.stdout.readline().rstrip("\n").split("\t")
        assert code == "0"
        try:
            yield reader
        finally:
            holder.communicate("")
