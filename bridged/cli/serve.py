"""`bridged serve`: the daemon, in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bridged.cli.arguments import add_ca, add_config, tcp_port
from bridged.cli.language import say
from bridged.config import audit_dir, runtime_dir
from bridged.errors import BridgedError, RecordFailed
from bridged.hardening import forbid_dumps
from bridged.pcsc.bus import Bus

if TYPE_CHECKING:
    from bridged.cli.in_use import InUse
    from bridged.service.audited import Audit
    from bridged.service.card import Modules
    from bridged.service.hub import Hub

log = logging.getLogger(__name__)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "serve", help=say("bridgedをフォアグラウンドで動かす", "run the daemon in the foreground")
    )
    parser.add_argument(
        "--port",
        type=tcp_port,
        help=say(
            "待ち受けるTCPポート（標準: 24781、0: 空いているポート）",
            "TCP port on loopback (default 24781; 0: any)",
        ),
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="ORIGIN[=GRANT,...]",
        help=say(
            "サイトを許可する。許可の種類: certificates、sign、page-pin（標準: 最初の2つ）",
            "allow a site; grants: certificates, sign, page-pin (default: the first two)",
        ),
    )
    add_config(parser)
    parser.add_argument(
        "--virtual",
        metavar="NAME|FILE",
        help=say(
            "PC/SCの代わりに使う、プロセス内の仮想のICカード（名前の一覧: bridged card --list）",
            "a card inside this process instead of PC/SC; names: bridged card --list",
        ),
    )
    add_ca(parser)
    parser.add_argument(
        "--exit-unused",
        type=_seconds,
        metavar="SECONDS",
        help=say(
            "この秒数のあいだ接続がなければ終了する（ソケット起動用）",
            "end when nobody has been connected for so long (for socket activation)",
        ),
    )
    parser.add_argument(
        "--any-user",
        action="store_true",
        help=say(
            "このパソコンのすべての利用者に応じる（パソコン全体で1つ動かすとき）",
            "serve every user of this computer (for a daemon that is the machine's own)",
        ),
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    from bridged.cli.in_use import InUse
    from bridged.service.card import no_modules

    forbid_dumps()
    try:
        settings = InUse(args.config, args.allow)
        settings.policy.store.load()
    except BridgedError as error:
        return _told(error, any_user=args.any_user)
    port = settings.config.port if args.port is None else args.port
    any_user = args.any_user or settings.config.any_user
    # A card inside this process needs no module.
    modules = settings.modules if args.virtual is None else no_modules
    with _bus(args.virtual, args.ca) as bus:
        asyncio.run(_serve(bus, modules, settings, port, args.exit_unused, any_user=any_user))
    return 0


def _told(error: BridgedError, *, any_user: bool) -> int:
    """Tell the error to whoever comes to the sockets of a service manager; without one, raise it."""
    from bridged.server import misconfigured, systemd

    handed = systemd.handed_sockets()
    if not handed:
        raise error
    asyncio.run(misconfigured.tell(error, handed, any_user=any_user))
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(
            say(f"{text!r} は1から86400の秒数ではありません", f"{text!r} is not 1 to 86400 seconds")
        )
    return seconds


@contextmanager
def _bus(profile: str | None, ca: Path | None) -> Iterator[Bus]:
    if profile is None:
        from bridged.pcsc.scard import PcscBus

        yield PcscBus()
        return
    from bridged.virtual.ca import DemoCa
    from bridged.virtual.inprocess import InProcessBus
    from bridged.virtual.keystore import KeyStore
    from bridged.virtual.profiles import make_card

    with tempfile.TemporaryDirectory(prefix="bridged-ca-") as scratch:
        directory, bus = ca or Path(scratch), InProcessBus(readers=1)
        keys = KeyStore(directory / "cards")
        bus.insert(0, make_card(profile, DemoCa.load_or_create(directory), keys=keys))
        yield bus


async def _serve(
    bus: Bus,
    modules: Modules,
    settings: InUse,
    port: int,
    exit_unused_s: float | None,
    *,
    any_user: bool,
) -> None:
    from bridged import __version__
    from bridged.audit.journal import Journal
    from bridged.server import systemd
    from bridged.server.app import WhenUnused, create_app, listening
    from bridged.server.status import StatusPage
    from bridged.server.token import token_file
    from bridged.service.audited import Audit
    from bridged.service.hub import Hub

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    audit = Audit(Journal(audit_dir()))
    await _note(audit, "daemon.started", version=__version__)
    hub = Hub(
        bus,
        settings.prompts,
        settings.policy,
        documents=settings.documents,
        audit=audit,
        modules=modules,
    )
    await hub.start()
    reloading: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(hub, settings))
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        token = secrets.token_urlsafe(32)
        page = StatusPage(
            hub,
            settings=settings.file,
            held=lambda: settings.config,
            audit=None if any_user else audit_dir(),
            personal=not any_user,
        )
        app = create_app(hub, token, settings.windows, page=page)
        unused = WhenUnused(exit_unused_s, ending.set) if exit_unused_s else None
        handed = systemd.handed_sockets()
        async with listening(app, port, handed, unused, any_user=any_user) as bound:
            settings.windows.base = f"http://127.0.0.1:{bound}"
            with token_file(runtime_dir(), bound, token) as path:
                log.info("the token for programs is in %s", path)
                print(f"listening on http://127.0.0.1:{bound}", flush=True)
                async with systemd.supervised():
                    await ending.wait()
    finally:
        await hub.stop()
        await _note(audit, "daemon.ended")
        await audit.close()


async def _note(audit: Audit, event: str, **record: object) -> None:
    """Write a record that nothing depends on: a daemon that cannot is there to say so."""
    with suppress(RecordFailed):
        await audit.write(event, pid=os.getpid(), **record)


async def _reload(hub: Hub, settings: InUse) -> None:
    if await settings.read_anew():
        hub.sites_changed()
