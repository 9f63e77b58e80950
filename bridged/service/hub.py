"""The use cases: what each method of the protocol does, for every connected site."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from bridged import __version__
from bridged.cards.base import Key, PinObject
from bridged.config import PinWay
from bridged.errors import (
    CardMute,
    InvalidParams,
    LeaseEnded,
    NoCard,
    PinBlocked,
    PinFormat,
    PinIncorrect,
    PinLastTry,
    PinRequired,
    SiteNotAllowed,
)
from bridged.model import (
    Algorithm,
    AuthenticationToken,
    Certificate,
    Grant,
    PinStatus,
    Reader,
    ReaderState,
    Usage,
    Wire,
)
from bridged.pcsc.bus import Bus
from bridged.pin.prompt import Prompts
from bridged.pin.wording import (
    Signing,
    authenticate_question,
    confirm_question,
    log_in_question,
    sign_question,
)
from bridged.protocol import messages as m
from bridged.protocol import openrpc
from bridged.protocol.session import Request
from bridged.service.asking import Asking, Right
from bridged.service.audited import Audit, Audited
from bridged.service.batch import Progress, sign_batch
from bridged.service.calls import Call, Calls, Peer
from bridged.service.card import InsertedCard, Modules, no_modules
from bridged.service.changes import Changes
from bridged.service.consent import Consent
from bridged.service.documents import Documents
from bridged.service.interview import Agree, Ask, asker
from bridged.service.keys import SigningKey, describe
from bridged.service.leases import Held, Leases
from bridged.service.pins import Pins
from bridged.service.readers import Readers, Slot
from bridged.signing import algorithms, webeid
from bridged.signing.documents.job import Job
from bridged.signing.selection import Selection
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
        self.prompts = prompts
        self.policy = policy or SitePolicy({})
        self.audit = audit or Audit()
        self._audited = Audited(self.audit, self._certificate)
        self._consent = Consent(self.policy, prompts, self.audit, self.sites_changed)
        self._peers: set[Peer] = set()
        self.changes = Changes()
        self.bus = bus
        self._leases = Leases(self._lease_ended)
        self.readers = Readers(bus, self._reader_event, modules, on_look=self.changes.happened)
        self._asking = Asking(prompts, self._leases)
        self._pins = Pins(prompts, self._asking, self._leases)
        self._calls = Calls()
        self._documents = documents or Documents()
        self._methods: dict[str, Callable[[Call, Any], Awaitable[Wire]]] = {
            "bridge.info": self._bridge_info,
            "site.status": self._site_status,
            "site.request": self._site_request,
            "reader.list": self._reader_list,
            "certificate.list": self._certificate_list,
            "pin.status": self._pin_status,
            "pin.verify": self._pin_verify,
            "pin.change": self._pin_change,
            "pin.unblock": self._pin_unblock,
            "puk.change": self._puk_change,
            "lease.release": self._lease_release,
            "authentication.create": self._authentication_create,
            "signature.create": self._signature_create,
            "document.sign": self._document_sign,
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

    # ---- events ----

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

    # ---- methods ----

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

    async def _certificate_list(
        self, call: Call, params: m.CertificateListParams
    ) -> m.CertificateList:
        selection = Selection.of(
            params.issuers, params.key_usage, params.policies, valid_only=params.valid_only
        )
        slots = self.readers.chosen(params.reader)
        found = await asyncio.gather(
            *(self._certificates(call.peer, slot, params.usage) for slot in slots),
            return_exceptions=True,
        )
        certificates: list[Certificate] = []
        failures: list[BaseException] = []
        for each in found:
            if isinstance(each, BaseException):
                failures.append(each)
            else:
                certificates += each
        if not certificates and failures:
            raise min(failures, key=lambda error: isinstance(error, NoCard))
        return m.CertificateList(
            certificates=tuple(
                each
                for each in certificates
                if each.x509 is None or selection.takes(each.x509, each.chain)
            )
        )

    async def _certificates(self, peer: Peer, slot: Slot, usage: Usage | None) -> list[Certificate]:
        card = _card_in(slot)
        return [
            await describe(card, key, unlocked=self._leases.holds(card, peer, key))
            for key in await card.keys(usage)
        ]

    async def _pin_status(self, _: Call, params: m.KeyParams) -> PinStatus:
        card, key, _shape = await self._find_with_pin(params.key)
        return await card.pin_status(key)

    async def _pin_verify(self, call: Call, params: m.PinVerifyParams) -> m.Lease:
        card, key, shape = await self._find_with_pin(params.key)
        held = await self._pins.verify(call, card, key, shape, params)
        return m.Lease(id=held.id, key=params.key, expires_in_seconds=params.lease_seconds)

    async def _pin_change(self, call: Call, params: m.PinChangeParams) -> m.Empty:
        card, key, shape = await self._find_with_pin(params.key)
        await self._pins.change(call, card, key, shape, params)
        log.info("%s changed %s", call.site.origin, shape.label)
        return m.Empty()

    async def _pin_unblock(self, call: Call, params: m.PinUnblockParams) -> m.Empty:
        card, key, shape = await self._find_with_pin(params.key)
        await self._pins.unblock(call, card, key, shape, params)
        log.info("%s unblocked %s", call.site.origin, shape.label)
        return m.Empty()

    async def _puk_change(self, call: Call, params: m.PukChangeParams) -> m.Empty:
        card, key, shape = await self._find_with_pin(params.key)
        await self._pins.change_puk(call, card, key, shape, params)
        log.info("%s changed the PUK of %s", call.site.origin, shape.label)
        return m.Empty()

    async def _lease_release(self, call: Call, params: m.LeaseParams) -> m.Empty:
        self._leases.release(params.lease, call.peer)
        return m.Empty()

    async def _authentication_create(
        self, call: Call, params: m.AuthenticationParams
    ) -> AuthenticationToken:
        origin = call.site.origin
        if origin is None:
            raise SiteNotAllowed(origin="program", grant=Grant.SIGN)
        card, key = await self._find(params.certificate)
        self._refuse_early(call, card, key, Usage.AUTHENTICATION)
        async with self._asking.right_to_sign(
            call, card, key, authenticate_question, log_in_question
        ) as right:
            signer = SigningKey.of(card, await card.key(key.ref), Usage.AUTHENTICATION)
            algorithm = webeid.algorithm(signer.key)
            digest = webeid.digest(origin, params.challenge, algorithm)
            signature = await self._sign(right, signer, algorithm, digest)
        log.info("%s authenticated with %s", origin, key.label)
        return webeid.token(signer.certificate, algorithm, signature, __version__)

    async def _signature_create(self, call: Call, params: m.SignatureParams) -> m.SignatureList:
        card, key = await self._find(params.certificate)
        self._refuse_early(call, card, key, Usage.SIGNATURE)
        for i, digest in enumerate(params.digests):
            if detail := algorithms.misfit(params.algorithm, digest):
                raise InvalidParams(path=f"digests[{i}]", detail=detail)
        if key.certificate is not None:
            algorithms.require(params.algorithm, key)
        what = Signing(params.title, algorithms.fingerprints(params.algorithm, params.digests))
        async with self._asking.right_to_sign(call, card, key, *_asked_of_signing(what)) as right:
            signer = SigningKey.of(card, await card.key(key.ref), Usage.SIGNATURE)
            algorithms.require(params.algorithm, signer.key)
            signatures, failures = await sign_batch(
                params.digests,
                lambda digest: self._sign(
                    right, signer, params.algorithm, digest, late=call.made.append
                ),
                Progress(call.peer.notify, call.id, len(params.digests)),
                made=call.made,
                go_on=params.on_error is m.OnError.CONTINUE,
            )
        log.info("%s signed %d digests: %r", call.site.origin, len(call.made), params.title)
        return m.SignatureList(signatures=signatures, failures=failures)

    async def _document_sign(self, call: Call, params: m.DocumentParams) -> m.SignedDocument:
        self._documents.check(params.level)
        card, key = await self._find(params.certificate)
        self._refuse_early(call, card, key, Usage.SIGNATURE)
        what = Signing(
            params.title,
            algorithms.fingerprints(Algorithm.EdDSA, [params.content]),
            format=f"{params.format} {params.level}",
            reason=params.reason,
            location=params.location,
            file_name=params.file_name,
        )
        async with self._asking.right_to_sign(call, card, key, *_asked_of_signing(what)) as right:
            signer = SigningKey.of(card, await card.key(key.ref), Usage.SIGNATURE)
            algorithm = algorithms.for_documents(signer.key)
            job = Job(
                format=params.format,
                content=params.content,
                certificate=signer.certificate,
                algorithm=algorithm,
                chain=await card.chain(signer.key),
                level=params.level,
                detached=params.detached,
                file_name=params.file_name,
                reason=params.reason,
                location=params.location,
            )
            document = await self._documents.sign(
                job, lambda digest: self._sign(right, signer, algorithm, digest)
            )
        log.info("%s signed a document (%s): %r", call.site.origin, params.format, params.title)
        return m.SignedDocument(document=document)

    async def _request_cancel(self, call: Call, params: m.CancelParams) -> m.CancelResult:
        return m.CancelResult(cancelled=self._calls.cancel(call.peer, params.id))

    async def _rpc_discover(self, _: Call, __: m.NoParams) -> m.OpenRpc:
        return openrpc.document()

    # ---- their parts ----

    def _ways(self, call: Call) -> tuple[str, ...]:
        """Return the ways to give a PIN that are open for who asks, best first."""
        open_ways = set(self.prompts.open_ways(asker(call)))
        if Grant.PAGE_PIN in call.site.grants:
            open_ways.add(PinWay.PAGE)
        if self.readers.any_keypad():
            open_ways.add(PinWay.PINPAD)
        return tuple(way for way in self.prompts.order if way in open_ways)

    async def _find(
        self, certificate_id: str, path: str = "certificate"
    ) -> tuple[InsertedCard, Key]:
        card_id, dot, ref = certificate_id.rpartition(".")
        if not dot:
            raise InvalidParams(path=path, detail="not an id that certificate.list gave")
        card = self.readers.card(card_id)
        return card, await card.key(ref)

    async def _certificate(self, certificate_id: str) -> bytes | None:
        return (await self._find(certificate_id))[1].certificate

    async def _find_with_pin(self, key_id: str) -> tuple[InsertedCard, Key, PinObject]:
        card, key = await self._find(key_id, "key")
        if key.pin is None:
            raise InvalidParams(path="key", detail="this key has no PIN")
        return card, key, key.pin

    def _refuse_early(self, call: Call, card: InsertedCard, key: Key, usage: Usage) -> None:
        """Raise what is sure to stand in the way, before the person is asked."""
        # Before anything of the certificate is told: it may be private to who holds the lease.
        self._leases.find(card, call.peer)
        if key.certificate is not None or key.usage is not usage:
            SigningKey.of(card, key, usage)

    async def _sign(
        self,
        right: Right,
        key: SigningKey,
        algorithm: Algorithm,
        digest: bytes,
        *,
        late: Callable[[bytes], None] | None = None,
    ) -> bytes:
        agreed = False
        while True:
            held = self._held(right.owner, key)
            try:
                return await key.sign(held, algorithm, digest, accept_last_try=agreed, late=late)
            except (PinIncorrect, PinLastTry, PinFormat) as error:
                if right.again is None:
                    self._end(held)
                    raise
                agreed = await right.again(error)
            except (LeaseEnded, PinBlocked):
                self._end(held)
                raise

    def _end(self, held: Held | None) -> None:
        if held is not None:
            self._leases.end(held, m.LeaseEnd.CARD_RESET)

    def _held(self, owner: object, key: SigningKey) -> Held | None:
        """Return the lease on a key, None if it needs none; raises `PinRequired`."""
        held = self._leases.find(key.card, owner)
        if key.key.pin is None:
            return None
        if held is None or held.key.ref != key.key.ref:
            raise PinRequired
        return held


def _asked_of_signing(what: Signing) -> tuple[Ask, Agree]:
    """Return the questions about a signature: for the PIN, and for a yes where none is asked for."""
    return lambda s: sign_question(s, what), lambda s: confirm_question(s, what)


def _card_in(slot: Slot) -> InsertedCard:
    if slot.status.state is ReaderState.MUTE:
        raise CardMute
    if slot.card is None:
        raise NoCard
    return slot.card
