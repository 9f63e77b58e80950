"""The demo CA's web server: CRLs, CA certificates and OCSP, on loopback."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote

from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from bridged.virtual.ca import DemoCa
from bridged.virtual.register import key_id
from bridged.virtual.revocation import Issuer, answer, make_crl

MAX_REQUEST_BYTES = 16 * 1024
_KEY = "{key:[0-9a-f]{40}}"


def create_app(root: DemoCa) -> web.Application:
    """Return the server of a root that is kept in a directory, and of the CAs below it."""
    responder = _Responder(root)
    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    app.router.add_get("/health", responder.health)
    app.router.add_get(f"/{_KEY}.crl", responder.crl)
    app.router.add_get(f"/{_KEY}.cer", responder.certificate)
    app.router.add_post("/ocsp", responder.ocsp_post)
    app.router.add_get("/ocsp/{request:.+}", responder.ocsp_get)
    return app


class _Responder:
    """Reads the register anew for each answer: other processes issue and revoke."""

    def __init__(self, root: DemoCa) -> None:
        if root.register is None:
            raise ValueError("a CA in memory has no register")
        self._root, self._register = root, root.register

    async def health(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def crl(self, request: web.Request) -> web.Response:
        body = make_crl(self._ca(request), self._register)
        return web.Response(body=body, content_type="application/pkix-crl")

    async def certificate(self, request: web.Request) -> web.Response:
        body = self._ca(request).certificate.public_bytes(Encoding.DER)
        return web.Response(body=body, content_type="application/pkix-cert")

    async def ocsp_post(self, request: web.Request) -> web.Response:
        return self._answer(await request.read())

    async def ocsp_get(self, request: web.Request) -> web.Response:
        """Answer a request in the address (RFC 6960, appendix A.1)."""
        try:
            question = base64.b64decode(unquote(request.match_info["request"]), validate=True)
        except binascii.Error:
            question = b""
        return self._answer(question)

    def _answer(self, question: bytes) -> web.Response:
        cas: dict[bytes, Issuer] = {bytes.fromhex(key): ca for key, ca in self._cas().items()}
        body = answer(question, cas, self._register)
        return web.Response(body=body, content_type="application/ocsp-response")

    def _ca(self, request: web.Request) -> DemoCa:
        try:
            return self._cas()[request.match_info["key"]]
        except KeyError:
            raise web.HTTPNotFound from None

    def _cas(self) -> dict[str, DemoCa]:
        below = map(DemoCa.load, self._register.issuer_files())
        return {key_id(ca.certificate): ca for ca in (self._root, *below)}
