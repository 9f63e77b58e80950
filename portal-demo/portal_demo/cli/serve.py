"""`portal-demo serve`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec
from aiohttp import web

from portal_demo import logs, supervision
from portal_demo.app import METRICS, create_app
from portal_demo.cli.options import add_trust
from portal_demo.proxies import Header
from portal_demo.settings import Settings

NAME = "serve"
HELP = "serve the portal until it is told to end"
SHUTDOWN_S = 5.0
_MAIL_FLAGS: dict[str, dict[str, Any]] = {
    "smtp-host": {"help": "mail server (default: none; mail is kept and shown)"},
    "smtp-port": {"type": int, "help": "its port (default: the usual one)"},
    "smtp-security": {
        "choices": ("starttls", "tls", "none"),
        "help": "how the connection to it is protected (default starttls)",
    },
    "smtp-user": {"help": "who logs in to it"},
    "smtp-password-file": {"type": Path, "metavar": "FILE", "help": "the password, in a file"},
    "smtp-ca": {"type": Path, "metavar": "FILE", "help": "authority of its certificate (PEM)"},
    "mail-from": {"metavar": "ADDRESS", "help": "where mail comes from"},
    "mail-kept-days": {
        "type": int,
        "metavar": "DAYS",
        "help": "when text and address of a mail are removed (default 90; 0: never)",
    },
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that are settings."""
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 0: any free one)")
    add_trust(parser)
    parser.add_argument(
        "--revocation",
        choices=("hard", "soft"),
        help="what to do when nobody can be asked whether a card is revoked (default hard: refuse it)",
    )
    parser.add_argument(
        "--totp-key-file",
        type=Path,
        metavar="FILE",
        help="key of officers' authenticator secrets (default: beside SQLite's file)",
    )
    parser.add_argument(
        "--metrics", metavar="HOST:PORT", help="where to tell metrics (none); port 0: any free one"
    )
    parser.add_argument("--log-format", choices=("text", "json"), help="of the log (default text)")
    parser.add_argument("--origin", help="what browsers see, if a proxy stands in front")
    parser.add_argument(
        "--trusted-proxies",
        type=lambda text: tuple(text.split(",")),
        metavar="ADDRESS,...",
        help="proxies (addresses or networks) that tell truly whose request they pass on",
    )
    parser.add_argument(
        "--proxy-header",
        choices=get_args(Header),
        help="the header they tell it in (default X-Forwarded-For)",
    )
    parser.add_argument("--bridge-url", help="where pages find bridged on their own computer")
    for name, more in _MAIL_FLAGS.items():
        parser.add_argument(f"--{name}", **more)
    parser.add_argument(
        "--demo", action="store_true", default=None, help="fill the register with sample companies"
    )


async def run(settings: Settings, _arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    logs.configure(settings.log_format)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(_listen(settings.host, settings.port))
        address = _address(listener)
        settings = msgspec.structs.replace(settings, origin=settings.origin or address)
        app = create_app(settings)
        sites, told = [(app, listener)], f"listening on {address}\n"
        if settings.metrics:
            host, _, port = settings.metrics.rpartition(":")
            watched = sockets.enter_context(_listen(host.strip("[]"), int(port)))
            sites.append((app[METRICS].app(), watched))
            told += f"metrics on {_address(watched)}/metrics\n"
        async with contextlib.AsyncExitStack() as running:
            for site in sites:
                await _start(running, *site)
            await running.enter_async_context(supervision.told(os.environ))
            sys.stdout.write(told)
            sys.stdout.flush()
            await stop.wait()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


async def _start(
    running: contextlib.AsyncExitStack, app: web.Application, listener: socket.socket
) -> None:
    """Serve until `running` ends."""
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S, access_log=None)
    running.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.SockSite(runner, listener).start()


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
