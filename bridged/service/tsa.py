"""The time-stamp authority of the settings, asked over https (RFC 3161, section 3.4)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bridged.config import DocumentSettings
from bridged.errors import ConfigError, TimestampUnavailable

if TYPE_CHECKING:
    from aiohttp import ClientResponse

TIMEOUT_S = 15.0
MAX_ANSWER = 64 << 10


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """Where it is, and what its TLS certificate and its time-stamps must chain to.

    `roots` (DER) take the place of the system's; there they are none, the time-stamps' own
    certificates are not looked up.
    """

    url: str
    roots: tuple[bytes, ...] = ()
    _ssl: ssl.SSLContext = field(default_factory=ssl.create_default_context, repr=False)

    @classmethod
    def of_settings(cls, settings: DocumentSettings) -> Self | None:
        """Return the authority of the settings, if any; raises `ConfigError`."""
        if settings.tsa is None:
            return None
        roots = settings.tsa_roots
        return cls.of(settings.tsa, Path(roots).expanduser() if roots else None)

    @classmethod
    def of(cls, url: str, roots_file: Path | None) -> Self:
        """Read the roots (PEM); raises `ConfigError`."""
        if not url.startswith("https://"):
            raise ConfigError(file="documents.tsa", detail=f"{url!r} does not begin with https://")
        if roots_file is None:
            return cls(url)
        from cryptography import x509  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

        try:
            pem = roots_file.read_bytes()
            roots = x509.load_pem_x509_certificates(pem)
            context = ssl.create_default_context(cadata=pem.decode("ascii"))
        except (OSError, ValueError, ssl.SSLError) as error:
            raise ConfigError(file="documents.tsa_roots", detail=str(error)) from None
        return cls(url, tuple(root.public_bytes(Encoding.DER) for root in roots), context)

    async def ask(self, request: bytes) -> bytes:
        """Return the answer, unchecked; raises `TimestampUnavailable`."""
        import aiohttp  # noqa: PLC0415

        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.post(
                    self.url,
                    data=request,
                    headers={"Content-Type": "application/timestamp-query"},
                    ssl=self._ssl,
                    allow_redirects=False,
                ) as response,
            ):
                return await _body(response)
        except TimeoutError:
            raise TimestampUnavailable(detail=f"no answer in {TIMEOUT_S:.0f} seconds") from None
        except aiohttp.ClientError as error:
            raise TimestampUnavailable(detail=str(error)[:200]) from None


async def _body(response: ClientResponse) -> bytes:
    if response.status != 200:
        raise TimestampUnavailable(detail=f"HTTP {response.status}")
    if response.content_type != "application/timestamp-reply":
        raise TimestampUnavailable(detail=f"an answer of type {response.content_type}"[:200])
    body = bytearray()
    async for chunk in response.content.iter_chunked(1 << 14):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise TimestampUnavailable(detail="the answer is too long")
    return bytes(body)
