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

from bridged.config import (
    Config,
    DocumentSettings,
    audit_dir,
    load,
    runtime_dir,
    state_dir,
)
from bridged.errors import BridgedError, RecordFailed
from bridged.hardening import forbid_dumps
from bridged.pcsc.bus import Bus
from bridged.sites.configured import configured
from bridged.sites.managed import load_managed
from bridged.sites.policy import SitePolicy
from bridged.sites.store import SiteStore

if TYPE_CHECKING:
    from bridged.pin.prompt import Prompts
    from bridged.pin.window import Windows
    from bridged.service.audited import Audit
    from bridged.service.card import Modules
    from bridged.service.hub import Hub
    from bridged.service.tsa import TimestampAuthority

log = logging.getLogger(__name__)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser("serve", help="run the daemon in the foreground")
    parser.add_argument("--port", type=int, help="TCP port on loopback (default 24781; 0: any)")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="ORIGIN[=GRANT,...]",
        help="allow a site; grants: certificates, sign, page-pin (default: the first two)",
    )
    parser.add_argument("--config", type=Path, help="settings file (TOML)")
    parser.add_argument(
        "--virtual",
        metavar="NAME|FILE",
        help="a card inside this process instead of PC/SC; names: bridged card --list",
    )
    parser.add_argument("--ca", type=Path, help="folder of the demo CA, for --virtual")
    parser.add_argument(
        "--exit-unused",
        type=_seconds,
        metavar="SECONDS",
        help="end when nobody has been connected for so long (for socket activation)",
    )
    parser.add_argument(
        "--any-user",
        action="store_true",
        help="serve every user of this computer (for a daemon that is the machine's own)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    from bridged.pin.ways import prompts_here
    from bridged.pin.window import Windows

    forbid_dumps()
    config = load(args.config)
    policy = site_policy(config, args.allow)
    port = config.port if args.port is None else args.port
    windows = Windows()
    prompts = prompts_here(config, others=[windows])
    tsa = time_stamp_authority(config.documents)
    with _bus(args.virtual, args.ca) as bus:
        any_user = args.any_user or config.any_user
        hub_parts = (prompts, windows, policy, tsa)
        modules = find_modules(config, virtual=args.virtual is not None)
        asyncio.run(
            _serve(
                bus,
                hub_parts,
                port,
                args.exit_unused,
                modules=modules,
                any_user=any_user,
                settings=args.config,
                allow=args.allow,
            )
        )
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to 86400 seconds")
    return seconds


def site_policy(config: Config, allow: list[str]) -> SitePolicy:
    """Return the allow-list of the settings and the command line; raises `ConfigError`."""
    store = SiteStore(state_dir() / "sites.json")
    return SitePolicy(configured(config.sites, allow), managed=load_managed(), store=store)


def find_modules(config: Config, *, virtual: bool) -> Modules:
    """Return how to find PKCS#11 modules; a card inside this process needs none."""
    from bridged.cards.pkcs11 import discovery
    from bridged.service.card import no_modules

    return no_modules if virtual else discovery.Modules(config.pkcs11)


def time_stamp_authority(settings: DocumentSettings) -> TimestampAuthority | None:
    """Return the authority of the settings, if any; raises `ConfigError`."""
    if settings.tsa is None:
        return None
    from bridged.service.tsa import TimestampAuthority

    roots = settings.tsa_roots
    return TimestampAuthority.of(settings.tsa, Path(roots).expanduser() if roots else None)


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
    parts: tuple[Prompts, Windows, SitePolicy, TimestampAuthority | None],
    port: int,
    exit_unused_s: float | None,
    *,
    modules: Modules,
    any_user: bool,
    settings: Path | None,
    allow: list[str],
) -> None:
    from bridged import __version__
    from bridged.audit.journal import Journal
    from bridged.server import systemd
    from bridged.server.app import WhenUnused, create_app, listening
    from bridged.server.status import StatusPage
    from bridged.server.token import token_file
    from bridged.service.audited import Audit
    from bridged.service.documents import Documents
    from bridged.service.hub import Hub

    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    prompts, windows, policy, tsa = parts
    await asyncio.to_thread(policy.store.load)
    audit = Audit(Journal(audit_dir()))
    await _note(audit, "daemon.started", version=__version__)
    hub = Hub(bus, prompts, policy, documents=Documents(tsa), audit=audit, modules=modules)
    await hub.start()
    reloading: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(_reload(hub, settings, allow))
        reloading.add(task)
        task.add_done_callback(reloading.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        token = secrets.token_urlsafe(32)
        page = StatusPage(
            hub,
            settings=settings,
            audit=None if any_user else audit_dir(),
            personal=not any_user,
        )
        app = create_app(hub, token, windows, page=page)
        unused = WhenUnused(exit_unused_s, ending.set) if exit_unused_s else None
        handed = systemd.handed_sockets()
        async with listening(app, port, handed, unused, any_user=any_user) as bound:
            windows.base = f"http://127.0.0.1:{bound}"
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


async def _reload(hub: Hub, settings: Path | None, allow: list[str]) -> None:
    """Read anew what is said about sites; what is broken changes nothing."""
    try:
        allowed = configured((await asyncio.to_thread(load, settings)).sites, allow)
        managed = await asyncio.to_thread(load_managed)
        await asyncio.to_thread(hub.policy.store.load)
    except BridgedError as error:
        log.error("nothing was reloaded: %s", error)
        return
    hub.policy.allowed = allowed
    hub.policy.managed = managed
    hub.sites_changed()
    log.info("the policy and the sites were read anew")
