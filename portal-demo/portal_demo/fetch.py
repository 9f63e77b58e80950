"""Get a revocation list or answer over the network: bounded in size and time, no detours."""

from __future__ import annotations

import aiohttp

TIMEOUT_S = 5.0
MAX_OCSP_BYTES = 64 * 1024
MAX_CRL_BYTES = 8 * 1024 * 1024
_CHUNK = 64 * 1024


class FetchError(Exception):
    """The server did not answer, or not as it should."""


async def get_crl(url: str) -> bytes:
    """Return what stands at an address. Raises FetchError."""
    return await _ask("GET", url, b"", {}, MAX_CRL_BYTES)


async def post_ocsp(url: str, request: bytes) -> bytes:
    """Return a responder's answer (RFC 6960, appendix A). Raises FetchError."""
    headers = {"Content-Type": "application/ocsp-request"}
    return await _ask("POST", url, request, headers, MAX_OCSP_BYTES)


async def _ask(method: str, url: str, body: bytes, headers: dict[str, str], limit: int) -> bytes:
    """Follow no redirection: it could lead to an address that nobody allowed."""
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as client,
            client.request(
                method,
                url,
                data=body or None,
                headers={"Accept-Encoding": "identity", **headers},
                allow_redirects=False,
            ) as response,
        ):
            if response.status != 200:
                raise FetchError(f"{url} answers {response.status}")
            content = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                content += chunk
                if len(content) > limit:
                    raise FetchError(f"{url} answers with more than {limit} bytes")
            return bytes(content)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as e:
        raise FetchError(f"{url}: {type(e).__name__}") from e
