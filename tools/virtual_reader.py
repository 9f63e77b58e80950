"""A virtual card in a reader of a private pcscd: what the demo can pull out and put back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from programs import ProgramEnded, first_of, process_ended

from bridged.virtual.card_process import CardProcess, CardProcessError
from bridged.virtual.pcscd import CannotRunPcscd, PrivatePcscd


class VirtualReader:
    """The card, and the PC/SC service it is reached through."""

    def __init__(self, pcscd: PrivatePcscd, card: CardProcess) -> None:
        self._pcscd = pcscd
        self._card = card
        self.inserted = True

    @property
    def environment(self) -> dict[str, str]:
        """What leads a PC/SC program to this reader."""
        return {"PCSCLITE_CSOCK_NAME": self._pcscd.socket_name}

    async def insert(self) -> None:
        """Put the card in; nothing if it is in."""
        if not self.inserted:
            await asyncio.to_thread(self._card.insert)
            self.inserted = True

    async def remove(self) -> None:
        """Pull the card out; nothing if it is out."""
        if self.inserted:
            await asyncio.to_thread(self._card.remove)
            self.inserted = False

    async def first_end(self) -> NoReturn:
        """Wait until pcscd or the card ends by itself; raises `ProgramEnded`."""
        pcscd = self._pcscd.process
        await first_of(process_ended(pcscd.pid), process_ended(self._card.pid))
        status = pcscd.poll()
        raise ProgramEnded("bridged card" if status is None else "pcscd", status, self._pcscd.log)


@contextmanager
def virtual_reader(profile: str, ca: Path) -> Iterator[VirtualReader]:
    """Start pcscd and put a card of `profile` in; raises `CannotRunPcscd`."""
    with PrivatePcscd() as pcscd:
        try:
            card = pcscd.spawn_card(profile, ca)
        except CardProcessError as error:
            raise CannotRunPcscd(str(error)) from error
        yield VirtualReader(pcscd, card)
