"""`bridged ca`: the demo CA tells of revocations, and revokes."""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import sys
from typing import TYPE_CHECKING

import platformdirs

from bridged.cli.arguments import add_ca, tcp_port
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json
from bridged.cli.table import Cell, Colour, show

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from bridged.virtual.ca import DemoCa
    from bridged.virtual.register import Register, Revocation

DEFAULT_PORT = 24783
HEADER = {"ja": ("番号", "状態", "名義"), "en": ("SERIAL", "STATE", "SUBJECT")}
REVOKED = ("失効", "revoked")
GOOD = ("有効", "good")
REASONS = (
    "key-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    "certificate-hold",
    "unspecified",
)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ca` to the commands of `bridged`."""
    parser = commands.add_parser(
        "ca",
        help=say(
            "デモ用認証局: 失効情報の提供、失効、一覧",
            "the demo CA: tell of revocations, revoke, list",
        ),
    )
    actions = parser.add_subparsers(metavar="ACTION")
    serve = actions.add_parser(
        "serve",
        help=say(
            "OCSPとCRLをこのパソコンの中だけに提供する", "answer OCSP and give CRLs on loopback"
        ),
    )
    serve.add_argument(
        "--port",
        type=tcp_port,
        default=DEFAULT_PORT,
        help=say(
            "待ち受けるポート（標準: %(default)s）", "port to listen on (default %(default)s)"
        ),
    )
    serve.set_defaults(run=run_serve)
    listing = actions.add_parser(
        "list",
        help=say("発行した証明書を新しい順に表示する", "show what was issued, the newest first"),
    )
    listing.set_defaults(run=run_list)
    revoke = actions.add_parser("revoke", help=say("証明書を失効させる", "revoke certificates"))
    revoke.add_argument(
        "serial",
        nargs="*",
        help=say("`list` が表示するシリアル番号", "serial numbers as `list` shows them"),
    )
    revoke.add_argument(
        "--all",
        action="store_true",
        help=say("発行したすべての証明書", "everything that was issued"),
    )
    revoke.add_argument(
        "--reason",
        choices=REASONS,
        default="key-compromise",
        metavar="REASON",
        help=say(
            "失効の理由: %(choices)s（標準: %(default)s）",
            "why: %(choices)s (default: %(default)s)",
        ),
    )
    revoke.set_defaults(run=run_revoke)
    for action in (listing, revoke):
        add_json(action)
    for action in (serve, listing, revoke):
        add_ca(action)


def run_serve(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; certificates issued meanwhile name this server."""
    asyncio.run(_serve(_load(args), args.port))
    return 0


def run_list(args: argparse.Namespace) -> int:
    """Print serial number, revocation and subject of each certificate."""
    register = _register(_load(args))
    rows = [(each, register.revocation_of(each)) for each in register.issued()]
    if args.json:
        listed = [
            {
                "serial": f"{certificate.serial_number:x}",
                "subject": certificate.subject.rfc4514_string(),
                "revokedAt": revocation and revocation.moment,
            }
            for certificate, revocation in rows
        ]
        print_json({"certificates": listed})
        return 0
    show(HEADER[language()], [_row(certificate, revocation) for certificate, revocation in rows])
    return 0


def _row(certificate: Certificate, revocation: Revocation | None) -> list[Cell]:
    state = Cell(say(*GOOD), Colour.GOOD)
    if revocation:
        state = Cell(f"{say(*REVOKED)} {revocation.moment:%Y-%m-%d %H:%M}Z", Colour.BAD)
    return [
        Cell(f"{certificate.serial_number:x}"),
        state,
        Cell(certificate.subject.rfc4514_string()),
    ]


def run_revoke(args: argparse.Namespace) -> int:
    """Revoke by serial number, or everything."""
    from cryptography.x509 import ReasonFlags

    register = _register(_load(args))
    issued = {f"{certificate.serial_number:x}": certificate for certificate in register.issued()}
    wanted = list(issued) if args.all else [serial.lower() for serial in args.serial]
    unknown = [serial for serial in wanted if serial not in issued]
    if unknown or not wanted:
        listed = ", ".join(unknown)
        fault = (
            say(f"ここで発行した証明書ではありません: {listed}", f"not issued here: {listed}")
            if unknown
            else say("シリアル番号か --all を指定してください", "name a serial, or --all")
        )
        print(f"bridged ca: {fault} (bridged ca list)", file=sys.stderr)
        return 1
    reason = ReasonFlags[args.reason.replace("-", "_")]
    for serial in wanted:
        register.revoke(issued[serial], reason)
        if not args.json:
            print(f"{say(*REVOKED)} {serial}")
    if args.json:
        print_json({"revoked": wanted, "reason": args.reason})
    return 0


def _load(args: argparse.Namespace) -> DemoCa:
    from bridged.virtual.ca import DemoCa

    return DemoCa.load_or_create(args.ca or platformdirs.user_data_path("bridged") / "ca")


def _register(ca: DemoCa) -> Register:
    assert ca.register is not None, "a CA with a directory has a register"
    return ca.register


async def _serve(ca: DemoCa, port: int) -> None:
    from aiohttp import web

    from bridged.virtual.responder import create_app

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    with socket.create_server(("127.0.0.1", port)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        runner = web.AppRunner(create_app(ca), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            with _register(ca).told_at(address):
                print(f"listening on {address}", flush=True)
                await ending.wait()
        finally:
            await runner.cleanup()
