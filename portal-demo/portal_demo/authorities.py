"""The trust list: which authorities' cards are taken, for what, and where their revocations are.

A TOML file; paths are relative to it:

    [[authority]]
    name = "Example CA"
    certificate = "example-ca.pem"
    policies = ["1.2.392.200000.1"]          # none: every policy
    usage = ["authentication", "signature"]  # of the keys it certifies
    hosts = ["crl.example.jp", "ocsp.example.jp:8080"]
    ocsp = ["http://ocsp.example.jp/"]       # for certificates that name no place
    crl = []

Requests for revocations go to `hosts` alone, whatever a certificate names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from msgspec import Meta

from portal_demo.certificates import KeyPurpose

DEFAULT_PORTS = {"http": 80, "https": 443}
_DottedOid = Annotated[str, Meta(pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$")]


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority of the trust list; an empty `policies` takes every policy."""

    certificate: x509.Certificate
    policies: frozenset[str] = frozenset()
    usage: frozenset[KeyPurpose] = frozenset(KeyPurpose)
    hosts: frozenset[str] = frozenset()
    ocsp: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()

    def may_ask(self, url: str) -> bool:
        """Tell whether a revocation may be asked for at an address, which anybody may have made."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
            return False
        if port is None or port == DEFAULT_PORTS[parts.scheme]:
            return parts.hostname in self.hosts
        return f"{parts.hostname}:{port}" in self.hosts


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    certificate: str
    policies: tuple[_DottedOid, ...] = ()
    usage: tuple[str, ...] = ("authentication", "signature")
    hosts: tuple[str, ...] = ()
    ocsp: tuple[str, ...] = ()
    crl: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    authority: tuple[_Entry, ...]


def load_authorities(paths: Iterable[Path]) -> list[Authority]:
    """Read trust lists (`.toml`) and plain PEM files. Raises OSError, or ValueError that says why.

    An authority of a plain PEM file has no `hosts`: its revocations cannot be asked for.
    """
    found: list[Authority] = []
    for path in paths:
        found += _read_list(path) if path.suffix == ".toml" else map(Authority, _read_pem(path))
    return found


def _read_list(path: Path) -> list[Authority]:
    try:
        entries = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).authority
        return [authority for entry in entries for authority in _authorities(entry, path.parent)]
    except (ValueError, msgspec.ValidationError) as e:
        raise ValueError(f"{path}: {e}") from e


def _authorities(entry: _Entry, folder: Path) -> list[Authority]:
    made = Authority(
        certificate=_read_pem(folder / entry.certificate)[0],
        policies=frozenset(entry.policies),
        usage=frozenset(_purpose(name) for name in entry.usage),
        hosts=frozenset(host.lower() for host in entry.hosts),
        ocsp=entry.ocsp,
        crl=entry.crl,
    )
    for url in (*made.ocsp, *made.crl):
        if not made.may_ask(url):
            raise ValueError(f"{entry.name}: the host of {url} is not in its hosts")
    return [made]


def _purpose(name: str) -> KeyPurpose:
    try:
        return KeyPurpose[name.upper()]
    except KeyError as e:
        known = ", ".join(purpose.name.lower() for purpose in KeyPurpose)
        raise ValueError(f"unknown usage {name!r}; there are {known}") from e


def _read_pem(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError as e:
        raise ValueError(f"{path} holds no certificate in PEM") from e
