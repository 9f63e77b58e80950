"""What the daemon itself can find out without a word to the cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bridged.config import Config
from bridged.doctor import browsers, cards, machine, service
from bridged.doctor.context import Context
from bridged.doctor.finding import Finding
from bridged.doctor.records import records
from bridged.doctor.settings import settings
from bridged.errors import PcscUnavailable
from bridged.pcsc.bus import Bus
from bridged.service.keys import last_seen
from bridged.service.readers import Readers


def seen(readers: Readers) -> list[cards.Seen] | None:
    """Return the readers with what is known of their cards; None: the service is not there."""
    try:
        slots = readers.all()
    except PcscUnavailable:
        return None
    found = []
    for slot in slots:
        certificates = last_seen(slot.card) if slot.card else None
        found.append(cards.Seen(slot.describe(), certificates))
    return found


def examine(
    bus: Bus,
    known: Sequence[cards.Seen] | None,
    *,
    file: Path | None = None,
    held: Config | None = None,
    context: Context | None = None,
) -> list[Finding]:
    """Run the checks that need no card; blocks, and for seconds where pcscd hangs."""
    findings, context = settings(context, file, held)
    findings += records(whole=False)
    if known is None:
        findings += service.pcscd(context, bus)
    else:
        findings += service.running(context)
        findings += cards.readers(context, known)
    findings += machine.clock(context)
    findings += machine.dialog(context)
    findings += browsers.browsers(context)
    return findings
