"""Which sites may do what: the administrator first, then the settings, then the person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from bridged.errors import SiteNotAllowed
from bridged.model import Grant
from bridged.sites.managed import ManagedPolicy
from bridged.sites.origins import Origin
from bridged.sites.store import How, Remembered, SiteStore

PROGRAM_GRANTS = frozenset(Grant)
"""A program of the same user that holds the token could do all of this without bridged."""
QUIET = timedelta(minutes=10)
"""For so long a site that was denied cannot ask again."""

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Site:
    """Who is connected: a page by its origin, or a local program (origin None)."""

    origin: str | None
    grants: frozenset[Grant]

    def require(self, grant: Grant) -> None:
        """Raise `SiteNotAllowed` without the grant."""
        if grant not in self.grants:
            raise SiteNotAllowed(origin=self.origin or "program", grant=grant)


class Source(StrEnum):
    """Who decided about a site."""

    ADMINISTRATOR = "administrator"
    SETTINGS = "settings"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a site or a pattern, for people to look through.

    One that is `overruled` does not hold: the administrator decided otherwise.
    """

    origin: str
    grants: frozenset[Grant]
    source: Source
    remembered: Remembered | None = None
    denied: bool = False
    overruled: bool = False


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC).replace(microsecond=0)


class SitePolicy:
    """All decisions together.

    What the administrator says of a site is all there is to it. Otherwise a site may do what the
    settings and the person granted, together.
    """

    def __init__(
        self,
        allowed: Mapping[str, frozenset[Grant]],
        *,
        managed: ManagedPolicy | None = None,
        store: SiteStore | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.allowed = dict(allowed)
        self.managed = managed or ManagedPolicy()
        self.store = store or SiteStore()
        self._clock = clock

    def site(self, text: str) -> Site | None:
        """Return the site with its grants, often none; None where it may not connect here."""
        origin = Origin.parse(text)
        if origin is None or self.managed.denies(origin):
            return None
        managed = self.managed.grants(origin)
        if managed is not None:
            return Site(text, managed)
        remembered = self.store.sites.get(text)
        configured = self.allowed.get(text)
        if configured is None and remembered and remembered.never and not remembered.grants:
            return None
        granted = frozenset(remembered.grants) if remembered else frozenset()
        return Site(text, granted | (configured or frozenset()))

    def settled(self, text: str) -> Source | None:
        """Return who decided about a site, where the person cannot take it back."""
        origin = Origin.parse(text)
        if origin and (self.managed.denies(origin) or self.managed.grants(origin) is not None):
            return Source.ADMINISTRATOR
        return Source.SETTINGS if text in self.allowed else None

    def quiet_s(self, origin: str) -> int | None:
        """Return for how many seconds the person is not asked about a site; 0: may be asked.

        None means that the person, or the administrator, never wants to be asked.
        """
        if self.settled(origin) is Source.ADMINISTRATOR:
            return None
        remembered = self.store.sites.get(origin)
        if remembered is None:
            return 0
        if remembered.never:
            return None
        left = (remembered.quiet_until or self._clock()) - self._clock()
        return max(0, -(-left // timedelta(seconds=1)))

    def grant(self, origin: str, grants: Iterable[Grant], how: How) -> None:
        """Remember that the person allowed this, beside what was allowed before."""

        def change(before: Remembered | None) -> Remembered:
            held = set(grants) | set(before.grants if before else ())
            return self._remember(origin, held, how)

        self.store.change(origin, change)

    def deny(self, origin: str, how: How, *, never: bool) -> None:
        """Remember a no: for a while, keeping what was granted, or for good, which takes it away."""

        def change(before: Remembered | None) -> Remembered:
            held = () if before is None or never else before.grants
            quiet_until = None if never else self._clock() + QUIET
            return self._remember(origin, held, how, quiet_until=quiet_until, never=never)

        self.store.change(origin, change)

    def forget(self, origin: str) -> bool:
        """Forget what the person decided about a site; False where there was nothing."""
        known = False

        def change(before: Remembered | None) -> None:
            nonlocal known
            known = before is not None

        self.store.change(origin, change)
        return known

    def decisions(self) -> list[Decision]:
        """Return every decision: of the administrator, in the settings, of the person."""
        administrator = Source.ADMINISTRATOR
        denied = sorted(str(pattern) for pattern in self.managed.deny)
        return [
            *(Decision(text, frozenset(), administrator, denied=True) for text in denied),
            *(Decision(o, g, administrator) for o, g in sorted(self.managed.allowed().items())),
            *(
                Decision(o, g, Source.SETTINGS, overruled=self._overruled(o))
                for o, g in sorted(self.allowed.items())
            ),
            *(
                Decision(
                    o,
                    frozenset(r.grants),
                    Source.PERSON,
                    r,
                    denied=r.never,
                    overruled=self._overruled(o),
                )
                for o, r in sorted(self.store.sites.items())
            ),
        ]

    def _overruled(self, origin: str) -> bool:
        return self.settled(origin) is Source.ADMINISTRATOR

    def _remember(
        self,
        origin: str,
        grants: Iterable[Grant],
        how: How,
        *,
        quiet_until: datetime | None = None,
        never: bool = False,
    ) -> Remembered:
        return Remembered(
            origin=origin,
            grants=tuple(sorted(grants)),
            at=self._clock(),
            how=how,
            quiet_until=quiet_until,
            never=never,
        )
