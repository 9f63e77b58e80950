"""`bridged card` as a child process, played through its standard input and output."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

ANSWER_S = 20.0
"""RSA keys are made before the first answer."""


class CardProcessError(Exception):
    """The card's process ended, did not answer, or answered with an error."""


class CardProcess:
    """A virtual card in a process of its own; each method returns when the thing is done."""

    def __init__(
        self, prefix: Sequence[str], arguments: Sequence[str], env: Mapping[str, str]
    ) -> None:
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "bridged", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
            start_new_session=True,
        )
        try:
            self._expect("ready")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The id of the process, to notice its end."""
        return self._process.pid

    def insert(self) -> None:
        """Put the card in; the reader has seen it when this returns."""
        self._command("insert", "inserted")

    def remove(self) -> None:
        """Take the card out; the reader has noticed when this returns."""
        self._command("remove", "removed")

    def remove_on(self, moment: Literal["sign", "verify"]) -> None:
        """Take the card out as the next command of this kind arrives."""
        self._command(f"remove-on {moment}", "ok")

    def misbehave(self, fault: str) -> None:
        """Let the card show a fault: `KIND [VALUE] [on MOMENT] [after N] [times N]`."""
        self._command(f"misbehave {fault}", "ok")

    def behave(self) -> None:
        """Let the card show no fault any more."""
        self._command("behave", "ok")

    def mute(self) -> None:
        """Let the card give no ATR from its next insertion on."""
        self._command("mute", "ok")

    def latency(self, *, apdu_ms: int, signature_ms: int) -> None:
        """Let the card be as slow as this."""
        self._command(f"latency {apdu_ms} {signature_ms}", "ok")

    def tries(self) -> dict[str, int]:
        """Return the tries left of each PIN by its name."""
        return self._numbers("tries")

    def apdus(self) -> int:
        """Return the number of commands that have reached the card."""
        return self._numbers("apdus")["apdus"]

    def reset(self) -> None:
        """Give the card its first PINs and fresh counters."""
        self._command("reset", "ok")

    def close(self) -> None:
        """Take the card out and end the process; nothing if it has ended."""
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _command(self, command: str, answer: str) -> None:
        self._write(command)
        self._expect(answer)

    def _numbers(self, command: str) -> dict[str, int]:
        self._write(command)
        pairs = (word.split("=") for word in self._read().split())
        return {name: int(number) for name, number in pairs}

    def _write(self, command: str) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise CardProcessError("the virtual card has ended") from error

    def _expect(self, answer: str) -> None:
        line = self._read()
        if line != answer:
            raise CardProcessError(f"the virtual card said {line!r}, not {answer!r}")

    def _read(self) -> str:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_S)
        if not ready:
            raise CardProcessError(f"the virtual card said nothing for {ANSWER_S:.0f} s")
        line = self._process.stdout.readline()
        if not line:
            raise CardProcessError("the virtual card has ended")
        return line.strip()
