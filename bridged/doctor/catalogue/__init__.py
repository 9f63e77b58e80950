"""Every finding the doctor knows, by its name."""

from __future__ import annotations

from bridged.doctor.catalogue.browsers import BROWSERS
from bridged.doctor.catalogue.cards import CARDS
from bridged.doctor.catalogue.daemon import DAEMON
from bridged.doctor.catalogue.entry import Entry

CATALOGUE: dict[str, Entry] = DAEMON | CARDS | BROWSERS
