"""Serve the portal at the tests' time, in a process that kills itself where KILL_AT says.

KILL_AT is the beginning of a statement, before which it dies, or `COMMIT` or `COMMITTED`: before or
after the transaction that stores an application.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from portal_demo.app import create_app
from portal_demo.cli import main, serve

STORING = "INSERT INTO application "


def die(*_event: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    def before_statement(_connection, _cursor, statement: str, *_more: object) -> None:
        if statement.startswith(STORING):
            begun.append(statement)
            if point == "COMMIT":
                event.listen(Engine, "commit", die)
            if point == "COMMITTED":
                event.listen(Session, "after_commit", die)
        if begun and statement.startswith(point):
            die()

    begun: list[str] = []
    event.listen(Engine, "before_cursor_execute", before_statement)


if __name__ == "__main__":
    now = datetime.fromisoformat(os.environ["NOW"])
    serve.create_app = partial(create_app, clock=lambda: now)
    if "KILL_AT" in os.environ:
        arm(os.environ["KILL_AT"])
    sys.exit(main())
