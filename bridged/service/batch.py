"""Many signatures under one lease: in order, with progress, stopped or carried on at an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bridged.errors import BridgedError
from bridged.model import Wire
from bridged.protocol.messages import ProgressEvent, SignatureFailure

PROGRESS_S = 0.1
"""Progress is told no more often than this (seconds)."""

Sign = Callable[[bytes], Awaitable[bytes]]


@dataclass(slots=True)
class Progress:
    """Tells a page how far its request is."""

    notify: Callable[[str, Wire], None]
    request_id: int | str
    total: int
    _told_at: float = field(default=0.0, init=False)

    def tell(self, done: int) -> None:
        """Tell, unless it was told a moment ago; a single signature has no progress."""
        now = asyncio.get_running_loop().time()
        if self.total > 1 and (done == self.total or now - self._told_at >= PROGRESS_S):
            self._told_at = now
            event = ProgressEvent(id=self.request_id, done=done, total=self.total)
            self.notify("request.progress", event)


async def sign_batch(
    digests: Sequence[bytes], sign: Sign, progress: Progress, *, made: list[bytes], go_on: bool
) -> tuple[tuple[bytes | None, ...], tuple[SignatureFailure, ...]]:
    """Sign one digest after the other; `made` grows as signatures come.

    Raises what the first failure raises, unless `go_on`: then it is noted and the next is tried.
    """
    signatures: list[bytes | None] = []
    failures: list[SignatureFailure] = []
    for index, digest in enumerate(digests):
        try:
            signature = await sign(digest)
        except BridgedError as error:
            if not go_on:
                raise
            signatures.append(None)
            failures.append(
                SignatureFailure(index=index, reason=error.reason, messages=error.messages())
            )
        else:
            made.append(signature)
            signatures.append(signature)
        progress.tell(index + 1)
    return tuple(signatures), tuple(failures)
