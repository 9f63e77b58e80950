"""How to start a module of ours in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

_RUN = (
    "import runpy, sys; sys.path[:] = {path!r}; runpy.run_module({module!r}, run_name='__main__')"
)


def python(module: str) -> list[str]:
    """Return the command; it finds packages where this process does, and in no other place.

    A package of the distribution has its own folder for them, which only its start script knows.
    """
    path = [each for each in sys.path if Path(each).is_absolute()]
    return [sys.executable, "-I", "-c", _RUN.format(path=path, module=module)]
