"""The use cases: what each method of the protocol does, for every connected site."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bridged import __version__
from bridged.config import PinWay
from bridged.errors import LeaseEnded
from bridged.model import Grant, Reader, Wire
from bridged.pcsc.bus import Bus
from bridged.pin.prompt import Prompts
from bridged.protocol import messages as m
from bridged.protocol import openrpc
from bridged.protocol.session import Request
from bridged.service.asking import Asking
from bridged.service.audited import Audit, Audited
from bridged.service.calls import Call, Calls, Peer
from bridged.service.card import InsertedCard, Modules, no_modules
from bridged.service.certificates import Certificates
from bridged.service.changes import Changes
from bridged.service.consent import Consent
from bridged.service.documents import Documents
from bridged.service.interview import asker
from bridged.service.leases import Held, Leases
from bridged.service.pins import Pins
from bridged.service.readers import Readers
from bridged.service.signatures import Signatures
from bridged.sites.policy import Site, SitePolicy

log = logging.getLogger(__name__)


class Hub:
    """Serves requests of all connections over all readers."""

    def __init__(
        self,
        bus: Bus,
        prompts: Prompts,
        policy: SitePolicy | None = None,
        *,
        documents: Documents | None = None,
        modules: Modules = no_modules,
        audit: Audit | None = None,
    ) -> None:
        self.bus = bus
        self.prompts = prompts
        self.policy = policy or SitePolicy({})
        self.audit = audit or Audit()
        self.changes = Changes()
        self.readers = Readers(bus, self._reader_event, modules, on_look=self.changes.happened)
        self._peers: set[Peer] = set()
        self._calls = Calls()
        self._leases = Leases(self._lease_ended)
        self._consent = Consent(self.policy, prompts, self.audit, self.sites_changed)
        certificates = Certificates(self.readers, self._leases)
        self._audited = Audited(self.audit, certificates.der)
        asking = Asking(prompts, self._leases)
        pins = Pins(prompts, asking, self._leases, certificates)
        signatures = Signatures(certificates, self._leases, asking, documents or Documents())
        self._methods: dict[str, Callable[[Call, Any], Awaitable[Wire]]] = {
            "bridge.info": self._bridge_info,
            "site.status": self._site_status,
            "site.request": self._site_request,
            "reader.list": self._reader_list,
            "certificate.list": certificates.listed,
            "pin.status": pins.status,
            "pin.verify": pins.verify,
            "pin.change": pins.change,
            "pin.unblock": pins.unblock,
            "puk.change": pins.change_puk,
            "lease.release": self._lease_release,
            "authentication.create": signatures.authenticate,
            "signature.create": signatures.sign,
            "document.sign": signatures.sign_document,
            "request.cancel": self._request_cancel,
            "rpc.discover": self._rpc_discover,
        }

    async def start(self) -> None:
        """Begin to watch readers."""
        await self.readers.start()

    async def stop(self) -> None:
        """End all leases and threads."""
        for peer in list(self._peers):
            self.leave(peer)
        await self.readers.stop()

    def join(self, peer: Peer) -> None:
        """Let a connection take part in events."""
        self._peers.add(peer)

    def leave(self, peer: Peer) -> None:
        """Forget a connection; its leases end."""
        self._peers.discard(peer)
        self._leases.owner_left(peer)

    async def handle(self, peer: Peer, request: Request) -> Wire:
        """Do what a request asks for; raises `BridgedError`."""
        if request.grant is not None:
            peer.site.require(request.grant)
        call = Call(peer, request.id)
        try:
            return await self._calls.run(
                call,
                lambda: self._audited.run(
                    call,
                    request.method,
                    request.params,
                    lambda: self._methods[request.method](call, request.params),
                    lambda result: self._undo(call, result),
                ),
            )
        finally:
            if request.grant is not None or request.method == "site.request":
                self.changes.happened()

    def _undo(self, call: Call, result: Wire) -> None:
        """End a lease that its connection was never told of."""
        if isinstance(result, m.Lease):
            with suppress(LeaseEnded):
                self._leases.release(result.id, call.peer)

    def sites_changed(self) -> None:
        """Let every connection know what its site may do now; close those that lost a grant."""
        for peer in list(self._peers):
            if peer.site.origin is None:
                continue
            site = self.policy.site(peer.site.origin)
            if site is None or not peer.site.grants <= site.grants:
                self._revoke(peer, site.grants if site else frozenset())
            elif site != peer.site:
                peer.site = site
                peer.notify("site.granted", m.SiteEvent(held=tuple(sorted(site.grants))))
        self.changes.happened()

    def _revoke(self, peer: Peer, held: frozenset[Grant]) -> None:
        log.info("%s was revoked and is closed", peer.site.origin)
        peer.site = Site(peer.site.origin, frozenset())
        peer.notify("site.revoked", m.SiteEvent(held=tuple(sorted(held))))
        self.leave(peer)
        # Its socket closes when the page reads; what it asked for ends now.
        self._calls.end_all(peer)
        peer.turn_away()

    def _reader_event(self, event: str, reader: Reader, left: InsertedCard | None) -> None:
        if left is not None:
            self._leases.card_removed(left)
        for peer in self._peers:
            if Grant.CERTIFICATES in peer.site.grants:
                peer.notify(event, m.ReaderEvent(reader=reader))

    def _lease_ended(self, held: Held, cause: m.LeaseEnd | None) -> None:
        held.card.pin_tried()
        held.card.worker.disconnect(reset=True)
        held.card.worker.keep_connected(keep=False)
        for peer in self._peers:
            if peer is held.owner and cause is not None:
                peer.notify("lease.ended", m.LeaseEndedEvent(lease=held.id, cause=cause))

    async def _bridge_info(self, call: Call, _: m.NoParams) -> m.BridgeInfo:
        return m.BridgeInfo(
            version=__version__,
            protocols=(m.SUBPROTOCOL,),
            methods=tuple(m.METHODS),
            origin=call.site.origin,
            grants=tuple(sorted(call.site.grants)),
            pin_entry=self._ways(call),
        )

    async def _site_status(self, call: Call, params: m.SiteStatusParams) -> m.SiteStatus:
        return self._consent.status(call.site, params.grants)

    async def _site_request(self, call: Call, params: m.SiteRequestParams) -> m.SiteStatus:
        told = asker(call).told
        return await self._consent.request(lambda: call.site, params.grants, told)

    async def _reader_list(self, _: Call, __: m.NoParams) -> m.ReaderList:
        return m.ReaderList(readers=tuple(slot.describe() for slot in self.readers.all()))

    async def _lease_release(self, call: Call, params: m.LeaseParams) -> m.Empty:
        self._leases.release(params.lease, call.peer)
        return m.Empty()

    async def _request_cancel(self, call: Call, params: m.CancelParams) -> m.CancelResult:
        return m.CancelResult(cancelled=self._calls.cancel(call.peer, params.id))

    async def _rpc_discover(self, _: Call, __: m.NoParams) -> m.OpenRpc:
        return openrpc.document()

    def _ways(self, call: Call) -> tuple[str, ...]:
        """Return the ways to give a PIN that are open for who asks, best first."""
        open_ways = set(self.prompts.open_ways(asker(call)))
        if Grant.PAGE_PIN in call.site.grants:
            open_ways.add(PinWay.PAGE)
        if self.readers.any_keypad():
            open_ways.add(PinWay.PINPAD)
        return tuple(way for way in self.prompts.order if way in open_ways)
