"""What keys sign: log-in tokens, digests and documents, with the person's agreement."""

from __future__ import annotations

import logging
from collections.abc import Callable

from bridged import __version__
from bridged.cards.key import Key
from bridged.errors import (
    InvalidParams,
    LeaseEnded,
    PinBlocked,
    PinFormat,
    PinIncorrect,
    PinLastTry,
    SiteNotAllowed,
)
from bridged.model import Algorithm, AuthenticationToken, Grant, Usage
from bridged.pin.subject import Signing
from bridged.pin.wording import (
    authenticate_question,
    confirm_question,
    log_in_question,
    sign_question,
)
from bridged.protocol import messages as m
from bridged.service.asking import Asking, Right
from bridged.service.batch import Progress, sign_batch
from bridged.service.calls import Call
from bridged.service.card import InsertedCard
from bridged.service.certificates import Certificates
from bridged.service.documents import Documents
from bridged.service.interview import Agree, Ask
from bridged.service.keys import SigningKey
from bridged.service.leases import Held, Leases
from bridged.signing import algorithms, webeid
from bridged.signing.documents.job import Job

log = logging.getLogger(__name__)


class Signatures:
    """What the hub does with private keys."""

    def __init__(
        self, certificates: Certificates, leases: Leases, asking: Asking, documents: Documents
    ) -> None:
        self._certificates = certificates
        self._leases = leases
        self._asking = asking
        self._documents = documents

    async def authenticate(self, call: Call, params: m.AuthenticationParams) -> AuthenticationToken:
        """Sign a token for the connection's own origin; raises `SiteNotAllowed` for a program."""
        origin = call.site.origin
        if origin is None:
            raise SiteNotAllowed(origin="program", grant=Grant.SIGN)
        card, key = await self._certificates.find(params.certificate)
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

    async def sign(self, call: Call, params: m.SignatureParams) -> m.SignatureList:
        """Sign digests, one after the other; `call` has those that are made when one fails."""
        card, key = await self._certificates.find(params.certificate)
        self._refuse_early(call, card, key, Usage.SIGNATURE)
        for i, digest in enumerate(params.digests):
            if detail := algorithms.misfit(params.algorithm, digest):
                raise InvalidParams(path=f"digests[{i}]", detail=detail)
        if key.certificate is not None:
            algorithms.require(params.algorithm, key)
        what = Signing(params.title, algorithms.fingerprints(params.algorithm, params.digests))
        async with self._asking.right_to_sign(call, card, key, *_asked_of(what)) as right:
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

    async def sign_document(self, call: Call, params: m.DocumentParams) -> m.SignedDocument:
        """Sign a document in a process of its own, which asks for one signature."""
        self._documents.check(params.level)
        card, key = await self._certificates.find(params.certificate)
        self._refuse_early(call, card, key, Usage.SIGNATURE)
        what = Signing(
            params.title,
            algorithms.fingerprints(Algorithm.EdDSA, [params.content]),
            format=f"{params.format} {params.level}",
            reason=params.reason,
            location=params.location,
            file_name=params.file_name,
        )
        async with self._asking.right_to_sign(call, card, key, *_asked_of(what)) as right:
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

    def _refuse_early(self, call: Call, card: InsertedCard, key: Key, usage: Usage) -> None:
        """Raise what is sure to stand in the way, before the person is asked."""
        # Before anything of the certificate is told: it may be private to who holds the lease.
        self._leases.find(card, call.peer)
        if key.certificate is not None or key.usage is not usage:
            SigningKey.of(card, key, usage)

    async def _sign(
        self,
        right: Right,
        signer: SigningKey,
        algorithm: Algorithm,
        digest: bytes,
        *,
        late: Callable[[bytes], None] | None = None,
    ) -> bytes:
        """Sign under the lease that there is now, as often as the person types a PIN anew."""
        agreed = False
        while True:
            held = self._leases.under(signer.card, right.owner, signer.key)
            try:
                return await signer.sign(held, algorithm, digest, accept_last_try=agreed, late=late)
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


def _asked_of(what: Signing) -> tuple[Ask, Agree]:
    """Return the questions about a signature: for the PIN, and for a yes where none is asked for."""
    return lambda s: sign_question(s, what), lambda s: confirm_question(s, what)
