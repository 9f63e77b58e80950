"""The command `portal-demo`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from portal_demo import __version__
from portal_demo.app import create_app
from portal_demo.schema import SchemaError
from portal_demo.settings import Settings, SettingsError, load_settings

SHUTDOWN_S = 5.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    arguments = vars(_parser().parse_args(argv))
    arguments.pop("command")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        settings = load_settings(arguments)
        asyncio.run(serve(settings))
    except (SettingsError, SchemaError, OSError, ValueError, SQLAlchemyError) as e:
        sys.stderr.write(f"portal-demo: {str(e).splitlines()[0]}\n")
        return 1
    return 0


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.create_server((settings.host, settings.port), family=family) as listener:
        address = _address(listener)
        settings = msgspec.structs.replace(settings, origin=settings.origin or address)
        runner = web.AppRunner(create_app(settings), shutdown_timeout=SHUTDOWN_S, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            sys.stdout.write(f"listening on {address}\n")
            sys.stdout.flush()
            await stop.wait()
        finally:
            await runner.cleanup()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="portal-demo", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve_ = commands.add_parser("serve", help="serve the portal until it is told to end")
    serve_.add_argument("--config", type=Path, help="a TOML file with any of the settings below")
    serve_.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    serve_.add_argument("--port", type=int, help="port to listen on (default 0: any free one)")
    serve_.add_argument("--database", metavar="URL", help="SQLAlchemy address of the database")
    serve_.add_argument(
        "--trust",
        type=Path,
        action="append",
        metavar="FILE",
        help="authorities to accept: a trust list (.toml) or a certificate (.pem)",
    )
    serve_.add_argument(
        "--revocation",
        choices=("hard", "soft"),
        help="what to do when nobody can be asked whether a card is revoked (default hard: refuse it)",
    )
    serve_.add_argument("--origin", help="what browsers see, if a proxy stands in front")
    serve_.add_argument("--bridge-url", help="where pages find bridged on their own computer")
    serve_.add_argument(
        "--demo", action="store_true", default=None, help="fill the register with sample companies"
    )
    return parser
