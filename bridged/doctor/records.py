"""What bridged writes down: whether it can, and whether it stands as it was written."""

from __future__ import annotations

from collections.abc import Iterator

from bridged.audit import reading
from bridged.config import audit_dir, state_dir
from bridged.doctor.finding import Finding
from bridged.private_files import why_unwritable
from bridged.sites import store


def records(*, whole: bool) -> Iterator[Finding]:
    """Look at the folder, the list of sites and the audit; the `whole` of it is read if asked."""
    for path in (state_dir(), audit_dir()):
        if why := why_unwritable(path):
            yield Finding("records-unwritable", {"path": str(path), "detail": why})
            return
    sites = state_dir() / "sites.json"
    if why := store.why_unreadable(sites):
        yield Finding("sites-broken", {"file": str(sites), "detail": why})
    for aside in sorted(sites.parent.glob(f"{sites.name}.broken-*")):
        yield Finding("sites-put-aside", {"file": str(aside)})
    if not whole:
        return
    count, faults = reading.verify(audit_dir())
    if faults:
        yield Finding("audit-changed", {"places": len(faults)})
    else:
        yield Finding("audit-good", {"count": count})
