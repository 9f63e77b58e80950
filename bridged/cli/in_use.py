"""What a running daemon goes by: the settings, as they were at its start or when it last read them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bridged.cards.pkcs11.discovery import Modules
from bridged.config import RESTART, Config, blaming, changed, load
from bridged.errors import BridgedError
from bridged.pin.prompt import Prompts, Way
from bridged.pin.ways import language_of, ways_here
from bridged.pin.window import Windows
from bridged.service.documents import Documents
from bridged.service.tsa import TimestampAuthority
from bridged.sites.configured import site_policy
from bridged.sites.policy import SitePolicy

log = logging.getLogger(__name__)


class _Read(NamedTuple):
    config: Config
    policy: SitePolicy
    tsa: TimestampAuthority | None
    ways: Sequence[Way]


class InUse:
    """The parts of the daemon that the settings decide about, and `config`, which they go by.

    Raises `ConfigError`.

    `allow` are the sites of the command line, `file` the settings that it names. Looks at the disk:
    make it before the loop.
    """

    def __init__(self, file: Path | None, allow: list[str]) -> None:
        self.file = file
        self._allow = allow
        self.windows = Windows()
        read = self._read()
        self.config = read.config
        self.policy = read.policy
        self.prompts = Prompts(
            read.ways, order=read.config.pin.ways, language=language_of(read.config)
        )
        self.documents = Documents(read.tsa)
        self.modules = Modules(read.config.pkcs11)
        self._one_by_one = asyncio.Lock()

    async def read_anew(self) -> bool:
        """Go by what the files say now; what cannot be read or is wrong changes nothing."""
        async with self._one_by_one:
            try:
                read = await asyncio.to_thread(self._read)
                await asyncio.to_thread(self.policy.store.load)
            except BridgedError as error:
                log.error("nothing was reloaded, the settings stay as they were: %s", error)
                return False
            self._use(read)
        return True

    def _use(self, read: _Read) -> None:
        self.policy.allowed, self.policy.managed = read.policy.allowed, read.policy.managed
        self.prompts.use(read.ways, read.config.pin.ways, language_of(read.config))
        self.documents.tsa = read.tsa
        self.modules.settings = read.config.pkcs11
        log.info("the settings, the policy and the sites were read anew")
        for name in sorted(changed(self.config, read.config) & RESTART):
            log.warning("%s has changed: that takes a restart", name)
        stays = {name: getattr(self.config, name) for name in RESTART}
        self.config = msgspec.structs.replace(read.config, **stays)

    def _read(self) -> _Read:
        config = load(self.file)
        with blaming(self.file):
            return _Read(
                config,
                site_policy(config, self._allow),
                TimestampAuthority.of_settings(config.documents),
                ways_here(config.pin, others=[self.windows]),
            )
