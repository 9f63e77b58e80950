"""An asyncio client of `bridged.v1` on `websockets`, with the names of the protocol.

async with connect(token=token) as bridge:
    for certificate in await bridge.certificates():
        print(certificate.label)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect as connect_socket
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Origin, Subprotocol

from bridged.client.rpc import Rpc
from bridged.errors import SiteNotAllowed
from bridged.model import (
    DEFAULT_PORT,
    Algorithm,
    AuthenticationToken,
    Certificate,
    DocumentFormat,
    Grant,
    KeyUsage,
    PinStatus,
    Reader,
    SignatureLevel,
    Usage,
)
from bridged.protocol import messages as m

DEFAULT_URL = f"ws://127.0.0.1:{DEFAULT_PORT}/v1"

_frames = logging.getLogger("bridged.client.frames")
_frames.setLevel(logging.INFO)
"""Frames carry PINs: at DEBUG `websockets` would write them to the log."""


class Bridge(Rpc):
    """A connection to the daemon: the methods of the protocol, and `Rpc`.

    Every method raises `BridgedError`.
    """

    async def info(self) -> m.BridgeInfo:
        """`bridge.info`."""
        return await self.call("bridge.info", m.NoParams(), m.BridgeInfo)

    async def site_status(self, grants: Sequence[Grant] | None = None) -> m.SiteStatus:
        """`site.status`."""
        params = m.SiteStatusParams(grants=None if grants is None else tuple(grants))
        return await self.call("site.status", params, m.SiteStatus)

    async def request_grants(self, grants: Sequence[Grant]) -> m.SiteStatus:
        """`site.request`."""
        params = m.SiteRequestParams(grants=tuple(grants))
        return await self.call("site.request", params, m.SiteStatus)

    async def readers(self) -> tuple[Reader, ...]:
        """`reader.list`."""
        return (await self.call("reader.list", m.NoParams(), m.ReaderList)).readers

    async def certificates(
        self,
        *,
        reader: str | None = None,
        usage: Usage | None = None,
        issuers: Sequence[str] = (),
        key_usage: Sequence[KeyUsage] = (),
        policies: Sequence[str] = (),
        valid_only: bool = False,
    ) -> tuple[Certificate, ...]:
        """`certificate.list`; a locked certificate is there whatever it may say."""
        params = m.CertificateListParams(
            reader=reader,
            usage=usage,
            issuers=tuple(issuers),
            key_usage=tuple(key_usage),
            policies=tuple(policies),
            valid_only=valid_only,
        )
        return (await self.call("certificate.list", params, m.CertificateList)).certificates

    async def pin_status(self, key: str) -> PinStatus:
        """`pin.status`."""
        return await self.call("pin.status", m.KeyParams(key=key), PinStatus)

    async def verify_pin(
        self,
        key: str,
        pin: str | None = None,
        *,
        lease_seconds: int = 60,
        accept_last_try: bool = False,
    ) -> m.Lease:
        """`pin.verify`."""
        params = m.PinVerifyParams(
            key=key, pin=pin, lease_seconds=lease_seconds, accept_last_try=accept_last_try
        )
        return await self.call("pin.verify", params, m.Lease)

    async def change_pin(
        self,
        key: str,
        pin: str | None = None,
        new_pin: str | None = None,
        *,
        accept_last_try: bool = False,
    ) -> None:
        """`pin.change`."""
        params = m.PinChangeParams(
            key=key, pin=pin, new_pin=new_pin, accept_last_try=accept_last_try
        )
        await self.call("pin.change", params, m.Empty)

    async def unblock_pin(
        self,
        key: str,
        puk: str | None = None,
        new_pin: str | None = None,
        *,
        accept_last_try: bool = False,
    ) -> None:
        """`pin.unblock`."""
        params = m.PinUnblockParams(
            key=key, puk=puk, new_pin=new_pin, accept_last_try=accept_last_try
        )
        await self.call("pin.unblock", params, m.Empty)

    async def change_puk(
        self,
        key: str,
        puk: str | None = None,
        new_puk: str | None = None,
        *,
        accept_last_try: bool = False,
    ) -> None:
        """`puk.change`."""
        params = m.PukChangeParams(
            key=key, puk=puk, new_puk=new_puk, accept_last_try=accept_last_try
        )
        await self.call("puk.change", params, m.Empty)

    async def release(self, lease: m.Lease) -> None:
        """`lease.release`."""
        await self.call("lease.release", m.LeaseParams(lease=lease.id), m.Empty)

    async def authenticate(self, certificate: str, challenge: str) -> AuthenticationToken:
        """`authentication.create`."""
        params = m.AuthenticationParams(certificate=certificate, challenge=challenge)
        return await self.call("authentication.create", params, AuthenticationToken)

    async def sign(
        self,
        certificate: str,
        digests: Sequence[bytes],
        *,
        algorithm: Algorithm = Algorithm.RS256,
        title: str = "",
    ) -> tuple[bytes, ...]:
        """`signature.create`: one signature for each digest, or the error of the first that failed.

        The error's `made` then holds the signatures before it.
        """
        params = m.SignatureParams(
            certificate=certificate, algorithm=algorithm, digests=tuple(digests), title=title
        )
        result = await self.call("signature.create", params, m.SignatureList)
        return tuple(signature for signature in result.signatures if signature is not None)

    async def sign_document(
        self,
        certificate: str,
        content: bytes,
        *,
        format: DocumentFormat,  # noqa: A002
        level: SignatureLevel = SignatureLevel.B_B,
        detached: bool = False,
        title: str = "",
        file_name: str | None = None,
        reason: str | None = None,
        location: str | None = None,
    ) -> bytes:
        """`document.sign`: the signed document, or the signature alone where it is detached."""
        params = m.DocumentParams(
            certificate=certificate,
            format=format,
            content=content,
            level=level,
            detached=detached,
            title=title,
            file_name=file_name,
            reason=reason,
            location=location,
        )
        return (await self.call("document.sign", params, m.SignedDocument)).document

    async def discover(self) -> m.OpenRpc:
        """`rpc.discover`."""
        return await self.call("rpc.discover", m.NoParams(), m.OpenRpc)


@asynccontextmanager
async def connect(
    url: str = DEFAULT_URL, *, token: str | None = None, origin: str | None = None
) -> AsyncIterator[Bridge]:
    """Connect as a program with its token, or as the page of an origin (for tests of portals).

    Raises `SiteNotAllowed` where the daemon turns us away, `OSError` where none listens.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        socket = await connect_socket(
            url,
            subprotocols=[Subprotocol(m.SUBPROTOCOL)],
            origin=Origin(origin) if origin else None,
            additional_headers=headers,
            compression=None,
            max_size=None,
            proxy=None,
            logger=_frames,
        )
    except InvalidStatus as error:
        if error.response.status_code == 403:
            raise SiteNotAllowed(origin=origin or "program", grant=Grant.CERTIFICATES) from None
        raise ConnectionError(f"what listens at {url} is no bridged") from error
    except InvalidHandshake as error:
        raise ConnectionError(f"what listens at {url} is no bridged") from error
    async with socket:
        bridge = Bridge(socket, origin)
        receiving = asyncio.create_task(bridge.receive())
        try:
            yield bridge
        finally:
            await socket.close()
            await receiving
