"""The door: whose sockets are served, and what becomes of those that say nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from bridged.pin.prompt import Prompts
from bridged.server import door as door_module
from bridged.server import peer as peer_module
from bridged.server.app import create_app, listening
from bridged.server.peer import peer_uid
from bridged.service.hub import Hub
from bridged.virtual.inprocess import InProcessBus

from .conftest import TOKEN, Daemon

OTHER_UID = 65534
# In bash, because another user may not be let into the folder of this Python.
ASK = r"""
trap '' PIPE
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf 'GET /health HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n' "$1" >&3 2>/dev/null
IFS= read -r line <&3
echo "${line:-closed}"
"""


def ask(port: int) -> list[str]:
    """Return a command that prints the first line of the daemon's answer, or `closed`."""
    return ["/bin/bash", "-c", ASK, "ask", str(port)]


def as_other_user(*command: str) -> list[str]:
    """Return a command that runs one as a second user of this computer."""
    change = ["setpriv", f"--reuid={OTHER_UID}", "--clear-groups"]
    if os.getuid() == 0:
        return [*change, *command]
    # Without root: a user id out of those that /etc/subuid sets apart for this user.
    change = ["setpriv", "--reuid=1", "--clear-groups"]
    return ["unshare", "--user", "--map-root-user", "--map-auto", *change, *command]


async def run(command: list[str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    return out.decode().strip()


async def test_another_user_of_this_computer_is_refused(
    daemon: Daemon, caplog: pytest.LogCaptureFixture
) -> None:
    assert await run(ask(daemon.port)) == "HTTP/1.1 200 OK"
    assert await run(as_other_user(*ask(daemon.port))) == "closed"
    assert "of user id" in caplog.text


async def test_a_daemon_of_the_machine_serves_every_user(bus: InProcessBus) -> None:
    async with listening(create_app(Hub(bus, Prompts()), TOKEN), 0, any_user=True) as port:
        assert await run(as_other_user(*ask(port))) == "HTTP/1.1 200 OK"


@pytest.fixture(params=["127.0.0.1", "::1"])
async def pair(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[socket.socket, tuple[str, int]]]:
    """A socket that was accepted, and the address of its peer."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with (
        socket.create_server((request.param, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]),
    ):
        accepted, peer = server.accept()
        with accepted:
            yield accepted, peer[:2]


@pytest.mark.parametrize("look", [peer_uid, peer_module._ask_kernel, peer_module._look_up])
def test_the_user_at_the_other_end_is_found(
    pair: tuple[socket.socket, tuple[str, int]], look: Callable[..., int | None]
) -> None:
    accepted, peer = pair
    own = accepted.getsockname()[:2]
    assert look(peer, own) == os.getuid()
    assert look((peer[0], 1), own) is None


def test_without_sock_diag_the_table_is_read(
    pair: tuple[socket.socket, tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_module, "NETLINK_SOCK_DIAG", 31)
    accepted, peer = pair
    with pytest.raises(OSError, match="not supported"):
        peer_module._ask_kernel(peer, accepted.getsockname()[:2])
    assert peer_uid(peer, accepted.getsockname()[:2]) == os.getuid()


async def test_a_peer_that_cannot_be_found_is_refused(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "peer_uid", lambda *_: None)
    assert await asks(daemon.port) == b""


async def asks(port: int) -> bytes:
    """Return the status line of an answer, or nothing where the daemon closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@asynccontextmanager
async def silent(port: int) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader
    finally:
        writer.close()


async def closed(reader: asyncio.StreamReader) -> bool:
    """Wait for the end of a connection."""
    async with asyncio.timeout(5):
        try:
            return await reader.read() == b""
        except ConnectionError:
            return True


async def test_a_silent_socket_can_still_speak_and_the_oldest_makes_room(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser holds one while it asks the person (Local Network Access)."""
    monkeypatch.setattr(door_module, "MAX_SILENT", 2)
    async with AsyncExitStack() as stack:
        oldest, _, _ = [await stack.enter_async_context(silent(daemon.port)) for _ in range(3)]
        assert await closed(oldest)
        assert await asks(daemon.port) == b"HTTP/1.1 200 OK\r\n"


async def test_a_socket_is_silent_for_so_long_and_no_longer(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert door_module.SILENT_S >= 300
    monkeypatch.setattr(door_module, "SILENT_S", 0.01)
    async with silent(daemon.port) as reader:
        assert await closed(reader)


async def test_there_are_so_many_sockets_and_no_more(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "MAX_SOCKETS", 1)
    async with silent(daemon.port) as first, silent(daemon.port) as second:
        assert await closed(second)
        assert not first.at_eof()


async def test_a_silent_socket_does_not_keep_the_daemon_from_ending(bus: InProcessBus) -> None:
    async with listening(create_app(Hub(bus, Prompts()), TOKEN), 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asks(port) != b""
    assert await closed(reader)
    writer.close()


NAMESPACES = """
set -eu
ip link set lo up
"$1" -m bridged serve --port 24999 --virtual ebid >"$2/out" 2>&1 & daemon=$!
python3 -c 'import socket; s = socket.create_server(("0.0.0.0", 24998)); s.accept(); s.accept()' & control=$!
trap 'kill $daemon $control $other 2>/dev/null || true' EXIT
unshare --net sleep 60 & other=$!
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.05; done
ip link add veth0 type veth peer name veth1 netns $other
ip addr add 192.0.2.1/24 dev veth0; ip link set veth0 up
nsenter --net=/proc/$other/ns/net sh -c 'ip link set lo up; ip addr add 192.0.2.2/24 dev veth1; ip link set veth1 up; ip route add default via 192.0.2.1'
until grep -q listening "$2/out"; do kill -0 $daemon; sleep 0.05; done
reach() { python3 -c 'import socket, sys
try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print("yes")
except OSError: print("no")' "$@"; }
echo "here $(reach 127.0.0.1 24999)"
export -f reach
there() { nsenter --net=/proc/$other/ns/net bash -c "reach $1 $2"; }
echo "control $(there 192.0.2.1 24998)"
echo "through $(there 192.0.2.1 24999)"
echo "loopback $(there 127.0.0.1 24999)"
"""


async def test_another_network_namespace_cannot_reach_it(tmp_path: object) -> None:
    script = ["bash", "-c", NAMESPACES, "bash", sys.executable, str(tmp_path)]
    told = await run(["unshare", "--map-root-user", "--net", *script])
    assert told.splitlines() == ["here yes", "control yes", "through no", "loopback no"]
