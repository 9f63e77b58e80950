"""Documents in processes of their own, with a card, a time-stamp authority and hostile files."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO
from ipaddress import IPv4Address
from pathlib import Path
from typing import cast

import msgspec
import pytest
from aiohttp import web
from blockbuster import BlockBuster
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridged.errors import (
    Busy,
    Cancelled,
    ConfigError,
    DocumentMalformed,
    KeyUsageForbidden,
    NoCard,
    PinRequired,
    TimestampNotConfigured,
    TimestampUnavailable,
)
from bridged.model import Algorithm, DocumentFormat, SignatureLevel, Usage
from bridged.protocol import messages as m
from bridged.service import documents
from bridged.service.documents import Documents
from bridged.service.tsa import MAX_ANSWER, TimestampAuthority
from bridged.signing.documents import process
from bridged.signing.documents.job import Job
from bridged.virtual import certificates
from bridged.virtual.ca import DemoCa, Extension, key_usage, new_rsa_key
from bridged.virtual.card import VirtualCard
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import EBID_PIN, JPKI_SIGNATURE_PIN

from ..signing.documents.conftest import XML, Authority
from ..signing.documents.verifiers import openssl, openssl_ts, pdf_signatures, xmlsec
from .conftest import Page

CONTENT = "利用者登録申請書".encode()


# ---- through the hub, with a card ----


@pytest.fixture
async def signer(bus: InProcessBus, ebid: VirtualCard, page: Page) -> str:
    """The id of the signature certificate of `ebid`, with a lease on it."""
    bus.insert(0, ebid)
    await page.event("card.inserted")
    certificate = await page.certificate(Usage.SIGNATURE)
    await page.call("pin.verify", key=certificate.id, pin=EBID_PIN)
    return certificate.id


async def sign(page: Page, certificate: str, form: str, content: bytes, **more: object) -> bytes:
    result = await page.call(
        "document.sign",
        certificate=certificate,
        format=DocumentFormat(form),
        content=content,
        **more,
    )
    return cast("m.SignedDocument", result).document


async def test_a_card_signs_documents_of_every_format(
    page: Page, signer: str, ca: DemoCa, pdf: bytes, tmp_path: Path
) -> None:
    cades, xades, pades = await asyncio.gather(
        sign(page, signer, "cades", CONTENT, as_id=1),
        sign(page, signer, "xades", XML, as_id=2),
        sign(page, signer, "pades", pdf, as_id=3),
    )
    assert openssl(tmp_path, cades, ca.pem) == CONTENT
    assert xmlsec(tmp_path, xades, ca.pem, {})
    root = ca.certificate.public_bytes(Encoding.DER)
    (status,) = await asyncio.to_thread(pdf_signatures, pades, root)
    assert status.bottom_line


async def test_the_individual_number_card_signs_with_its_chain(
    bus: InProcessBus, jpki: VirtualCard, page: Page, ca: DemoCa, tmp_path: Path
) -> None:
    bus.insert(0, jpki)
    await page.event("card.inserted")
    key = (await page.certificate(Usage.SIGNATURE)).id
    await page.call("pin.verify", key=key, pin=JPKI_SIGNATURE_PIN)
    signed = await sign(page, key, "cades", CONTENT, detached=True)
    assert openssl(tmp_path, signed, ca.pem, CONTENT) == CONTENT


async def test_a_document_needs_a_lease_on_a_signature_key(
    bus: InProcessBus, ebid: VirtualCard, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "_process", None)
    bus.insert(0, ebid)
    await page.event("card.inserted")
    for usage, error in (
        (Usage.SIGNATURE, PinRequired),
        (Usage.AUTHENTICATION, KeyUsageForbidden),
    ):
        key = (await page.certificate(usage)).id
        refused = await page.fails(
            "document.sign", certificate=key, format=DocumentFormat.CADES, content=b"x"
        )
        assert isinstance(refused, error)


async def test_a_document_without_a_time_stamp_authority_is_not_stamped(
    page: Page, signer: str, ebid: VirtualCard
) -> None:
    refused = await page.fails(
        "document.sign",
        certificate=signer,
        format=DocumentFormat.CADES,
        content=CONTENT,
        level=SignatureLevel.B_T,
    )
    assert isinstance(refused, TimestampNotConfigured)


async def test_a_document_that_is_cancelled_leaves_no_process(
    page: Page, signer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, spawn = asyncio.Queue[asyncio.subprocess.Process](), asyncio.create_subprocess_exec

    async def watched(*args: str, **more: object) -> asyncio.subprocess.Process:
        process = await spawn(*args, **more)  # type: ignore[arg-type]
        begun.put_nowait(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    signing = asyncio.create_task(sign(page, signer, "cades", CONTENT, as_id=7))
    process = await begun.get()
    await page.call("request.cancel", id=7, as_id=8)
    with pytest.raises(Cancelled):
        await signing
    assert process.returncode is not None


# ---- the process ----


@pytest.fixture(scope="module")
def job(ca: DemoCa) -> Job:
    certificate = certificates.ebid_signature(
        ca, new_rsa_key().public_key(), certificates.Cardholder(), certificates.valid_for(30)
    )
    return Job(
        format=DocumentFormat.PADES,
        content=b"",
        certificate=certificate.public_bytes(Encoding.DER),
        algorithm=Algorithm.RS256,
    )


async def never(_: bytes) -> bytes:
    pytest.fail("the card was asked")


async def test_what_ends_the_card_s_work_ends_the_document(job: Job) -> None:
    async def gone(_: bytes) -> bytes:
        raise NoCard

    cades = Job(
        format=DocumentFormat.CADES,
        content=CONTENT,
        certificate=job.certificate,
        algorithm=job.algorithm,
    )
    with pytest.raises(NoCard):
        await Documents().sign(cades, gone)


async def test_a_document_gets_one_signature_whatever_its_process_asks_for(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    class Greedy:
        malformed = documents.Conversation.malformed
        _job = job

        async def begin(self) -> None:
            """Has begun."""

        async def reply(self) -> process.Told:
            return process.Sign(bytes(32))

        async def answer(self, _: object) -> None:
            """Goes on."""

    async def card(digest: bytes) -> bytes:
        assert asked == []
        asked.append(digest)
        return b"signature"

    monkeypatch.setattr(documents, "Conversation", lambda *_: Greedy())
    with pytest.raises(DocumentMalformed, match="more than one signature"):
        await Documents().sign(job, card)
    assert len(asked) == 1


def child(code: str) -> list[str]:
    """Return a command that says something to the daemon in the place of a document's process."""
    start = (
        "import sys; from bridged.errors import *; from bridged.protocol.codec import error_object;"
    )
    start += "from bridged.signing.documents.process import *; out = sys.stdout.buffer;"
    return [
        sys.executable,
        "-c",
        f"{start} out.write({code}); out.flush(); sys.stdin.buffer.read()",
    ]


@pytest.mark.parametrize(
    "says",
    [
        "(3).to_bytes(4, 'big') + b'no!'",
        "(0).to_bytes(4, 'big')",
        "pack({'type': 'Nothing'})",
        "pack({'type': 'Sign', 'digest': 'text'})",
        "pack(Failed(error_object(PinIncorrect(tries_left=1))))",
    ],
)
async def test_a_process_that_answers_nonsense_is_told_and_the_next_document_is_signed(
    job: Job, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    spawn = asyncio.create_subprocess_exec

    async def hijacked(*_: str, **more: object) -> asyncio.subprocess.Process:
        return await spawn(*child(says), **more)  # type: ignore[arg-type]

    async def card(_: bytes) -> bytes:
        return bytes(256)

    signing = Documents()
    with monkeypatch.context() as hostile:
        hostile.setattr(asyncio, "create_subprocess_exec", hijacked)
        with pytest.raises(DocumentMalformed):
            await signing.sign(job, never)
    cades = msgspec.structs.replace(job, format=DocumentFormat.CADES, content=CONTENT)
    assert await signing.sign(cades, card)


async def test_a_process_that_the_computer_does_not_start_is_told_and_the_next_one_is(
    page: Page, signer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(sys, "executable", "/nonexistent/python")
        wanted = {"certificate": signer, "format": DocumentFormat.CADES, "content": CONTENT}
        for _ in range(documents.MAX_PROCESSES + 1):
            assert isinstance(await page.fails("document.sign", **wanted), Busy)
    assert await sign(page, signer, "cades", CONTENT)


def bomb() -> bytes:
    """A PDF whose cross-reference stream grows from 750 KB to 750 MB."""
    deflate = zlib.compressobj(9)
    packed = b"".join(deflate.compress(bytes(1 << 20)) for _ in range(730)) + deflate.flush()
    head = b"%PDF-1.7\n"
    entries = b"/Type/XRef/Size 1/W[1 2 1]/Root 1 0 R/Filter/FlateDecode"
    stream = b"1 0 obj<<%b/Length %d>>stream\n%b\nendstream endobj\n"
    trailer = b"startxref\n%d\n%%%%EOF" % len(head)
    return head + stream % (entries, len(packed), packed) + trailer


@pytest.mark.parametrize("content", [bomb(), b"no PDF"], ids=["bomb", "no-pdf"])
async def test_a_hostile_document_costs_a_bounded_process(
    job: Job, content: bytes, no_blocking: BlockBuster
) -> None:
    assert len(content) <= m.MAX_DOCUMENT
    hostile = Job(
        format=job.format, content=content, certificate=job.certificate, algorithm=job.algorithm
    )
    with pytest.raises(DocumentMalformed) as refused:
        await Documents().sign(hostile, never)
    assert refused.value.format == "pades"


@pytest.mark.parametrize("wish", ["bytes(2 << 30)", "open('x', 'wb', 0).write(b'x')"])
def test_a_document_s_process_gets_neither_memory_without_end_nor_files(
    tmp_path: Path, wish: str
) -> None:
    code = f"from bridged.signing.documents import process; process.limit(); {wish}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert [file.stat().st_size for file in tmp_path.iterdir()] in ([], [0])


def test_memory_that_a_document_does_not_get_is_told(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(process, "_sign", greedy)
    told = process.sign(job, process.Pipe(BytesIO(), BytesIO()))
    assert isinstance(told, process.Failed)
    assert told.error.data["reason"] == "document-malformed"


async def test_a_process_that_thinks_too_long_is_ended(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "REPLY_TIMEOUT_S", 0)
    with pytest.raises(DocumentMalformed):
        await Documents().sign(job, never)


async def test_a_process_that_does_not_read_is_ended(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = asyncio.create_subprocess_exec

    async def deaf(*_: str, **more: object) -> asyncio.subprocess.Process:
        return await spawn("sleep", "60", **more)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", deaf)
    monkeypatch.setattr(documents, "REPLY_TIMEOUT_S", 0.1)
    large = msgspec.structs.replace(job, content=bytes(1 << 20))
    with pytest.raises(DocumentMalformed):
        async with asyncio.timeout(10):
            await Documents().sign(large, never)


def test_the_daemon_itself_loads_none_of_the_libraries_that_read_documents() -> None:
    code = (
        "import sys, bridged.cli.commands, bridged.server.app, bridged.service.hub, bridged.service.tsa;"
        "print({name.partition('.')[0] for name in sys.modules}"
        " & {'asn1crypto', 'lxml', 'pyhanko', 'signxml'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# ---- the time-stamp authority ----

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Tsa:
    """A time-stamp authority behind https on loopback; `answer` may be replaced."""

    url: str
    answer: Answer


@pytest.fixture(scope="module")
def authority(ca: DemoCa) -> Authority:
    return Authority.of(ca)


@pytest.fixture
def roots(tmp_path: Path, ca: DemoCa) -> Path:
    file = tmp_path / "roots.pem"
    file.write_bytes(ca.pem)
    return file


@pytest.fixture(scope="module")
def server_context(ca: DemoCa, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    key = new_rsa_key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tsa")])
    address = Extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]))
    usage = key_usage("digital_signature", "key_encipherment")
    certificate = ca.issue(name, key.public_key(), certificates.valid_for(3), [address, usage])
    file = tmp_path_factory.mktemp("tsa") / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
async def tsa(authority: Authority, server_context: ssl.SSLContext) -> AsyncIterator[Tsa]:
    async def stamp(request: web.Request) -> web.StreamResponse:
        assert request.content_type == "application/timestamp-query"
        body = authority.answer(await request.read())
        return web.Response(body=body, content_type="application/timestamp-reply")

    async def answer(request: web.Request) -> web.StreamResponse:
        return await tsa.answer(request)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context)
    await site.start()
    port = runner.addresses[0][1]
    tsa = Tsa(f"https://127.0.0.1:{port}/", stamp)
    yield tsa
    await runner.cleanup()


async def test_a_document_is_stamped_by_the_authority_of_the_settings(
    job: Job, tsa: Tsa, roots: Path, ca: DemoCa, tmp_path: Path
) -> None:
    key = new_rsa_key()
    certificate = certificates.ebid_signature(
        ca, key.public_key(), certificates.Cardholder(), certificates.valid_for(30)
    )
    signatures: list[bytes] = []

    async def card(digest: bytes) -> bytes:
        signatures.append(rsa_sign(key, digest))
        return signatures[-1]

    stamped = Job(
        format=DocumentFormat.CADES,
        content=CONTENT,
        certificate=certificate.public_bytes(Encoding.DER),
        algorithm=Algorithm.RS256,
        level=SignatureLevel.B_T,
    )
    signed = await Documents(TimestampAuthority.of(tsa.url, roots)).sign(stamped, card)
    assert openssl(tmp_path, signed, ca.pem) == CONTENT
    assert openssl_ts(tmp_path, token_of(signed), signatures[0], ca.pem)


def rsa_sign(key: object, digest: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    assert isinstance(key, RSAPrivateKey)
    return key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def token_of(signed: bytes) -> bytes:
    from asn1crypto import cms

    (info,) = cms.ContentInfo.load(signed)["content"]["signer_infos"]
    (attribute,) = info["unsigned_attrs"]
    return cast("bytes", attribute["values"][0].dump())


async def test_tls_is_always_verified(tsa: Tsa, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(DemoCa.create().pem)
    for authority in (TimestampAuthority.of(tsa.url, None), TimestampAuthority.of(tsa.url, other)):
        with pytest.raises(TimestampUnavailable, match=r"(?i)certificate"):
            await authority.ask(b"request")


async def fails(_: web.Request) -> web.StreamResponse:
    return web.Response(status=503)


async def is_a_page(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>", content_type="text/html")


async def talks_on(_: web.Request) -> web.StreamResponse:
    return web.Response(body=bytes(MAX_ANSWER + 1), content_type="application/timestamp-reply")


async def leads_away(request: web.Request) -> web.StreamResponse:
    if "again" in request.query:
        return web.Response(body=b"x", content_type="application/timestamp-reply")
    raise web.HTTPTemporaryRedirect(str(request.url) + "?again")


@pytest.mark.parametrize("answer", [fails, is_a_page, talks_on, leads_away])
async def test_an_answer_that_is_none_is_told(tsa: Tsa, roots: Path, answer: Answer) -> None:
    tsa.answer = answer
    with pytest.raises(TimestampUnavailable) as refused:
        await TimestampAuthority.of(tsa.url, roots).ask(b"request")
    assert refused.value.detail


async def test_an_authority_that_nobody_runs_is_told(roots: Path) -> None:
    with pytest.raises(TimestampUnavailable):
        await TimestampAuthority.of("https://127.0.0.1:1/", roots).ask(b"request")


@pytest.mark.parametrize("url", ["http://tsa.example/", "ftp://tsa.example", "tsa.example", ""])
def test_an_authority_is_asked_over_https_alone(url: str) -> None:
    with pytest.raises(ConfigError):
        TimestampAuthority.of(url, None)


def test_roots_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for file in (empty, tmp_path / "none.pem"):
        with pytest.raises(ConfigError):
            TimestampAuthority.of("https://tsa.example/", file)
