"""Which sites may do what; compared exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridged.errors import SiteNotAllowed
from bridged.model import Grant

PROGRAM_GRANTS = frozenset(Grant)
"""A program of the same user that holds the token could do all of this without bridged."""


@dataclass(frozen=True, slots=True)
class Site:
    """Who is connected: a page by its origin, or a local program (origin None)."""

    origin: str | None
    grants: frozenset[Grant]

    def require(self, grant: Grant) -> None:
        """Raise `SiteNotAllowed` without the grant."""
        if grant not in self.grants:
            raise SiteNotAllowed(origin=self.origin or "program", grant=grant)


class SitePolicy:
    """The allow-list."""

    def __init__(self, allowed: Mapping[str, frozenset[Grant]]) -> None:
        self._allowed = dict(allowed)

    def site(self, origin: str) -> Site | None:
        """Return the site with its grants, or None where it is not allowed at all."""
        grants = self._allowed.get(origin)
        return None if grants is None else Site(origin, grants)

    def sites(self) -> list[Site]:
        """Return all allowed sites, by origin."""
        return [Site(origin, grants) for origin, grants in sorted(self._allowed.items())]
