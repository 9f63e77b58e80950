"""How many messages may come: over a connection, from a site, and from all sites together."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from bridged.errors import RateLimited

BURST, PER_S = 500, 50
"""Of one connection, at once and in the long run (seconds)."""
SITE_TIMES, ALL_TIMES = 4, 16
"""As many times that may a site send over all its connections, and all sites together."""
RESERVED_BURST, RESERVED_PER_S = 50, 5
"""What is kept for each site, however much the others send."""
RETRY_S = 1
"""When a site that was refused for what others send can be heard again (seconds)."""
MAX_KNOWN = 256
"""Sites whose messages are counted; the one that was silent longest is forgotten."""


class Flood(Exception):
    """A page sends more than anybody could mean."""


class Bucket:
    """Lets `burst` messages through at once and `per_s` in the long run."""

    def __init__(self, burst: float, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._left, self._at = burst, 0.0

    def take(self, now: float) -> bool:
        """Take one; False where there is none."""
        more = (now - self._at) * self._per_s
        self._left, self._at = min(self._burst, self._left + more), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def of_connection() -> Bucket:
    """Return what one connection may send."""
    return Bucket(BURST, PER_S)


@dataclass(frozen=True, slots=True)
class Share:
    """What a site may send: from its own, and from what all sites have together."""

    site: Bucket
    reserved: Bucket
    together: Bucket

    def take(self, now: float) -> None:
        """Let a message through; raises `Flood` for the site's own doing, else `RateLimited`."""
        if not self.site.take(now):
            raise Flood
        if not (self.reserved.take(now) or self.together.take(now)):
            raise RateLimited(retry_after_seconds=RETRY_S)


class Traffic:
    """The messages of all sites; a site that connects anew goes on where it was."""

    def __init__(self) -> None:
        self._together = Bucket(ALL_TIMES * BURST, ALL_TIMES * PER_S)
        self._shares: OrderedDict[str | None, Share] = OrderedDict()

    def of(self, origin: str | None) -> Share:
        """Return what a site may send, or all programs (None)."""
        share = self._shares.pop(origin, None) or Share(
            Bucket(SITE_TIMES * BURST, SITE_TIMES * PER_S),
            Bucket(RESERVED_BURST, RESERVED_PER_S),
            self._together,
        )
        self._shares[origin] = share
        while len(self._shares) > MAX_KNOWN:
            self._shares.popitem(last=False)
        return share
