"""`bridged sign`: a document signed with the card, through the daemon of this user."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from bridged.cli.arguments import add_certificate
from bridged.cli.daemon import add_connection, connect
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json, working
from bridged.errors import (
    BridgedError,
    CertificateAmbiguous,
    CertificateNotFound,
    FileUnusable,
    PinFormat,
    PinIncorrect,
    PinLastTry,
)
from bridged.model import Certificate, DocumentFormat, SignatureLevel, Usage
from bridged.protocol.messages import MAX_DOCUMENT

if TYPE_CHECKING:
    from bridged.client.blocking import Bridge

EXAMPLES = (
    """\
例:
  bridged sign bid.pdf --format pades
  bridged sign bid.zip --format cades --detached -o bid.zip.p7s
  bridged sign bid.xml --format xades --level B-T
PINはこの端末で入力し、ICカードだけに送られます。
""",
    """\
examples:
  bridged sign bid.pdf --format pades
  bridged sign bid.zip --format cades --detached -o bid.zip.p7s
  bridged sign bid.xml --format xades --level B-T
The PIN is asked for on the terminal and goes to the card alone.
""",
)
SUFFIXES = {
    (DocumentFormat.CADES, False): ".p7m",
    (DocumentFormat.CADES, True): ".p7s",
    (DocumentFormat.XADES, False): ".signed.xml",
    (DocumentFormat.XADES, True): ".xades.xml",
    (DocumentFormat.PADES, False): ".signed.pdf",
    (DocumentFormat.PADES, True): ".signed.pdf",
}
PROMPT = {"ja": "{label}（残り{tries}回）: ", "en": "{label} (tries left: {tries}): "}
LAST = {"ja": "続けますか [y/N]: ", "en": "Go on? [y/N]: "}
WORKING = {"ja": "署名しています…", "en": "Signing…"}
SIGNED = {"ja": "{file} を保存しました（{holder}）", "en": "Wrote {file} (signed by {holder})"}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "sign",
        help=say(
            "挿入されているICカードで文書に署名する", "sign a document with the card in the reader"
        ),
        epilog=say(*EXAMPLES),
    )
    parser.add_argument("file", metavar="FILE", type=Path, help=say("署名する文書", "the document"))
    parser.add_argument(
        "--format",
        required=True,
        choices=[each.value for each in DocumentFormat],
        help=say("署名の形式", "form of the signature"),
    )
    parser.add_argument(
        "--level",
        choices=[each.value for each in SignatureLevel],
        default=SignatureLevel.B_B.value,
        help=say(
            "B-T では設定した時刻認証局のタイムスタンプを付ける（標準: B-B）",
            "B-T adds a time-stamp of the authority in the settings (default: B-B)",
        ),
    )
    parser.add_argument(
        "--detached",
        action="store_true",
        help=say("署名だけを別のファイルに保存する", "write the signature alone"),
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        help=say("保存先。- なら標準出力", "where to; - is standard output"),
    )
    add_certificate(parser)
    parser.add_argument(
        "--reason",
        metavar="TEXT",
        help=say("PDFの署名に記載する理由", "why it is signed; goes into the signature of a PDF"),
    )
    parser.add_argument(
        "--location",
        metavar="PLACE",
        help=say("PDFの署名に記載する場所", "where it is signed; goes into the signature of a PDF"),
    )
    add_json(
        parser,
        "保存した内容をJSONで出力する（-o - では標準エラー出力へ）",
        "tell in JSON what was written (with -o -: on standard error)",
    )
    add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the signed document; raises what stands in its way."""
    form = DocumentFormat(args.format)
    output = args.output or args.file.with_name(args.file.name + SUFFIXES[form, args.detached])
    if args.output is None and output.exists():
        raise FileUnusable(
            file=str(output),
            detail=say(
                "すでにあります。-o で別の名前を指定してください",
                "it is there already: name another with -o",
            ),
        )
    content = _read(args.file)
    with ExitStack() as stack:
        bridge = connect(stack, args)
        certificate = choose(bridge.certificates(usage=Usage.SIGNATURE), args.certificate)
        verify(bridge, certificate)
        with working(WORKING):
            signed = bridge.sign_document(
                certificate.id,
                content,
                format=form,
                level=SignatureLevel(args.level),
                detached=args.detached,
                title=args.file.name[:200],
                file_name=args.file.name[:200],
                reason=args.reason,
                location=args.location,
            )
    _write(output, signed)
    if args.json:
        told = sys.stderr.buffer if str(output) == "-" else None
        print_json(_as_json(output, certificate, args), told)
    elif str(output) != "-":
        print(SIGNED[language()].format(file=output, holder=name(certificate)), file=sys.stderr)
    return 0


def _as_json(output: Path, certificate: Certificate, args: argparse.Namespace) -> dict[str, object]:
    return {
        "file": str(output),
        "format": args.format,
        "level": args.level,
        "detached": args.detached,
        "holder": name(certificate),
        "certificate": certificate.x509 and certificate.x509.sha256,
    }


def choose(certificates: tuple[Certificate, ...], begin: str | None) -> Certificate:
    """Return the one to sign with; raises `CertificateNotFound` and `CertificateAmbiguous`."""
    wanted = [each for each in certificates if begin is None or _fits(each, begin.lower())]
    if not wanted:
        raise CertificateNotFound
    if len(wanted) > 1:
        listed = ", ".join(
            f"{each.x509.sha256[:8] if each.x509 else each.id} {name(each)}" for each in wanted
        )
        raise CertificateAmbiguous(certificates=listed)
    return wanted[0]


def _fits(certificate: Certificate, begin: str) -> bool:
    known = certificate.x509.sha256 if certificate.x509 else certificate.id.lower()
    return known.startswith(begin.replace(":", ""))


def name(certificate: Certificate) -> str:
    """Return whom a certificate names, or the key's label while it is locked."""
    holder = certificate.x509.holder if certificate.x509 else None
    parts = (holder.name, holder.organization) if holder else ()
    return " / ".join(part for part in parts if part) or certificate.label


def verify(bridge: Bridge, certificate: Certificate) -> None:
    """Ask for the PIN until it is right, the person gives up, or none may be typed any more."""
    accepted = False
    while (status := certificate.pin and bridge.pin_status(certificate.id)) is not None:
        tries = "?" if status.tries_left is None else status.tries_left
        pin = getpass(PROMPT[language()].format(label=status.label, tries=tries))
        try:
            bridge.verify_pin(certificate.id, pin, accept_last_try=accepted)
        except PinLastTry as error:
            _say(error)
            if input(LAST[language()]).strip().lower() not in {"y", "yes"}:
                raise
            accepted = True
        except (PinIncorrect, PinFormat) as error:
            _say(error)
        else:
            return


def _say(error: BridgedError) -> None:
    print(error.messages()[language()], file=sys.stderr)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise FileUnusable(file=str(file), detail=error.strerror or str(error)) from None
    if not 0 < len(content) <= MAX_DOCUMENT:
        raise FileUnusable(
            file=str(file),
            detail=say(
                f"署名できるのは1から{MAX_DOCUMENT}バイトです",
                f"1 to {MAX_DOCUMENT} bytes can be signed",
            ),
        )
    return content


def _write(output: Path, signed: bytes) -> None:
    try:
        if str(output) == "-":
            sys.stdout.buffer.write(signed)
            sys.stdout.buffer.flush()
        else:
            output.write_bytes(signed)
    except OSError as error:
        raise FileUnusable(file=str(output), detail=error.strerror or str(error)) from None
