"""`make demo`: portal, daemon and a virtual card on this computer, until Ctrl-C or SIGTERM.

Everything lives in a folder of its own and on loopback; a pcscd, a daemon or settings that are
there already are left alone. See `guide` for what a person is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path

from console import has_terminal, obey, terminal_closed
from guide import EPILOGUE, FALLBACK, NOT_HEALTHY, PREPARING, ended_by_itself, guide
from programs import ProgramEnded, Programs, first_of
from virtual_reader import VirtualReader, virtual_reader

from bridged.model import DEFAULT_PORT
from bridged.virtual.ca import DemoCa
from bridged.virtual.certificates import POLICY
from bridged.virtual.pcscd import CannotRunPcscd

PORTAL_PORT = 8480
CA_PORT = 24783
PROFILE = "ebid"
TRUST = """\
[[authority]]
name = "bridged demo CA"
certificate = "ca.pem"
policies = ["{policy}"]
hosts = ["{host}"]
"""
LOOPBACK = ("127.0.0.1", "::1")


def say(text: str) -> None:
    """Print; a terminal or pipe that has gone away is no reason to leave anything running."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def free_port(preferred: int) -> int:
    """Return the preferred port, or any other that is free on both loopback addresses."""
    for port in (preferred, 0):
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for address in filter(_exists, LOOPBACK):
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                bound = held.enter_context(socket.create_server((address, port), family=family))
                port = bound.getsockname()[1]  # noqa: PLW2901
            return port
    raise OSError("no free port on loopback")


def _exists(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.suppress(OSError), socket.create_server((address, 0), family=family):
        return True
    return False


async def demo() -> None:
    """Bring everything up, say that it is ready, and stay until the terminal is closed.

    Raises `ProgramEnded` when a part ends by itself, `TimeoutError` when one does not come up.
    """
    terminal = has_terminal()
    say(PREPARING)
    with tempfile.TemporaryDirectory(prefix="bridged-demo-") as name:
        folder = Path(name)
        ca = DemoCa.load_or_create(folder / "ca")
        revocations = f"http://127.0.0.1:{free_port(CA_PORT)}"
        assert ca.register
        with ca.register.told_at(revocations), card_in_reader(folder / "ca") as reader:
            async with Programs(folder) as programs:
                portal, status = await start(programs, folder, reader, revocations)
                await programs.until_healthy()
                say(guide(portal, status, pulls=reader is not None and terminal))
                say(f"ready portal={portal} status={status}")
                lasting: list[Coroutine[object, object, None]] = [programs.first_end()]
                if terminal:
                    lasting.append(terminal_closed())
                if reader:
                    lasting.append(reader.first_end())
                if reader and terminal:
                    lasting.append(obey(reader, ca.register, say))
                await first_of(*lasting)


@contextlib.contextmanager
def card_in_reader(ca: Path) -> Iterator[VirtualReader | None]:
    """Put a virtual card behind a private pcscd; None where pcscd cannot run."""
    with contextlib.ExitStack() as stack:
        try:
            reader = stack.enter_context(virtual_reader(PROFILE, ca))
        except CannotRunPcscd as error:
            say(FALLBACK.format(why=error.why))
            reader = None
        yield reader


async def start(
    programs: Programs, folder: Path, reader: VirtualReader | None, revocations: str
) -> tuple[str, str]:
    """Start CA, daemon and portal; return the addresses of the portal and of the status page."""
    bridge, port = free_port(DEFAULT_PORT), free_port(PORTAL_PORT)
    origin, status = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bridge}"
    home = {f"XDG_{kind}_HOME": str(folder / kind.lower()) for kind in ("CONFIG", "STATE", "DATA")}
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    serve = ["-m", "bridged", "serve", "--port", str(bridge)]
    serve += ["--allow", f"{origin}=certificates,sign,page-pin"]
    if not reader:
        serve += ["--virtual", PROFILE, "--ca", str(folder / "ca")]
    await programs.start(
        "bridged serve",
        [sys.executable, *serve],
        health=f"{status}/health",
        env=home | {"XDG_RUNTIME_DIR": str(runtime)} | (reader.environment if reader else {}),
    )
    port_option = ("--port", revocations.rpartition(":")[2])
    await programs.start(
        "bridged ca",
        [
            sys.executable,
            *("-m", "bridged", "ca", "serve", "--ca"),
            str(folder / "ca"),
            *port_option,
        ],
        health=f"{revocations}/health",
        env=home,
    )
    portal = ["-m", "portal_demo", "serve", "--host", "127.0.0.1", "--port", str(port), "--demo"]
    portal += ["--database", f"sqlite+aiosqlite:///{folder / 'portal.sqlite3'}"]
    portal += ["--trust", str(trust_list(folder / "ca", revocations))]
    portal += ["--origin", origin, "--bridge-url", f"ws://127.0.0.1:{bridge}/v1"]
    await programs.start(
        "portal-demo serve", [sys.executable, *portal], health=f"{origin}/readyz", env=home
    )
    return f"{origin}/", f"{status}/"


def trust_list(ca: Path, revocations: str) -> Path:
    """Write what the portal believes: cards of this CA, and what it says of revocations."""
    file = ca / "trust.toml"
    file.write_text(
        TRUST.format(policy=POLICY.dotted_string, host=revocations.removeprefix("http://"))
    )
    return file


async def main() -> int:
    """Run the demo; return 0 after a signal, 1 after a failure."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    try:
        await first_of(demo(), stop.wait())
    except ProgramEnded as error:
        say(ended_by_itself(error))
        return 1
    except TimeoutError:
        say(NOT_HEALTHY)
        return 1
    say(EPILOGUE)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
