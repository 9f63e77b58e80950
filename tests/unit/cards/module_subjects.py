"""Cards under the contract that a PKCS#11 module has to itself: OpenSC's, and SoftHSM's tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridged.cards import registry
from bridged.cards.base import Driver
from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11.driver import Pkcs11Driver
from bridged.cards.pkcs11.module import Module
from bridged.cards.pkcs11.process import ModuleProcess
from bridged.errors import PinIncorrect
from bridged.model import ReaderState, Usage
from bridged.pcsc.bus import Connection
from bridged.pcsc.scard import PcscBus
from bridged.virtual.card_process import CardProcess

from .subjects import Pins, Promises, right, wrong, wrong_value

OPENSC = next(Path("/usr/lib").glob("*/opensc-pkcs11.so"), Path("opensc-pkcs11.so"))
SELECT_PIV = bytes.fromhex("00A4040005A000000308")
SELECT_JPKI = bytes.fromhex("00A4040C0AD392F000260100000001")
JPKI_PIN_FILES = {"authentication": "0018", "signature": "001B"}
MANY = 12
"""More wrong PINs than a card has tries."""


@dataclass
class ModuleSubject:
    """A card and the driver over a module; what is asked of the module is noted."""

    module: Module
    reader: str
    pins: Pins
    promises: Promises
    made: list[c.Call] = field(default_factory=list)
    drivers: list[Pkcs11Driver] = field(default_factory=list)
    fails_at: int | None = None

    def note(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Note each call; where one is to fail, the module's process dies of it."""
        call = ModuleProcess.call

        def noted(process: ModuleProcess, wanted: c.Call, *arguments: Any) -> object:
            self.made.append(wanted)
            if self.fails_at == 0 and process._process is not None:
                process._process.kill()
            self.fails_at = None if not self.fails_at else self.fails_at - 1
            return call(process, wanted, *arguments)

        monkeypatch.setattr(ModuleProcess, "call", noted)

    def driver(self) -> Pkcs11Driver:
        driver = self.found_by_registry()
        self.drivers.append(driver)
        return driver

    def found_by_registry(self) -> Pkcs11Driver:
        self.drivers.append(registry.find_by_module([self._anew()], self.reader))
        return self.drivers[-1]

    def found_by_others(self) -> list[Driver | None]:
        """Ask for a card in a reader that there is not."""
        module = Module(self.module.path, self.module.name)
        return [Pkcs11Driver.find([module], "another reader")]

    def begin(self) -> None:
        """There are no transactions of ours."""

    def reset(self) -> None:
        for driver in self.drivers:
            driver.end()

    def asked(self) -> int:
        return len(self.made)

    def pins_sent(self) -> int:
        return sum(isinstance(call, c.Login) for call in self.made)

    def _anew(self) -> Module:
        """Return the module as one that has not failed yet, which the daemon would leave alone."""
        return Module(self.module.path, self.module.name, any_slot=self.module.any_slot)


class SoftHsmSubject(ModuleSubject):
    """A token of SoftHSM, in files: it counts no tries, and there is no card to take away."""

    def tries_left(self, usage: Usage) -> int:
        return MANY

    def use_up(self, usage: Usage, left: int) -> None:
        other = registry.find_by_module([self._anew()], self.reader)
        key = other.keys(usage)[0]
        for _ in range(MANY):
            with pytest.raises(PinIncorrect):
                other.verify_pin(key, wrong(self.pins, usage))
        other.end()
        self.made.clear()

    def intrude(self) -> None:
        """Let another program log in and out."""
        other = registry.find_by_module([self._anew()], self.reader)
        key = other.keys()[0]
        other.verify_pin(key, right(self.pins, key.usage))
        other.end()

    def reset_by_another(self) -> None:
        self.intrude()

    def fail(self, fault: str) -> None:
        """Let the module's process die at a later call, whatever else would go wrong with a card."""
        self.fails_at = int(fault.rpartition(" ")[2])

    def mend(self) -> None:
        self.fails_at = None
        self.reset()


@dataclass
class OpenScSubject(ModuleSubject):
    """A virtual card behind pcscd that OpenSC knows."""

    card: CardProcess = field(kw_only=True)

    def tries_left(self, usage: Usage) -> int:
        return self.card.tries()[self.pins[usage][1]]

    def use_up(self, usage: Usage, left: int) -> None:
        while self.tries_left(usage) > left:
            with self._another_program() as card:
                self._select(card, usage)
                name, value = self.pins[usage][1], wrong_value(self.pins, usage).encode()
                block = value if name in JPKI_PIN_FILES else value.ljust(8, b"\xff")
                card.transmit(bytes((0x00, 0x20, 0x00, 0x80, len(block))) + block)

    def intrude(self) -> None:
        """Let another program look at the tries left."""
        with self._another_program() as card:
            self._select(card, Usage.AUTHENTICATION)
            assert card.transmit(bytes((0x00, 0x20, 0x00, 0x80)))[:1] in {b"\x63", b"\x90"}

    def reset_by_another(self) -> None:
        with self._another_program(reset=True):
            pass

    def fail(self, fault: str) -> None:
        self.card.misbehave(fault)

    def mend(self) -> None:
        self.reset()
        self.card.behave()
        self.card.reset()
        self.card.insert()
        reader_with_card()

    def _select(self, card: Connection, usage: Usage) -> None:
        file = JPKI_PIN_FILES.get(self.pins[usage][1])
        card.transmit(SELECT_JPKI if file else SELECT_PIV)
        if file:
            card.transmit(bytes.fromhex(f"00A4020C02{file}"))

    @contextmanager
    def _another_program(self, *, reset: bool = False) -> Iterator[Connection]:
        context = PcscBus().open()
        connection = context.connect(self.reader)
        connection.begin()
        try:
            yield connection
        finally:
            connection.end()
            connection.close(reset=reset)
            context.close()


def reader_with_card() -> str:
    """Wait for a reader to have a card in it; return its name."""
    context = PcscBus().open()
    try:
        while True:
            for each in context.wait_for_change():
                if each.state is ReaderState.PRESENT:
                    return each.name
    finally:
        context.close()
