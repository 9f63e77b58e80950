"""A pcscd of one's own with vpcd readers, in namespaces where it disturbs nobody.

Linux only. The daemon sees no USB reader and no host socket; only its socket file is shared.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from bridged.virtual.card_process import CardProcess
from bridged.virtual.vpcd import DEFAULT_PORT

START_S = 10.0
STOP_S = 5.0
SLOTS = 2
"""Readers that vpcd makes of one entry of the configuration; fixed when it is built."""

SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
TOOLS = ("pcscd", "unshare", "nsenter", "setpriv", "mount", "ip", "sh")
DRIVER_DIRECTORIES = (
    "/usr/lib/pcsc/drivers",
    "/usr/lib64/pcsc/drivers",
    "/usr/local/lib/pcsc/drivers",
)

# $1 the directory of this pcscd, $2 that of the drivers; the rest is the daemon's command line.
# Without its bundles pcscd finds no USB driver and leaves real readers to the host's own pcscd.
SCRIPT = """
set -e
dir=$1; drivers=$2; shift 2
ip link set lo up
for bundle in "$drivers"/*.bundle; do
  if [ -d "$bundle" ]; then mount --bind "$dir/nothing" "$bundle"; fi
done
if [ ! -d /run/pcscd ]; then mount -t tmpfs none /run; mkdir /run/pcscd; fi
mount --bind "$dir/ipc" /run/pcscd
exec "$@"
"""

READER = """\
FRIENDLYNAME "bridged virtual reader {index}"
DEVICENAME /dev/null:{port:#x}
LIBPATH {library}
CHANNELID {port:#x}
"""


class CannotRunPcscd(Exception):
    """A private pcscd cannot run here; `why` says what is missing, for a person to read."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class PrivatePcscd:
    """A context manager around the daemon; raises `CannotRunPcscd` on entry.

    vpcd makes readers in pairs, so an odd number is rounded up. Enter it in a thread that outlives
    it: the daemon gets SIGTERM when that thread ends, which is how nothing stays behind even
    after a SIGKILL of this process.
    """

    def __init__(self, readers: int = SLOTS) -> None:
        self._entries = -(-readers // SLOTS)
        self._cards: list[CardProcess] = []
        self._rootless = os.geteuid() != 0

    def __enter__(self) -> Self:
        tools = _find_tools()
        drivers, library = _find_vpcd()
        self.directory = Path(tempfile.mkdtemp(prefix="bridged-pcscd-"))
        try:
            self._configure(library)
            self._start(tools["pcscd"], drivers)
        except BaseException:
            self._clean()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _tb: TracebackType | None,
    ) -> None:
        try:
            # The daemon first: a card whose reader is gone need not wait to be missed.
            self.stop()
            for card in self._cards:
                card.close()
        finally:
            self._clean()

    @property
    def socket_name(self) -> str:
        """The value of PCSCLITE_CSOCK_NAME that leads a PC/SC client here."""
        return str(self.directory / "ipc" / "pcscd.comm")

    @property
    def log(self) -> str:
        """What the daemon has written so far."""
        return (self.directory / "log").read_text(errors="replace")

    def spawn_card(
        self,
        profile: str,
        ca_directory: Path,
        reader: int = 0,
        *,
        inserted: bool = True,
        trace: Path | None = None,
    ) -> CardProcess:
        """Start `bridged card` for a reader (0 is the first); it ends with this pcscd at the latest.

        `trace` is where it writes its conversation.
        """
        enter = ["nsenter", "-t", str(self.process.pid), "-n"]
        if self._rootless:
            enter += ["-U", "--preserve-credentials"]
        arguments = ["card", "--profile", profile, "--ca", str(ca_directory)]
        arguments += ["--port", str(DEFAULT_PORT + reader)]
        if not inserted:
            arguments.append("--out")
        if trace is not None:
            arguments += ["--trace", str(trace)]
        card = CardProcess([*enter, "setpriv", "--pdeathsig", "TERM"], arguments, _environment())
        self._cards.append(card)
        return card

    def stop(self) -> None:
        """End the daemon: SIGTERM, and SIGKILL if that does not do."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _configure(self, library: Path) -> None:
        for name in ("ipc", "conf", "nothing"):
            (self.directory / name).mkdir()
        # The configuration may be read, and the socket opened, by other users than root.
        self.directory.chmod(0o755)
        entries = []
        for index in range(self._entries):
            if index:
                # libifdvpcd keeps its slots in globals: each pair of readers needs its own copy.
                library = Path(shutil.copy(library, self.directory / f"vpcd{index}.so"))
            port = DEFAULT_PORT + SLOTS * index
            entries.append(READER.format(index=index, port=port, library=library))
        # One file, because those of a directory are read in no order.
        (self.directory / "conf" / "readers").write_text("\n".join(entries))

    def _start(self, pcscd: str, drivers: Path) -> None:
        enter = ["unshare", *(["-r"] if self._rootless else []), "-m", "-n", "-i"]
        enter += ["--propagation", "private", "setpriv", "--pdeathsig", "TERM"]
        script = ["sh", "-c", SCRIPT, "pcscd", str(self.directory), str(drivers)]
        daemon = [pcscd, "--foreground", "--config", str(self.directory / "conf")]
        with (self.directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [*enter, *script, *daemon, *_without_polkit(pcscd)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                cwd="/",
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self.process.poll() is not None:
                raise CannotRunPcscd(f"pcscd did not start: {self._last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise CannotRunPcscd(
                    f"pcscd did not answer in {START_S:.0f} s: {self._last_words()}"
                )
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket_name) == 0

    def _last_words(self) -> str:
        return " / ".join(self.log.strip().splitlines()[-3:]) or "it said nothing"

    def _clean(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": SEARCH_PATH}


def _find_tools() -> dict[str, str]:
    if sys.platform != "linux":
        raise CannotRunPcscd("namespaces are a feature of Linux")
    found = {tool: shutil.which(tool, path=SEARCH_PATH) for tool in TOOLS}
    missing = [tool for tool, path in found.items() if path is None]
    if missing:
        raise CannotRunPcscd(f"not installed: {', '.join(missing)}")
    return {tool: path for tool, path in found.items() if path}


def _find_vpcd() -> tuple[Path, Path]:
    """Return the directory of the PC/SC drivers and vpcd's library in it."""
    for directory in map(Path, DRIVER_DIRECTORIES):
        for library in directory.glob("serial/libifdvpcd.so*"):
            return directory, library
    raise CannotRunPcscd("not installed: libifdvpcd (package vsmartcard-vpcd)")


def _without_polkit(pcscd: str) -> list[str]:
    """Return the option of newer daemons that lets any user in: there is no polkit in here."""
    usage = subprocess.run([pcscd, "--help"], capture_output=True, text=True, check=False)
    return ["--disable-polkit"] if "--disable-polkit" in usage.stdout + usage.stderr else []
