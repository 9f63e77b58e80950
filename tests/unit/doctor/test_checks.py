"""Each fault is made, and the doctor names it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from bridged import config
from bridged.config import Config, runtime_dir, state_dir
from bridged.doctor import browsers, cards, examination, inside, machine, processes, service
from bridged.doctor.cards import Seen
from bridged.doctor.catalogue import CATALOGUE
from bridged.doctor.catalogue.entry import Severity
from bridged.doctor.context import Context
from bridged.doctor.daemon import MAX_ANSWER, daemon
from bridged.doctor.examination import examine
from bridged.doctor.finding import Finding, exit_status
from bridged.doctor.records import records
from bridged.doctor.settings import settings
from bridged.errors import CardFault, CardInUse, CardMute, NotRunning, PcscUnavailable
from bridged.model import Reader, ReaderState
from bridged.protocol.messages import SUBPROTOCOL
from bridged.service.readers import Readers
from bridged.virtual.ca import DemoCa
from bridged.virtual.inprocess import InProcessBus
from bridged.virtual.profiles import make_card

Put = Callable[[str, str], Path]


def names(findings: Iterable[Finding]) -> list[str]:
    return [finding.name for finding in findings]


@contextmanager
def pcscd_socket(computer: Context) -> Iterator[Context]:
    """Something listens where pcscd does."""
    path = str(computer.root / "pcscd.comm")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        yield replace(computer, environment={**computer.environment, "PCSCLITE_CSOCK_NAME": path})
    Path(path).unlink()


# ---- the catalogue ----


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_finding_has_words_in_both_languages_and_says_what_to_do(name: str) -> None:
    entry = CATALOGUE[name]
    assert entry.ja
    assert entry.en
    assert bool(entry.ja_advice) == bool(entry.en_advice)
    if entry.severity >= Severity.WARNING:
        assert entry.ja_advice


@pytest.mark.parametrize(
    ("worst", "status"),
    [("settings-none", 0), ("browser-asks", 0), ("reader-empty", 1), ("reader-none", 2)],
)
def test_the_exit_status_is_that_of_the_worst(worst: str, status: int) -> None:
    assert exit_status([Finding("settings-none"), Finding(worst)]) == status


# ---- settings ----


def test_wrong_settings_are_named_with_their_place(computer: Context, put: Put) -> None:
    file = put("config.toml", "port = 1\nprot = 2\n")
    finding = examine(InProcessBus(), computer, file)[0]
    assert finding.name == "settings-wrong"
    assert "line 2, column 1" in finding.title("en")


def test_what_was_written_since_the_daemon_read_its_settings_is_named(
    computer: Context, put: Put
) -> None:
    file = put("config.toml", "port = 2\nlanguage = 'en'\n[pin]\nways = ['page']")
    found = inside.examine(InProcessBus(), [], file=file, held=Config(port=1), context=computer)
    unread, restart = found[1:3]
    assert (unread.name, unread.fields) == ("settings-unread", {"keys": "language, pin.ways"})
    assert (restart.name, restart.fields) == ("settings-restart", {"keys": "port"})
    held = config.load(file)
    found = inside.examine(InProcessBus(), [], file=file, held=held, context=computer)
    assert not {"settings-unread", "settings-restart"} & set(names(found))


class Unavailable:
    def all(self) -> None:
        raise PcscUnavailable


def test_the_daemon_tells_a_service_without_readers_from_one_that_is_not_there(
    computer: Context,
) -> None:
    assert inside.seen(cast("Readers", Unavailable())) is None
    there = names(inside.examine(InProcessBus(), [], context=computer))
    assert {"pcscd-good", "reader-none"} <= set(there)
    gone = names(inside.examine(InProcessBus(), None, context=computer))
    assert "pcscd-missing" in gone
    assert "reader-none" not in gone


def test_good_settings_are_said_so(computer: Context, put: Put) -> None:
    good = put("config.toml", "port = 1")
    assert names(examine(InProcessBus(), computer, good))[0] == "settings-good"
    assert names(examine(InProcessBus(), computer))[0] == "settings-none"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[[sites]]\norigin = 'portal.example'",
            "sites[0].origin: 'portal.example' is not an origin",
        ),
        ("[documents]\ntsa = 'http://tsa.example'", "documents.tsa: 'http://tsa.example' does not"),
        ("[documents]\ntsa = 'https://a.example'\ntsa_roots = '/nowhere'", "documents.tsa_roots: "),
    ],
)
def test_what_would_keep_the_daemon_from_starting_is_wrong(
    computer: Context, put: Put, text: str, told: str
) -> None:
    finding = examine(InProcessBus(), computer, put("config.toml", text))[0]
    assert finding.name == "settings-wrong"
    assert told in finding.title("en")
    assert "(at line 2, column 1)" in finding.title("en") or "tsa_roots" in text


def test_the_administrators_policy_is_read(computer: Context, put: Put) -> None:
    put("/etc/bridged/policy.toml", "managed-only = true")
    assert names(examine(InProcessBus(), computer))[1] == "policy-good"
    put("/etc/bridged/policy.toml", "managed-onli = true")
    wrong = examine(InProcessBus(), computer)[1]
    assert wrong.name == "policy-wrong"
    assert "managed-onli" in wrong.title("ja")


# ---- the daemon ----


def test_a_daemon_that_does_not_run_is_named(computer: Context) -> None:
    assert names(daemon(computer)) == ["daemon-stopped"]


def test_a_program_that_has_the_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:

        def answer_nonsense() -> None:
            with taken.accept()[0], taken.accept()[0] as connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nno bridged")

        thread = threading.Thread(target=answer_nonsense)
        thread.start()
        (finding,) = daemon(Context(Config(port=taken.getsockname()[1])))
        thread.join()
    assert finding.name == "port-taken"
    assert f"({os.getpid()})" in finding.title("en")


def described(title: str, version: object = "99.0") -> str:
    return json.dumps({"info": {"title": title, "version": version}})


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, described(SUBPROTOCOL), ["daemon-running", "daemon-other-version"]),
        (200, described("another program"), ["port-taken"]),
        (200, described(SUBPROTOCOL, 99), ["port-taken"]),
        (500, described(SUBPROTOCOL), ["port-taken"]),
        (302, described(SUBPROTOCOL), ["port-taken"]),
        (200, '{"x":' * 100_000, ["port-taken"]),
        (200, '{"info": []}', ["port-taken"]),
        (200, " " * MAX_ANSWER + described(SUBPROTOCOL), ["port-taken"]),
    ],
)
def test_a_daemon_is_known_by_its_protocol_past_any_proxy(
    monkeypatch: pytest.MonkeyPatch,
    computer: Context,
    status: int,
    body: str,
    expected: list[str],
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with listening.accept()[0], listening.accept()[0] as connection:
                connection.recv(1000)
                with contextlib.suppress(OSError):
                    connection.sendall(f"HTTP/1.0 {status} It\r\n\r\n{body}".encode())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        runtime_dir().mkdir(parents=True)
        (runtime_dir() / f"token-{port}").write_text("token")
        assert names(daemon(replace(computer, config=Config(port=port)))) == expected
        thread.join(5)


async def for_ever() -> None:
    await asyncio.Event().wait()


async def gone() -> None:
    raise NotRunning(port=1)


@pytest.mark.parametrize("answer", [for_ever, gone])
def test_the_cards_are_looked_at_past_a_daemon_that_does_not_show_them(
    computer: Context,
    ca: DemoCa,
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[], Awaitable[None]],
) -> None:
    class Silent:
        def __init__(self, *_: object, token: str | None) -> None: ...

        async def __aenter__(self) -> Silent:
            return self

        async def __aexit__(self, *_: object) -> None: ...

        async def readers(self) -> None:
            await answer()

    monkeypatch.setattr(examination, "connect", Silent)
    monkeypatch.setattr(examination, "LOOK_S", 0.05)
    bus = InProcessBus()
    bus.insert(0, make_card("ebid", ca))
    (seen,) = asyncio.run(examination._look(computer, bus, through_daemon=True))
    assert seen.certificates


def test_a_port_that_is_only_connected_to_has_no_listener(computer: Context, put: Put) -> None:
    line = "0: 0100007F:60CD 0100007F:9999 {state} 0:0 0:0 0 0 0 4711"
    folder = put("/proc/77/comm", "program").parent / "fd"
    folder.mkdir()
    (folder / "3").symlink_to("socket:[4711]")
    for table in ("tcp", "tcp6"):
        for state, name in (("01", "?"), ("0A", "program (77)")):
            file = put(f"/proc/net/{table}", "header\n" + line.format(state=state))
            assert processes.listener(computer, 0x60CD) == name
        file.unlink()


def test_the_doctor_is_no_other_program(computer: Context, put: Put) -> None:
    put(f"/proc/{os.getpid()}/maps", "libpcsclite.so.1")
    assert processes.users_of_pcsc(computer) == []


def test_the_settings_that_a_daemon_holds_serve_where_the_file_is_broken(put: Put) -> None:
    _, context = settings(None, put("config.toml", "prot = 1"), Config(port=9))
    assert context.config.port == 9


# ---- pcscd ----


def test_pcscd_that_is_not_installed_is_named(computer: Context) -> None:
    assert names(service.pcscd(computer, InProcessBus())) == ["pcscd-missing"]


def test_pcscd_that_does_not_run_is_named(computer: Context, put: Put) -> None:
    put("/usr/sbin/pcscd", "#!/bin/sh\n")
    assert names(service.pcscd(computer, InProcessBus())) == ["pcscd-stopped"]


def test_pcscd_that_refuses_is_named(computer: Context) -> None:
    class Refusing:
        def open(self) -> None:
            raise PcscUnavailable

    with pcscd_socket(computer) as context:
        assert names(service.pcscd(context, Refusing())) == ["pcscd-refuses"]


def test_pcscd_that_hangs_is_named(computer: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "ANSWER_S", 0.05)
    answered = threading.Event()

    class Hanging:
        def open(self) -> None:
            answered.wait()
            raise PcscUnavailable

    with pcscd_socket(computer) as context:
        assert names(service.pcscd(context, Hanging())) == ["pcscd-hangs"]
    answered.set()


def test_a_program_that_uses_pcsc_is_named(computer: Context, put: Put) -> None:
    library = "7f00-7f01 r--p 0 fe:00 1 /usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0"
    put("/proc/77/maps", library)
    put("/proc/77/comm", "scdaemon\n")
    put("/proc/77/cmdline", "scdaemon\0--server\0")
    put("/proc/78/maps", library)
    put("/proc/78/cmdline", "python\0-m\0bridged\0serve\0")
    with pcscd_socket(computer) as context:
        good, programs = service.pcscd(context, InProcessBus())
    assert good.name == "pcscd-good"
    assert programs.fields == {"programs": "scdaemon"}


def test_a_service_that_takes_nobody_in_hangs(
    computer: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is full of others who wait."""
    monkeypatch.setattr(service, "ANSWER_S", 0.05)
    path = str(computer.root / "pcscd.comm")
    context = replace(computer, environment={"PCSCLITE_CSOCK_NAME": path})
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as waiting:
        listening.bind(path)
        listening.listen(0)
        waiting.connect(path)
        assert names(service.pcscd(context, InProcessBus())) == ["pcscd-hangs"]


def test_a_hidden_listener_is_a_question_mark(computer: Context) -> None:
    assert processes.listener(computer, 80) == "?"


# ---- readers and cards ----


def diagnosed(computer: Context, bus: InProcessBus) -> list[Finding]:
    with pcscd_socket(computer) as context:
        return examine(bus, context)


def test_cards_and_the_whole_record_are_looked_at_beside_other_programs(
    computer: Context, put: Put, ca: DemoCa
) -> None:
    put("/proc/77/maps", "libpcsclite.so.1")
    put("/proc/77/comm", "scdaemon\n")
    bus = InProcessBus()
    bus.insert(0, make_card("ebid", ca))
    assert {"pcsc-programs", "card-good", "audit-good"} <= set(names(diagnosed(computer, bus)))


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("ebid", {"card-good", "pin-good", "certificate-good"}),
        ("jpki", {"card-good", "pin-good", "certificate-good", "certificate-locked"}),
        ("blocked", {"card-good", "pin-blocked"}),
        ("expired", {"card-good", "certificate-expired"}),
        ("expiring", {"card-good", "certificate-expiring"}),
        ("not-yet-valid", {"card-good", "certificate-not-yet-valid"}),
        ("unknown", {"card-unknown"}),
    ],
)
def test_a_card_and_what_is_wrong_with_it_are_named(
    computer: Context, ca: DemoCa, profile: str, expected: set[str]
) -> None:
    bus = InProcessBus()
    bus.insert(0, make_card(profile, ca))
    assert expected <= set(names(diagnosed(_settled(computer), bus)))


def test_the_days_of_a_certificate_are_counted_to_the_second(computer: Context, ca: DemoCa) -> None:
    bus = InProcessBus()
    bus.insert(0, make_card("ebid", ca))
    seen = asyncio.run(examination._look(computer, bus, through_daemon=False))
    x509 = (seen[0].certificates or ())[0].x509
    assert x509 is not None
    second = timedelta(seconds=1)
    for now, name in (
        (x509.not_before - second, "certificate-not-yet-valid"),
        (x509.not_before, "certificate-good"),
        (x509.not_after - timedelta(days=31), "certificate-good"),
        (x509.not_after - timedelta(days=31) + second, "certificate-expiring"),
        (x509.not_after, "certificate-expiring"),
        (x509.not_after + second, "certificate-expired"),
    ):
        found = list(cards.readers(replace(computer, now=now), seen))
        assert [f.name for f in found if f.name.startswith("certificate")][:1] == [name]
    (expiring,) = {
        f.fields["days"]
        for f in cards.readers(replace(computer, now=x509.not_after - timedelta(days=2)), seen)
        if f.name == "certificate-expiring"
    }
    assert expiring == 2


def test_a_pin_that_two_keys_share_is_told_once_with_its_tries(
    computer: Context, ca: DemoCa
) -> None:
    bus = InProcessBus()
    card = make_card("ebid", ca)
    card.pins["pin"].tries_left = 2
    bus.insert(0, card)
    found = diagnosed(_settled(computer), bus)
    assert [f.fields["tries"] for f in found if f.name == "pin-good"] == [2]
    (good,) = [f for f in found if f.name == "card-good"]
    assert good.fields["card"] not in {"", "?"}


def _settled(computer: Context) -> Context:
    """Look at the moment of the cards, not at that of the fixture."""
    return replace(computer, now=datetime.now(UTC))


def test_one_try_that_is_left_is_named(computer: Context, ca: DemoCa) -> None:
    bus = InProcessBus()
    card = make_card("ebid", ca)
    card.pins["pin"].tries_left = 1
    bus.insert(0, card)
    assert "pin-last-try" in names(diagnosed(computer, bus))


def test_a_card_that_does_not_answer_is_named(computer: Context, ca: DemoCa) -> None:
    bus = InProcessBus()
    card = make_card("unknown", ca)
    card.mute = True
    bus.insert(0, card)
    assert "card-mute" in names(diagnosed(computer, bus))


def test_an_empty_reader_and_no_reader_are_named(computer: Context) -> None:
    assert "reader-empty" in names(diagnosed(computer, InProcessBus(readers=1)))
    assert "reader-none" in names(diagnosed(computer, InProcessBus(readers=0)))


def test_a_usb_reader_that_pcscd_does_not_know_is_named(computer: Context, put: Put) -> None:
    put("/sys/bus/usb/devices/1-2:1.0/bInterfaceClass", "0b\n")
    put("/sys/bus/usb/devices/1-2/product", "Card Reader X\n")
    put("/sys/bus/usb/devices/1-3:1.0/bInterfaceClass", "03\n")
    finding = next(iter(cards.readers(computer, [])))
    assert finding.name == "reader-without-driver"
    assert "Card Reader X" in finding.title("ja")


@pytest.mark.parametrize(
    ("state", "error", "name"),
    [
        (ReaderState.PRESENT, CardInUse(), "card-in-use"),
        (ReaderState.PRESENT, CardMute(), "card-mute"),
        (ReaderState.PRESENT, CardFault(sw="6F00"), "card-fault"),
        (ReaderState.PRESENT, None, "card-without-certificate"),
        (ReaderState.IN_USE, None, "card-in-use"),
        (ReaderState.MUTE, None, "card-mute"),
        (ReaderState.UNAVAILABLE, None, "reader-unavailable"),
    ],
)
def test_what_stands_in_the_way_of_a_card_is_named(
    computer: Context, state: ReaderState, error: CardFault | None, name: str
) -> None:
    reader = Reader(id="r", name="Reader", state=state, pinpad=False, card=None)
    (finding,) = cards.readers(computer, [Seen(reader, error=error)])
    assert finding.name == name
    assert finding.title("ja").startswith("Reader")


def test_the_holder_is_left_out_of_what_is_given_away(computer: Context, ca: DemoCa) -> None:
    bus = InProcessBus()
    bus.insert(0, make_card("ebid", ca))
    findings = diagnosed(_settled(computer), bus)
    assert "IT業者電子01" in str([finding.to_json() for finding in findings])
    assert "IT業者電子01" not in str([finding.anonymous().to_json() for finding in findings])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ACS ACR38U-CCID (A12-345) 00 00", "ACS ACR38U-CCID (***) 00 00"),
        ("SCM SCR 3310 [CCID Interface] (2112) 00 01", "SCM SCR 3310 [CCID Interface] (***) 00 01"),
        ("Reader (old) X 00 00", "Reader (old) X 00 00"),
    ],
)
def test_the_serial_number_of_a_reader_is_left_out_too(name: str, shown: str) -> None:
    assert Finding("reader-empty", {"reader": name}).anonymous().fields == {"reader": shown}


# ---- what is written down ----


@pytest.fixture
def state(computer: Context) -> Path:
    folder = state_dir() / "audit"
    folder.mkdir(mode=0o700, parents=True)
    folder.parent.chmod(0o700)
    return folder.parent


def test_records_that_can_be_kept_are_no_finding(computer: Context, state: Path) -> None:
    assert names(records(whole=False)) == []
    assert names(records(whole=True)) == ["audit-good"]
    assert [file.name for file in state.iterdir()] == ["audit"], "the probe is gone"


def test_folders_that_are_not_there_yet_are_not_made(computer: Context) -> None:
    assert names(records(whole=True)) == ["audit-good"]
    assert not state_dir().exists()


def test_a_file_in_the_place_of_the_folder_is_named(computer: Context, state: Path) -> None:
    (state / "audit").rmdir()
    (state / "audit").write_text("")
    assert names(records(whole=True)) == ["records-unwritable"]


def test_a_list_of_sites_that_names_no_origin_is_named(computer: Context, state: Path) -> None:
    site = {"origin": "nonsense", "grants": [], "at": "2026-01-01T00:00:00Z", "how": "prompt"}
    (state / "sites.json").write_text(json.dumps({"version": 1, "sites": [site]}))
    (finding,) = records(whole=False)
    assert finding.name == "sites-broken"
    assert "'nonsense' is no origin" in finding.title("ja")
    assert (state / "sites.json").exists(), "looking changes nothing"


# ---- the computer ----


def test_a_clock_that_is_behind_is_named(computer: Context) -> None:
    behind = replace(computer, now=datetime.now(UTC) - timedelta(days=9000))
    assert names(machine.clock(behind)) == ["clock-behind"]
    assert names(machine.clock(computer)) == []


def test_a_dialog_is_looked_for(computer: Context, put: Put) -> None:
    assert names(machine.dialog(computer)) == ["dialog-no-display"]
    for screen in ("DISPLAY", "WAYLAND_DISPLAY"):
        at_screen = replace(computer, environment={**computer.environment, screen: ":0"})
        assert names(machine.dialog(at_screen)) == ["dialog-missing"]
    put("pinentry-qt", "#!/bin/sh\n")
    (finding,) = machine.dialog(at_screen)
    assert finding.title("en") == "The dialog for PINs: pinentry-qt"


# ---- browsers ----


@pytest.fixture
def chromium(computer: Context, put: Put) -> Context:
    put("/usr/bin/chromium", "")
    return computer


POLICY = "/etc/chromium/policies/managed/bridged.json"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, ["browser-asks"]),
        ({"LoopbackNetworkAllowedForUrls": ["https://p.example"]}, ["browser-policy-good"]),
        ({"LocalNetworkAccessAllowedForUrls": ["https://p.example"]}, ["browser-policy-good"]),
        ({"LoopbackNetworkBlockedForUrls": ["*"]}, ["browser-blocks", "browser-asks"]),
        ({"LocalNetworkAccessBlockedForUrls": "*"}, ["browser-blocks", "browser-asks"]),
        ([], ["browser-policy-wrong", "browser-asks"]),
    ],
)
def test_policies_of_chromium_are_read(
    chromium: Context, put: Put, policy: object, expected: list[str]
) -> None:
    put(POLICY, json.dumps(policy))
    assert names(browsers.browsers(chromium)) == expected


def test_a_policy_may_begin_with_the_mark_of_an_editor_and_name_one_pattern_alone(
    chromium: Context, put: Put
) -> None:
    put(POLICY, '\ufeff{"LoopbackNetworkBlockedForUrls": "https://p.example"}')
    blocks, _ = browsers.browsers(chromium)
    assert blocks.fields["pattern"] == "https://p.example"


def test_one_of_several_policies_is_enough(chromium: Context, put: Put) -> None:
    put(POLICY, '{"LoopbackNetworkAllowedForUrls": ["https://p.example"]}')
    put("/etc/chromium/policies/managed/z.json", "{}")
    assert names(browsers.browsers(chromium)) == ["browser-policy-good"]


@pytest.mark.parametrize(
    ("content", "detail"),
    [(b"\xff{}", "UnicodeDecodeError"), (b"[" * 100_000, "maximum recursion depth")],
)
def test_a_policy_that_cannot_be_read_is_told(
    chromium: Context, put: Put, content: bytes, detail: str
) -> None:
    put(POLICY, "").write_bytes(content)
    wrong = next(browsers.browsers(chromium))
    assert wrong.name == "browser-policy-wrong"
    assert detail in wrong.title("en")


def test_a_policy_that_is_no_json_is_told_with_its_place(chromium: Context, put: Put) -> None:
    put(POLICY, '{"a": }')
    wrong = next(browsers.browsers(chromium))
    assert wrong.name == "browser-policy-wrong"
    assert "line 1 column 7" in wrong.title("en")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (None, "browser-asks"),
        ({"policies": {}}, "browser-asks"),
        ({"policies": {"LocalNetworkAccess": {"Enabled": True}}}, "browser-asks"),
        (
            {"policies": {"LocalNetworkAccess": {"Enabled": True, "SkipDomains": ["p.example"]}}},
            "browser-policy-good",
        ),
        ({"policies": {"LocalNetworkAccess": {"Enabled": False}}}, "browser-policy-good"),
        (["no object"], "browser-policy-wrong"),
    ],
)
def test_policies_of_firefox_are_read(
    computer: Context, put: Put, policy: object, expected: str
) -> None:
    put("/usr/bin/firefox-esr", "")
    if policy is not None:
        put("/etc/firefox/policies/policies.json", json.dumps(policy))
    assert names(browsers.browsers(computer)) == [expected]
