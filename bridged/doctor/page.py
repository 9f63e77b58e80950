"""The browser from within: what the status page sees of it, which no look at files can tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from bridged.doctor.finding import Finding

SKEW_S = 30
"""So far apart the clocks of browser and daemon may be (seconds)."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the page found.

    `socket`: whether a WebSocket to `/v1` opened. `permission`: the browser's answer about pages
    that reach this computer (Local Network Access; `unknown` where it has no such permission).
    `now`: its clock in milliseconds since 1970. `foreign`: scripts and frames in the page that
    are not ours, as extensions put them there.
    """

    socket: Literal["open", "failed"]
    permission: Literal["granted", "prompt", "denied", "unknown"]
    now: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
    foreign: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


def page(seen: Seen, *, proxied: bool, now: datetime | None = None) -> Iterator[Finding]:
    """Report on the browser; `proxied` is whether its requests came through a proxy."""
    yield Finding("page-connects" if seen.socket == "open" else "page-blocked")
    if seen.permission == "denied":
        yield Finding("page-permission-denied")
    elif seen.permission == "prompt":
        yield Finding("page-asks")
    if proxied:
        yield Finding("page-proxied")
    skew = round(seen.now / 1000 - (now or datetime.now(UTC)).timestamp())
    if abs(skew) > SKEW_S:
        yield Finding("page-clock", {"seconds": abs(skew)})
    if seen.foreign:
        yield Finding("page-foreign", {"count": seen.foreign})
