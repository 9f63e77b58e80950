"""The person's say about sites: what a site may do, asked for once, remembered and taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

from bridged.config import DEFAULT_GRANTS
from bridged.errors import BridgedError, ConsentDenied, ConsentUnavailable, SiteNotAllowed
from bridged.model import Grant
from bridged.pin.prompt import Asker, NobodyToAsk, Prompts, Where
from bridged.pin.question import Answer
from bridged.pin.wording import sites_question
from bridged.protocol.messages import SiteStatus
from bridged.service.audited import Audit
from bridged.sites.policy import Site, SitePolicy, Source
from bridged.sites.store import How

log = logging.getLogger(__name__)


class Consent:
    """Answers what a site may do, and asks the person for what it lacks.

    `changed` is called after each yes, so that connections learn of it.
    """

    def __init__(
        self, policy: SitePolicy, prompts: Prompts, audit: Audit, changed: Callable[[], None]
    ) -> None:
        self._audit = audit
        self._policy = policy
        self._prompts = prompts
        self._changed = changed
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def status(self, site: Site, wanted: Iterable[Grant] | None) -> SiteStatus:
        """Tell which of the wanted grants a site holds, and whether the person can be asked now."""
        missing = _missing(site, DEFAULT_GRANTS if wanted is None else wanted)
        origin = site.origin
        return SiteStatus(
            held=tuple(sorted(site.grants)),
            missing=missing,
            can_ask=origin is not None
            and self._policy.quiet_s(origin) == 0
            and bool(self._prompts.open_ways(Asker(origin, _untold))),
        )

    async def request(
        self,
        current: Callable[[], Site],
        wanted: Iterable[Grant],
        told: Callable[[Where | None], None],
    ) -> SiteStatus:
        """Ask the person for what the site lacks, and remember the answer.

        `page-pin` is a question of its own. Two pages of one site are one question: the second
        waits for the answer of the first. `told` hears where the person is asked. Raises
        `SiteNotAllowed` where the administrator decided, `ConsentDenied`, `ConsentUnavailable`,
        `UserTimeout`, `RateLimited`, and `RecordFailed` where the answer cannot be remembered.
        """
        wanted = tuple(wanted)
        origin = current().origin
        if origin is None:
            return self.status(current(), wanted)
        lock = self._asking.setdefault(origin, asyncio.Lock())
        async with lock:
            for together in (set(wanted) - {Grant.PAGE_PIN}, set(wanted) & {Grant.PAGE_PIN}):
                await self._ask(Asker(origin, told), current(), together)
        return self.status(current(), wanted)

    async def _ask(self, asker: Asker, site: Site, wanted: Iterable[Grant]) -> None:
        origin, missing = asker.origin, _missing(site, wanted)
        if not missing or origin is None:
            return
        if self._policy.settled(origin) is Source.ADMINISTRATOR:
            raise SiteNotAllowed(origin=origin, grant=missing[0])
        if self._policy.quiet_s(origin) != 0:
            raise ConsentDenied(origin=origin)
        question = sites_question(self._prompts.language, origin, missing, stranger=not site.grants)
        try:
            try:
                answer = await self._prompts.confirm(asker, question)
            except NobodyToAsk:
                raise ConsentUnavailable(origin=origin) from None
        except BridgedError as error:
            await self._audit.write(
                "site.asked", origin=origin, grants=missing, answer=error.reason
            )
            raise
        await self._audit.write("site.asked", origin=origin, grants=missing, answer=answer.value)
        if not answer:
            never = answer is Answer.NEVER
            await asyncio.to_thread(self._policy.deny, origin, How.PROMPT, never=never)
            log.info("%s was denied %s%s", origin, ", ".join(missing), " for good" * never)
            raise ConsentDenied(origin=origin)
        await asyncio.to_thread(self._policy.grant, origin, missing, How.PROMPT)
        log.info("%s was granted %s", origin, ", ".join(missing))
        self._changed()


def _untold(_: Where | None) -> None:
    """Hear nothing: nobody is asked."""


def _missing(site: Site, wanted: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(sorted(set(wanted) - site.grants))
