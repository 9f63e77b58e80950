"""`bridged pin` as a person types it, on a terminal of its own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from bridged.virtual.profiles import EBID_PIN, EBID_PUK

from .test_call import Shell, environment, shell
from .test_sign import converse

__all__ = ["shell"]


def typed(shell: Shell, *args: str, types: tuple[str, ...] = ()) -> tuple[int, str]:
    person, terminal = pty.openpty()
    command = ["setsid", "--ctty", sys.executable, "-m", "bridged", "pin", *args]
    with subprocess.Popen(
        [*command, "--port", str(shell.port)],
        env=environment(shell.home),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        screen = converse(person, list(types))
    os.close(person)
    return process.returncode, screen


def test_tries_are_shown_a_pin_is_verified_changed_and_unblocked(shell: Shell) -> None:
    status, screen = typed(shell, "status")
    assert status == 0
    assert screen.count("3 tries left") == 2
    key = ("--usage", "authentication")
    status, screen = typed(shell, "verify", *key, types=("000000", EBID_PIN))
    assert (status, "Tries left: 2" in screen, "is correct" in screen) == (0, True, True)
    answers = (EBID_PIN, "654321", "654322", "654321", "654321")
    status, screen = typed(shell, "change", *key, types=answers)
    assert (status, "not the same" in screen, "is changed" in screen) == (0, True, True)
    answers = (EBID_PUK, EBID_PIN, EBID_PIN)
    status, screen = typed(shell, "unblock", *key, types=answers)
    assert (status, "is changed" in screen) == (0, True)
    assert not any(secret in screen for secret in (EBID_PIN, EBID_PUK, "654321"))
    assert typed(shell, "verify", *key, types=(EBID_PIN,))[0] == 0


def test_a_puk_is_changed_and_its_last_try_wants_a_yes(shell: Shell) -> None:
    other = "87654321"
    key = ("--usage", "signature")
    status, screen = typed(shell, "change-puk", *key, types=(EBID_PUK, other, other))
    assert (status, "The PUK is changed." in screen) == (0, True)
    for act in ("change-puk", "unblock"):
        new = "654321" if act == "unblock" else "12121212"
        status, screen = typed(shell, act, *key, types=("00000000", new, new))
        assert (status, "changed" in screen) == (1, False)
    for answer, code in (("n", 1), ("y", 0)):
        status, screen = typed(shell, "unblock", *key, types=(other, EBID_PIN, EBID_PIN, answer))
        assert (status, "A wrong PUK now blocks" in screen) == (code, True)
    status, screen = typed(shell, "change-puk", *key, types=(other, EBID_PUK, EBID_PUK))
    assert (status, other in screen) == (0, False)
