"""Every finding of the catalogue is reached: a fault is made for each, and its sentences are whole."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from bridged import __version__
from bridged.config import Config, audit_dir, runtime_dir, state_dir
from bridged.doctor import browsers, cards, daemon, machine, service
from bridged.doctor.cards import Seen
from bridged.doctor.catalogue import CATALOGUE
from bridged.doctor.catalogue.entry import Severity
from bridged.doctor.context import Context
from bridged.doctor.finding import Finding
from bridged.doctor.page import Seen as SeenByPage
from bridged.doctor.page import page
from bridged.doctor.records import records
from bridged.doctor.settings import settings
from bridged.errors import PcscUnavailable
from bridged.model import Reader, ReaderState
from bridged.virtual.ca import DemoCa
from bridged.virtual.card import VirtualCard
from bridged.virtual.certificates import Cardholder, ebid_signature
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.misbehaviour import parse_misbehaviour
from bridged.virtual.piv import SIGNATURE, PivApplet, PivKey
from bridged.virtual.profiles import make_card
from bridged.virtual.reference_data import ReferenceData

from .test_checks import Put, diagnosed, pcscd_socket

NOW = datetime.now(UTC)
Findings = Iterable[Finding]


@dataclass
class Scene:
    """A computer that something is done to."""

    computer: Context
    put: Put
    ca: DemoCa
    patch: pytest.MonkeyPatch


def written(text: str, *, held: Config | None = None) -> Callable[[Scene], Findings]:
    return lambda s: settings(s.computer, s.put("config.toml", text), held)[0]


def policy(text: str) -> Callable[[Scene], Findings]:
    def make(s: Scene) -> Findings:
        s.put("/etc/bridged/policy.toml", text)
        return settings(s.computer, None)[0]

    return make


def kept(name: str, text: str, mode: int = 0o600) -> Callable[[Scene], Findings]:
    """Return what is said of a file in the folder of what is remembered."""

    def make(_: Scene) -> Findings:
        state_dir().mkdir(mode=0o700, parents=True)
        (state_dir() / name).write_text(text)
        (state_dir() / name).chmod(mode)
        return records(whole=True)

    return make


def changed_record(_: Scene) -> Findings:
    audit_dir().mkdir(mode=0o700, parents=True)
    (audit_dir() / "audit.jsonl").write_text('{"event": "site.asked"}\n')
    return records(whole=True)


def listening(running: str | None, *, ours: bool = True) -> Callable[[Scene], Findings]:
    """Return what is said of the port where a bridged of a version listens, or something else."""

    def make(s: Scene) -> Findings:
        s.patch.setattr(daemon, "_listens", lambda _: True)
        s.patch.setattr(daemon, "_version", lambda _: running)
        if ours:
            runtime_dir().mkdir(parents=True)
            (runtime_dir() / "token-1").write_text("token")
        return daemon.daemon(s.computer)

    return make


def answering(bus: Any = None) -> Callable[[Scene], Findings]:
    def make(s: Scene) -> Findings:
        s.patch.setattr(service, "ANSWER_S", 0.05)
        with pcscd_socket(s.computer) as context:
            return list(service.pcscd(context, bus or InProcessBus()))

    return make


class Refusing:
    def open(self) -> None:
        raise PcscUnavailable


class Hanging:
    def open(self) -> None:
        threading.Event().wait(1)
        raise PcscUnavailable


def installed(s: Scene) -> Findings:
    s.put("/usr/sbin/pcscd", "")
    return service.pcscd(s.computer, InProcessBus())


def other_program(s: Scene) -> Findings:
    s.put("/proc/77/maps", "libpcsclite.so.1")
    s.put("/proc/77/comm", "scdaemon\n")
    return answering()(s)


def usb(s: Scene) -> Findings:
    s.put("/sys/bus/usb/devices/1-2:1.0/bInterfaceClass", "0b\n")
    return cards.readers(s.computer, [])


def seen(state: ReaderState, *, unread: bool = False) -> Callable[[Scene], Findings]:
    reader = Reader(id="r", name="Reader", state=state, pinpad=False, card=None)
    return lambda s: cards.readers(s.computer, [Seen(reader, None if unread else ())])


def diagnosed_with(s: Scene, card: VirtualCard) -> Findings:
    bus = InProcessBus()
    bus.insert(0, card)
    return diagnosed(replace(s.computer, now=datetime.now(UTC)), bus)


def inserted(
    profile: str, *, tries: int | None = None, mute: bool = False, fault: str = ""
) -> Callable[[Scene], Findings]:
    def make(s: Scene) -> Findings:
        card = make_card(profile, s.ca)
        card.mute = mute
        if tries is not None:
            card.pins["pin"].tries_left = tries
        if fault:
            card.faults.add(parse_misbehaviour(fault.split()))
        return diagnosed_with(s, card)

    return make


def nameless(s: Scene) -> Findings:
    """A certificate that is whole, but for the name in it, which is in no encoding."""
    key, pin = ec.generate_private_key(ec.SECP256R1()), ReferenceData(b"123456\xff\xff", 3)
    dates = NOW - timedelta(days=1), NOW + timedelta(days=1)
    der = ebid_signature(s.ca, key.public_key(), Cardholder(), dates).public_bytes(Encoding.DER)
    broken = der.replace(b"Nagano", b"\xff" * 6)
    assert broken != der
    applet = PivApplet([PivKey(SIGNATURE, key, broken)], pin, ReferenceData(b"12345678", 3))
    return diagnosed_with(s, VirtualCard([applet], b"nameless"))


def screen(*programs: str) -> Callable[[Scene], Findings]:
    def make(s: Scene) -> Findings:
        for program in programs:
            s.put(program, "")
        environment = {**s.computer.environment, "DISPLAY": ":0"}
        return machine.dialog(replace(s.computer, environment=environment))

    return make


def chromium(policy: object) -> Callable[[Scene], Findings]:
    def make(s: Scene) -> Findings:
        s.put("/usr/bin/chromium", "")
        s.put("/etc/chromium/policies/managed/a.json", json.dumps(policy))
        return browsers.browsers(s.computer)

    return make


def browser(*, proxied: bool = False, **changed: Any) -> Callable[[Scene], Findings]:
    usual = {"socket": "open", "permission": "unknown", "now": int(NOW.timestamp() * 1000)}
    told = SeenByPage(**{**usual, "foreign": 0, **changed})
    return lambda _: page(told, proxied=proxied, now=NOW)


SCENES: dict[str, Callable[[Scene], Findings]] = {
    "settings-good": written("port = 1"),
    "settings-none": lambda s: settings(s.computer, None)[0],
    "settings-wrong": written("prot = 1"),
    "settings-unread": written("language = 'en'", held=Config()),
    "settings-restart": written("port = 2", held=Config()),
    "policy-good": policy("managed-only = true"),
    "policy-wrong": policy("managed-onli = true"),
    "records-unwritable": kept("audit", ""),
    "sites-broken": kept("sites.json", "{"),
    "sites-put-aside": kept("sites.json.broken-1", "{"),
    "audit-good": lambda _: records(whole=True),
    "audit-changed": changed_record,
    "daemon-running": listening(__version__),
    "daemon-stopped": lambda s: daemon.daemon(s.computer),
    "daemon-other-user": listening(__version__, ours=False),
    "daemon-other-version": listening("0.0.1"),
    "port-taken": listening(None),
    "pcscd-good": answering(),
    "pcscd-missing": lambda s: service.pcscd(s.computer, InProcessBus()),
    "pcscd-stopped": installed,
    "pcscd-refuses": answering(Refusing()),
    "pcscd-hangs": answering(Hanging()),
    "pcsc-programs": other_program,
    "reader-none": lambda s: cards.readers(s.computer, []),
    "reader-without-driver": usb,
    "reader-unavailable": seen(ReaderState.UNAVAILABLE),
    "reader-empty": lambda s: diagnosed(s.computer, InProcessBus()),
    "card-good": inserted("ebid"),
    "card-unread": seen(ReaderState.PRESENT, unread=True),
    "card-mute": inserted("ebid", mute=True),
    "card-unknown": inserted("unknown"),
    "card-in-use": seen(ReaderState.IN_USE),
    "card-fault": inserted("ebid", fault="status 6F00 on read times 0"),
    "card-without-certificate": inserted("ebid", fault="garbage on read times 0"),
    "pin-good": inserted("ebid"),
    "pin-uncounted": inserted("ebid", fault="status 6300 on tries times 0"),
    "pin-last-try": inserted("ebid", tries=1),
    "pin-blocked": inserted("blocked"),
    "certificate-good": inserted("ebid"),
    "certificate-locked": inserted("jpki"),
    "certificate-unreadable": nameless,
    "certificate-expiring": inserted("expiring"),
    "certificate-expired": inserted("expired"),
    "certificate-not-yet-valid": inserted("not-yet-valid"),
    "clock-behind": lambda s: machine.clock(replace(s.computer, now=NOW - timedelta(days=9000))),
    "dialog-good": screen("pinentry-qt"),
    "dialog-missing": screen(),
    "dialog-no-display": lambda s: machine.dialog(s.computer),
    "browser-policy-good": chromium({"LoopbackNetworkAllowedForUrls": ["https://a.example"]}),
    "browser-asks": chromium({}),
    "browser-policy-wrong": chromium([]),
    "browser-blocks": chromium({"LoopbackNetworkBlockedForUrls": ["*"]}),
    "page-connects": browser(),
    "page-blocked": browser(socket="failed"),
    "page-permission-denied": browser(permission="denied"),
    "page-asks": browser(permission="prompt"),
    "page-proxied": browser(proxied=True),
    "page-clock": browser(now=0),
    "page-foreign": browser(foreign=1),
}


def test_nothing_is_in_the_catalogue_that_is_never_found() -> None:
    assert SCENES.keys() == CATALOGUE.keys()


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_finding_is_reached_and_says_all_it_has_to(
    computer: Context, put: Put, ca: DemoCa, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found = list(SCENES[name](Scene(computer, put, ca, monkeypatch)))
    finding = next(each for each in found if each.name == name)
    for shown in (finding, finding.anonymous()):
        told = [shown.title("ja"), shown.title("en"), shown.advice("ja"), shown.advice("en")]
        assert not any("{" in text or "}" in text for text in told)
        assert all(told) or finding.severity <= Severity.HINT
        assert json.loads(json.dumps(shown.to_json()))["fields"].keys() == shown.fields.keys()
