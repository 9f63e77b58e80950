"""Programs that run side by side: watched while they run, and none left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

import aiohttp

TERM_TIMEOUT_S = 2.5
HEALTH_TIMEOUT_S = 30.0
HEALTH_INTERVAL_S = 0.05
LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Program:
    """A program that was started; what it prints goes to `log`, and `health` answers 200."""

    name: str
    process: asyncio.subprocess.Process
    log: Path
    health: str


class ProgramEnded(Exception):
    """A program ended by itself; `last_lines` is what it said before."""

    def __init__(self, name: str, status: int | None, log: str) -> None:
        super().__init__(name, status)
        self.name = name
        self.status = status
        self.last_lines = log.splitlines()[-LAST_LINES:]


class Programs:
    """Starts programs; when the context ends all of them are gone.

    They also go when this process is killed (PR_SET_PDEATHSIG), and a Ctrl-C in the terminal
    reaches this process alone.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[Program] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*map(_end, self._running))

    async def start(
        self, name: str, command: Iterable[str], *, health: str, env: Mapping[str, str]
    ) -> None:
        """Start a program with `env` added to the environment and no standard input."""
        log = self._logs / f"{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **env},
            )
        self._running.append(Program(name, process, log, health))

    async def until_healthy(self) -> None:
        """Wait until all answer; raises `ProgramEnded`, and `TimeoutError` after 30 s."""
        async with asyncio.timeout(HEALTH_TIMEOUT_S):
            await first_of(self.first_end(), self._all_answer())

    async def first_end(self) -> NoReturn:
        """Wait until a program ends by itself; raises `ProgramEnded`."""
        await first_of(*(program.process.wait() for program in self._running))
        program = next(p for p in self._running if p.process.returncode is not None)
        log = program.log.read_text(encoding="utf-8", errors="replace")
        raise ProgramEnded(program.name, program.process.returncode, log)

    async def _all_answer(self) -> None:
        for program in self._running:
            await _answers(program.health)


async def first_of(*awaitables: Coroutine[object, object, object]) -> None:
    """Wait until one has ended, cancel the others and wait for them; raise what the first raised."""
    tasks = [asyncio.create_task(awaitable) for awaitable in awaitables]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _end(program: Program) -> None:
    """End a program with SIGTERM; then SIGKILL what is left of its process group."""
    process = program.process
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), TERM_TIMEOUT_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _answers(url: str) -> None:
    """Wait until `url` answers 200."""
    timeout = aiohttp.ClientTimeout(total=2)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(HEALTH_INTERVAL_S)


async def process_ended(pid: int) -> None:
    """Wait until a child of this process has ended, without reaping it."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    descriptor = os.pidfd_open(pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
