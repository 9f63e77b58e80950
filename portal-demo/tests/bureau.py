"""An authority's web server, which tells of revocations."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID as Access

from portal_demo import fetch

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Reason = x509.ReasonFlags


@dataclass
class Bureau:
    """An authority's web server: lists and answers made when they are asked for.

    `faults` change what is sent; `asked` counts requests by kind.
    """

    authority: object
    clock: object
    revoked: dict[int, tuple[datetime, Reason]] = field(default_factory=dict)
    faults: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    age: timedelta = HOUR
    lasts: timedelta | None = DAY
    responder: object = None
    server: TestServer | None = None

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def url(self, kind: str) -> str:
        return f"http://{self.host}/{kind}"

    def routes(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/crl", self._crl)
        app.router.add_post("/ocsp", self._ocsp)
        app.router.add_get("/elsewhere", self._elsewhere)
        return app

    async def _elsewhere(self, _request):
        self.asked["elsewhere"] += 1
        return web.Response()

    async def _crl(self, _request):
        return await self._answer("crl", self.crl())

    async def _ocsp(self, request):
        assert request.content_type == "application/ocsp-request"
        question = ocsp.load_der_ocsp_request(await request.read())
        return await self._answer("ocsp", self.response(question.serial_number))

    async def _answer(self, kind, body):
        self.asked[kind] += 1
        if f"{kind} down" in self.faults:
            return web.Response(status=503)
        if f"{kind} silent" in self.faults:
            await asyncio.Event().wait()
        if f"{kind} moved" in self.faults:
            raise web.HTTPFound(f"http://{self.host}/elsewhere")
        if f"{kind} garbage" in self.faults:
            body = b"<html>maintenance</html>"
        if f"{kind} endless" in self.faults:
            body = bytes(fetch.MAX_CRL_BYTES + 1)
        if f"{kind} tampered" in self.faults:
            body = body[:-20] + bytes([body[-20] ^ 1]) + body[-19:]
        return web.Response(body=body)

    def crl(self) -> bytes:
        now = self.clock()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.authority.certificate.subject)
            .last_update(now - self.age)
            .next_update(now - self.age + (self.lasts or DAY))
        )
        for serial, (moment, reason) in self.revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment)
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.authority.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def response(self, serial: int) -> bytes:
        if "ocsp for another" in self.faults:
            serial += 1
        if "ocsp refuses" in self.faults:
            refusal = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
            return refusal.public_bytes(Encoding.DER)
        moment, reason = self.revoked.get(serial, (None, None))
        status = ocsp.OCSPCertStatus.REVOKED if moment else ocsp.OCSPCertStatus.GOOD
        if "ocsp unknown" in self.faults:
            status, moment, reason = ocsp.OCSPCertStatus.UNKNOWN, None, None
        this_update = self.clock() - self.age
        issuer = self.authority.certificate
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            issuer_name_hash=_sha1(issuer.subject.public_bytes()),
            issuer_key_hash=x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest,
            serial_number=serial,
            algorithm=hashes.SHA1(),  # noqa: S303
            cert_status=status,
            this_update=this_update,
            next_update=self.lasts and this_update + self.lasts,
            revocation_time=moment,
            revocation_reason=reason,
        )
        responder = self.responder or self.authority
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, responder.certificate)
        if self.responder:
            builder = builder.certificates([responder.certificate])
        return builder.sign(responder.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _sha1(data: bytes) -> bytes:
    h = hashes.Hash(hashes.SHA1())  # noqa: S303
    h.update(data)
    return h.finalize()


def pointers(*urls: str):
    made = []
    for url in urls:
        name = x509.UniformResourceIdentifier(url)
        if url.endswith("/ocsp"):
            about = x509.AuthorityInformationAccess([x509.AccessDescription(Access.OCSP, name)])
            made.append((about, False))
        else:
            point = x509.DistributionPoint([name], None, None, None)
            made.append((x509.CRLDistributionPoints([point]), False))
    return made
