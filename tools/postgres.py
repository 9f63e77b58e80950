"""A PostgreSQL of one's own, for tests and measurements: in a folder, on a socket, gone at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUPERUSER = "postgres"
_START_S = 60.0
# Nothing here has to survive a power cut.
_CARELESS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(slots=True)
class Cluster:
    """A running server; its socket is in `folder`, which only its own user can enter."""

    folder: Path
    settings: Sequence[str] = ()
    _server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = ("listen_addresses=", "max_connections=200", *self.settings)
        command = [_program("postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        for setting in settings:
            command += ["-c", setting]
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen([*_as_its_user(), *command], stdout=log, stderr=log)
        ready = [_program("pg_isready"), "-q", "-h", str(self.folder)]
        end = time.monotonic() + _START_S
        while subprocess.run(ready, check=False).returncode:
            if self._server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"no PostgreSQL:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server; those who are connected are cut off."""
        if self._server:
            self._server.send_signal(signal.SIGINT)
            self._server.wait()
            self._server = None

    def url(self, database: str) -> str:
        """Return the address of a database, as SQLAlchemy wants it."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{database}?host={self.folder}"

    def run(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own. Raises CalledProcessError."""
        commands = [word for statement in statements for word in ("-c", statement)]
        self.client("psql", SUPERUSER, "-qX", "-v", "ON_ERROR_STOP=1", *commands)

    def dump(self, database: str) -> bytes:
        """Return everything in a database, as statements."""
        return self.client("pg_dump", database)

    def client(self, program: str, database: str, *arguments: str) -> bytes:
        """Run one of PostgreSQL's programs at a database. Raises CalledProcessError."""
        reach = ["-h", str(self.folder), "-U", SUPERUSER, "-d", database]
        command = [_program(program), *reach, *arguments]
        return subprocess.run(command, check=True, capture_output=True).stdout


@contextlib.contextmanager
def cluster(*, careless: bool = True) -> Iterator[Cluster]:
    """Make a server and run it; a `careless` one is fast and would not survive a power cut."""
    folder = Path(tempfile.mkdtemp(prefix="portal-postgres-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam(SUPERUSER).pw_uid, -1)
        _make(folder / "data")
        made = Cluster(folder, _CARELESS if careless else ())
        try:
            made.start()
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(data: Path) -> None:
    options = ["--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--locale=C.UTF-8"]
    subprocess.run(
        [*_as_its_user(), _program("initdb"), "--no-sync", *options, "-D", str(data)],
        check=True,
        capture_output=True,
    )


def _as_its_user() -> list[str]:
    """Return how to run a program of the server, which refuses to be root and ends with us."""
    command = ["setpriv", "--pdeathsig=QUIT"]
    if os.geteuid() == 0:
        command += [f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups"]
    return [*command, "--"]


def _program(name: str) -> str:
    """Return the path of a program of PostgreSQL; Debian keeps the server's out of the PATH."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3])
    )
    found = str(installed[-1]) if installed else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name} of PostgreSQL is not installed")
    return found
