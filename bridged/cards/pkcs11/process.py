"""A module's process, from the daemon's side: started when needed, timed, killed when it must be."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
from io import FileIO
from typing import Any, TypeVar, cast

import msgspec

from bridged.cards.pkcs11 import calls as c
from bridged.cards.pkcs11.module import Module
from bridged.child import python
from bridged.errors import CardRemoved, ModuleFault

log = logging.getLogger(__name__)

LOAD_S = 10.0
CALL_S = 20.0
END_S = 2.0
PERSON_S = 90.0
"""How long loading, a call, the end, and a person at a keypad may take (seconds)."""

T = TypeVar("T")
Process = subprocess.Popen[bytes]


class CallFailed(Exception):
    """The module refused; `what` is a `Failure` or the name of a return code."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class ModuleProcess:
    """A process that has loaded a module; one at a time, made anew when the last one has ended.

    Used by one thread, but for `abort`. `starts` counts the processes: what one of them knew (a
    login) the next one does not.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.starts = 0
        self._process: Process | None = None
        self._aborted = False

    @property
    def running(self) -> bool:
        """Whether there is a process, as far as is known."""
        return self._process is not None

    def call(self, call: c.Call, kind: type[T] | None, timeout_s: float = CALL_S) -> T:
        """Make a call of the module, in a new process where there is none.

        Raises `CallFailed`, `CardRemoved` after `abort`, and `ModuleFault` where the process
        cannot be started, hangs, dies or talks nonsense; it is gone then.
        """
        process = self._process or self._start()
        answer = self._exchange(process, call, kind, timeout_s)
        self.module.worked()
        if isinstance(answer, c.Failed):
            raise CallFailed(answer.what)
        return cast("T", answer)

    def end(self) -> None:
        """Log out and end the process, if there is one; never raises."""
        if (process := self._process) is not None:
            with contextlib.suppress(ModuleFault, CardRemoved):
                self._exchange(process, c.End(), None, END_S)
                self._stop(process)

    def abort(self) -> None:
        """Kill the process, so that the call under way fails at once; from any thread, for good."""
        self._aborted = True
        if (process := self._process) is not None:
            process.kill()

    def _start(self) -> Process:
        self.module.require_rested()
        self.starts += 1
        try:
            process = self._process = subprocess.Popen(
                python("bridged.cards.pkcs11.child"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                # Ctrl-C ends the daemon, and the daemon ends this, after a logout.
                start_new_session=True,
            )
        except OSError as error:
            log.error("no process for %s could be started: %s", self.module.path, error)
            raise self.module.fault("unstartable") from None
        answer = self._exchange(process, c.Load(str(self.module.path)), None, LOAD_S)
        if isinstance(answer, c.Failed):
            log.warning("%s cannot be used: %s", self.module.path, answer.what)
            self._stop(process)
            raise self.module.failed("unloadable")
        return process

    def _exchange(self, process: Process, call: c.Call, kind: Any, timeout_s: float) -> Any:
        """Return the result of a call, or `Failed`."""
        hung = threading.Event()

        def give_up() -> None:
            hung.set()
            process.kill()

        timer = threading.Timer(timeout_s, give_up)
        timer.daemon = True
        timer.start()
        cause = "crashed"
        try:
            answer = _ask(process, call, kind)
        except (OSError, EOFError):
            answer = None
        except msgspec.MsgspecError:
            answer, cause = None, "garbled"
        finally:
            timer.cancel()
        if answer is None or hung.is_set() or self._aborted:
            self._stop(process)
            if self._aborted:
                raise CardRemoved
            raise self.module.failed("hung" if hung.is_set() else cause)
        return answer if isinstance(answer, c.Failed) else answer.result

    def _stop(self, process: Process) -> None:
        self._process = None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _ask(process: Process, call: c.Call, kind: Any) -> c.Done | c.Failed:
    """Send a call and wait for its answer; raises `EOFError` where the process ends instead."""
    assert isinstance(process.stdin, FileIO)
    assert isinstance(process.stdout, FileIO)
    c.write(process.stdin, call)
    frame = c.read(process.stdout)
    if frame is None:
        raise EOFError
    answer: c.Done | c.Failed = msgspec.msgpack.decode(frame, type=c.Done | c.Failed)
    if isinstance(answer, c.Done):
        return c.Done(msgspec.convert(answer.result, kind))
    return answer
