"""Which user of this computer is at the other end of a loopback connection (Linux).

The kernel is asked by sock_diag(7) for the one socket that is meant; where that is not built in,
`/proc/net/tcp` and `/proc/net/tcp6` say the same of all sockets.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path

Address = tuple[str, int]

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLMSG_ERROR = 2
NLM_F_REQUEST = 1
ANY = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI")
_COOKIE = struct.Struct("=III")
_UID_AT = _HEADER.size + 4 + 48 + 12
"""In the answer: nlmsghdr, then inet_diag_msg up to its `idiag_uid` (linux/inet_diag.h)."""


def peer_uid(peer: Address, own: Address) -> int | None:
    """Return the user id that made the connection from `peer` to `own`; None: not to be found."""
    try:
        return _ask_kernel(peer, own)
    except OSError:
        return _look_up(peer, own)


def _ask_kernel(peer: Address, own: Address) -> int | None:
    family = socket.AF_INET6 if ":" in peer[0] else socket.AF_INET
    ports = struct.pack("!HH", peer[1], own[1])
    addresses = b"".join(socket.inet_pton(family, each[0]).ljust(16, b"\0") for each in (peer, own))
    request = (
        _REQUEST.pack(family, socket.IPPROTO_TCP, 0, ANY)
        + ports
        + addresses
        + _COOKIE.pack(0, ANY, ANY)
    )
    size = _HEADER.size + len(request)
    header = _HEADER.pack(size, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0)
    kind = socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    with socket.socket(socket.AF_NETLINK, kind, NETLINK_SOCK_DIAG) as netlink:
        netlink.send(header + request)
        answer = netlink.recv(1024)
    if _HEADER.unpack_from(answer)[1] == NLMSG_ERROR:
        code = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if code == 2:  # ENOENT: there is no such socket any more
            return None
        raise OSError(code, "sock_diag")
    uid: int = struct.unpack_from("=I", answer, _UID_AT)[0]
    return uid


def _look_up(peer: Address, own: Address) -> int | None:
    wanted = [_hexadecimal(peer), _hexadecimal(own)]
    with contextlib.suppress(OSError):
        table = Path("/proc/net/tcp6" if ":" in peer[0] else "/proc/net/tcp")
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            row = line.split()
            if row[1:3] == wanted:
                return int(row[7])
    return None


def _hexadecimal(address: Address) -> str:
    """Return an address as the kernel's table writes it: words in the order of this machine."""
    host, port = address
    packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{port:04X}"
