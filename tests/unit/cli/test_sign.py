"""`bridged sign` as a person types it, on a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from bridged.__main__ import main
from bridged.cli import sign as command
from bridged.cli.sign import choose, verify
from bridged.client.blocking import Bridge
from bridged.errors import CertificateAmbiguous, CertificateNotFound, PinLastTry
from bridged.model import Certificate, PinRules, PinStatus, Usage
from bridged.protocol.messages import MAX_DOCUMENT
from bridged.virtual.profiles import EBID_PIN

from ..signing.documents.verifiers import openssl, pdf_signatures, xmlsec
from .test_call import environment

CONTENT = "<入札書>1000円</入札書>".encode()


@dataclass(frozen=True)
class Terminal:
    """A daemon with a card, and a folder with a document."""

    home: Path
    port: int
    ca_pem: bytes

    def sign(self, *args: str, types: tuple[str, ...] = (), **env: str) -> tuple[int, str]:
        """Run the command and type one answer at each question; return status and screen."""
        person, terminal = pty.openpty()
        command = ["setsid", "--ctty", sys.executable, "-m", "bridged", "sign", *args]
        with subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=self.home,
            env={**environment(self.home), **env},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            screen = converse(person, list(types))
        os.close(person)
        return process.returncode, screen


def converse(person: int, answers: list[str]) -> str:
    """Type an answer whenever a line ends in `: `; return all that was shown."""
    screen = b""
    while True:
        try:
            shown = os.read(person, 4096)
        except OSError:
            return screen.decode()
        screen += shown
        if screen.endswith(b": ") and answers:
            os.write(person, answers.pop(0).encode() + b"\n")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    home = tmp_path_factory.mktemp("home")
    ca = home / "ca"
    command = ["serve", "--port", "0", "--virtual", "ebid", "--ca", str(ca)]
    with subprocess.Popen(
        [sys.executable, "-m", "bridged", *command],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        match = re.search(r":(\d+)$", daemon.stdout.readline().strip())
        assert match is not None
        yield Terminal(home, int(match[1]), (ca / "ca.pem").read_bytes())
        daemon.terminate()


def test_a_file_is_signed_after_a_wrong_pin(terminal: Terminal, tmp_path: Path) -> None:
    (terminal.home / "入札.bin").write_bytes(CONTENT)
    status, screen = terminal.sign(
        "入札.bin", "--format", "cades", types=("999999", EBID_PIN), LC_ALL="ja_JP.UTF-8"
    )
    assert status == 0
    assert "PIN（残り3回）: " in screen
    assert "PIN番号が違います。残り回数は2回です。" in screen
    assert "入札.bin.p7m を保存しました（長野 太郎 / IT業者電子01）" in screen
    assert EBID_PIN not in screen
    assert "999999" not in screen
    signed = (terminal.home / "入札.bin.p7m").read_bytes()
    assert openssl(tmp_path, signed, terminal.ca_pem) == CONTENT


def test_every_format_is_written_where_it_is_told(
    terminal: Terminal, tmp_path: Path, pdf: bytes
) -> None:
    for name, content in (("a.xml", CONTENT), ("a.pdf", pdf)):
        (terminal.home / name).write_bytes(content)
    out = str(tmp_path / "out")

    def sign(name: str, *args: str) -> bytes:
        status, screen = terminal.sign(name, *args, "-o", out, types=(EBID_PIN,))
        assert (status, f"Wrote {out} (signed by 長野 太郎" in screen) == (0, True), screen
        return Path(out).read_bytes()

    detached = sign("a.xml", "--format", "cades", "--detached")
    assert openssl(tmp_path, detached, terminal.ca_pem, CONTENT) == CONTENT
    beside = sign("a.xml", "--format", "xades", "--detached")
    assert xmlsec(tmp_path, beside, terminal.ca_pem, {"a.xml": CONTENT})
    (status,) = pdf_signatures(
        sign("a.pdf", "--format", "pades", "--reason", "入札"), root(terminal)
    )
    assert status.bottom_line


def root(terminal: Terminal) -> bytes:
    import ssl

    return ssl.PEM_cert_to_DER_cert(terminal.ca_pem.decode())


def test_what_stands_in_the_way_is_told_before_a_pin_is_asked(terminal: Terminal) -> None:
    (terminal.home / "b").write_bytes(CONTENT)
    (terminal.home / "b.p7m").write_bytes(b"mine")
    (terminal.home / "empty").write_bytes(b"")
    for args, told in (
        (("b", "--format", "cades"), "b.p7m cannot be used: it is there already"),
        (("none", "--format", "cades"), "none cannot be used: No such file"),
        (("empty", "--format", "cades"), "empty cannot be used: 1 to 768000 bytes"),
        (("b", "--format", "xades", "--certificate", "00"), "certificate is not on the inserted"),
    ):
        status, screen = terminal.sign(*args)
        assert (status, told in screen) == (1, True), screen
    assert (terminal.home / "b.p7m").read_bytes() == b"mine"


def test_a_document_that_cannot_be_signed_leaves_no_file(terminal: Terminal) -> None:
    (terminal.home / "no.pdf").write_bytes(b"no PDF")
    status, screen = terminal.sign(
        "no.pdf", "--format", "pades", types=(EBID_PIN,), LC_ALL="ja_JP.UTF-8"
    )
    assert (status, "この文書には署名できません（pades）" in screen) == (1, True), screen
    status, screen = terminal.sign(
        "no.pdf", "--format", "cades", "--level", "B-T", types=(EBID_PIN,)
    )
    assert (status, "No time-stamp authority is set up" in screen) == (1, True), screen
    assert [each.name for each in terminal.home.glob("no.*")] == ["no.pdf"]


def certificate(number: int) -> Certificate:
    return Certificate(
        id=f"card.{number}",
        reader="r",
        card="card",
        usage=Usage.SIGNATURE,
        label=f"key {number}",
        locked=True,
        algorithms=(),
        pin=None,
        x509=None,
        chain=(),
    )


def test_one_of_several_certificates_is_named() -> None:
    several = (certificate(1), certificate(2))
    with pytest.raises(CertificateAmbiguous) as refused:
        choose(several, None)
    assert "card.1 key 1, card.2 key 2" in refused.value.messages()["ja"]
    assert choose(several, "CARD.2") is several[1]
    assert choose(several[:1], None) is several[0]
    with pytest.raises(CertificateNotFound):
        choose(several, "card.3")
    assert choose(several, "CA:RD:.1") is several[0], "as openssl prints a fingerprint"


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "1 to 768000 bytes can be signed"),
        (1, "No bridged of yours runs"),
        (MAX_DOCUMENT, "No bridged of yours runs"),
        (MAX_DOCUMENT + 1, "1 to 768000 bytes can be signed"),
    ],
)
def test_the_size_of_a_document_is_bounded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    size: int,
    told: str,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "bid").write_bytes(bytes(size))
    assert main(["sign", str(tmp_path / "bid"), "--format", "cades", "--port", "1"]) == 1
    assert told in capsys.readouterr().err


class LastTry:
    """A card with one try left."""

    def __init__(self) -> None:
        self.tried: list[bool] = []

    def pin_status(self, _: str) -> PinStatus:
        return STATUS

    def verify_pin(self, _: str, pin: str, *, accept_last_try: bool) -> None:
        self.tried.append(accept_last_try)
        if not accept_last_try:
            raise PinLastTry(tries_left=1)


STATUS = PinStatus(
    label="PIN",
    rules=PinRules(min_length=6, max_length=8, alphabet="digits"),
    tries_left=1,
    blocked=False,
    verified=False,
)


@pytest.mark.parametrize("answer", ["y", "YES "])
def test_the_last_try_is_taken_after_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    bridge = LastTry()
    monkeypatch.setattr(command, "getpass", lambda _: EBID_PIN)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    verify(cast("Bridge", bridge), replace(certificate(1), pin=STATUS))
    assert bridge.tried == [False, True]


@pytest.mark.parametrize("answer", ["", "n", "no", "yeah"])
def test_the_last_try_is_left_without_a_yes(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    bridge = LastTry()
    monkeypatch.setattr(command, "getpass", lambda _: EBID_PIN)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with pytest.raises(PinLastTry):
        verify(cast("Bridge", bridge), replace(certificate(1), pin=STATUS))
    assert bridge.tried == [False]
