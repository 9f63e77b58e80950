"""`bridged certs`: the certificates on the inserted cards."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

import msgspec

from bridged.cli.daemon import add_connection, connect
from bridged.cli.language import language, say
from bridged.cli.output import add_json, print_json
from bridged.cli.table import Cell, Colour, show
from bridged.errors import CertificateNotFound
from bridged.model import Certificate, PinStatus, Usage
from bridged.protocol import messages as m

SOON_DAYS = 60
HEADER = {
    "ja": ("用途", "名義", "発行者", "有効期限", "PIN", "指紋"),
    "en": ("USAGE", "HOLDER", "ISSUER", "VALID UNTIL", "PIN", "FINGERPRINT"),
}
USAGES = {
    Usage.AUTHENTICATION: ("認証", "authentication"),
    Usage.SIGNATURE: ("署名", "signature"),
}
LOCKED = ("（PINの入力後に表示）", "(shown after its PIN)")
EXPIRED = ("期限切れ {until}", "expired {until}")
EXPIRES = ("{until}（あと{days}日）", "{until} ({days} days)")
BLOCKED = ("ロック", "blocked")
TRIES = ("残り{tries}回", "{tries} left")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "certs",
        help=say(
            "挿入されているICカードの証明書を一覧表示する",
            "list the certificates on the inserted cards",
        ),
    )
    parser.add_argument(
        "--usage",
        choices=[each.value for each in Usage],
        help=say("この用途の証明書だけを表示する", "of one usage alone"),
    )
    parser.add_argument(
        "--valid-only",
        action="store_true",
        help=say("現在有効な証明書だけを表示する", "leave out what is not valid now"),
    )
    add_json(
        parser,
        "certificate.list の結果をJSONで出力する",
        "print them as certificate.list gives them",
    )
    add_connection(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the certificates; raises `CertificateNotFound` and what stands in their way."""
    usage = Usage(args.usage) if args.usage else None
    params = m.CertificateListParams(usage=usage, valid_only=args.valid_only)
    with ExitStack() as stack:
        bridge = connect(stack, args)
        if args.json:
            print_json(bridge.call("certificate.list", params, msgspec.Raw))
            return 0
        found = bridge.call("certificate.list", params, m.CertificateList).certificates
    if not found:
        raise CertificateNotFound
    show(HEADER[language()], [row(each) for each in found])
    return 0


def row(certificate: Certificate) -> list[Cell]:
    """Return a certificate as a line of the table."""
    return [Cell(say(*USAGES[certificate.usage])), *_names(certificate), *_rest(certificate)]


def _names(certificate: Certificate) -> list[Cell]:
    if (x509 := certificate.x509) is None:
        return [Cell(say(*LOCKED), Colour.FAINT), Cell("")]
    holder = " / ".join(part for part in (x509.holder.name, x509.holder.organization) if part)
    issuer = x509.issuer.common_name or x509.issuer.organization or x509.issuer.rfc4514
    return [Cell(holder or certificate.label), Cell(issuer)]


def _rest(certificate: Certificate) -> list[Cell]:
    fingerprint = Cell(certificate.x509.sha256[:8] if certificate.x509 else "", Colour.FAINT)
    return [_until(certificate), _pin(certificate.pin), fingerprint]


def _until(certificate: Certificate) -> Cell:
    if (x509 := certificate.x509) is None:
        return Cell("")
    until, days = x509.not_after.date().isoformat(), x509.expires_in_days
    if days < 0:
        return Cell(say(*EXPIRED).format(until=until), Colour.BAD)
    colour = Colour.WARNING if days < SOON_DAYS else Colour.GOOD
    return Cell(say(*EXPIRES).format(until=until, days=days), colour)


def _pin(pin: PinStatus | None) -> Cell:
    if pin is None:
        return Cell("")
    if pin.blocked:
        return Cell(say(*BLOCKED), Colour.BAD)
    if pin.tries_left is None:
        return Cell(pin.label)
    colour = Colour.WARNING if pin.tries_left == 1 else Colour.PLAIN
    return Cell(say(*TRIES).format(tries=pin.tries_left), colour)
