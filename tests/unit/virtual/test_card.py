"""The transport that all applets share, and what a person does with a card."""

from __future__ import annotations

import threading
from functools import reduce
from operator import xor

import pytest

from bridged.errors import CardRemoved
from bridged.pcsc import tlv
from bridged.pcsc.apdu import Response
from bridged.virtual.card import VirtualCard, make_atr
from bridged.virtual.misbehaviour import Kind, Misbehaviour, Moment

SELECT = bytes.fromhex("00A4040009A00000030800001000")
VERIFY = bytes.fromhex("0020008008313233343536FFFF")
GET_CERTIFICATE = "00CB3FFF055C035FC10A"


def test_the_atr_announces_t1_chaining_and_extended_length() -> None:
    atr = make_atr(b"ebid")
    assert atr[:3] == bytes.fromhex("3B8A01")
    assert atr[3:8] == bytes.fromhex("8073C001C0")
    assert atr[8:-1] == b"\x54ebid"
    assert reduce(xor, atr[1:]) == 0


def test_a_long_answer_comes_in_parts_and_whole_in_the_extended_form(piv_apdu) -> None:
    whole = piv_apdu("00CB3FFF0000055C035FC10A0000")
    assert whole.ok
    assert len(whole.data) > 768
    parts = [piv_apdu(GET_CERTIFICATE + "00")]
    while parts[-1].sw >> 8 == 0x61:
        parts.append(piv_apdu("00C0000000"))
    assert b"".join(part.data for part in parts) == whole.data
    assert [part.sw for part in parts[:-1]] == [0x6100] * (len(parts) - 3) + [
        0x6100,
        0x6100 | len(parts[-1].data),
    ]
    assert parts[-1].ok
    assert piv_apdu("00C0000000").sw == 0x6985


def test_a_short_le_leaves_the_rest_for_get_response(piv_apdu) -> None:
    first = piv_apdu("00CB3FFF055C035FC10210")
    assert len(first.data) == 16
    rest = piv_apdu(f"00C00000{first.sw & 0xFF:02X}")
    assert rest.ok
    assert first.data + rest.data == piv_apdu("00CB3FFF055C035FC10200").data


def test_another_command_drops_what_was_left(piv_apdu) -> None:
    assert piv_apdu(GET_CERTIFICATE + "00").sw == 0x6100
    piv_apdu("00200080")
    assert piv_apdu("00C0000000").sw == 0x6985


def test_links_are_joined(piv_apdu) -> None:
    assert piv_apdu("10CB3FFF025C03").sw == 0x9000
    assert piv_apdu("00CB3FFF035FC10200").data == piv_apdu("00CB3FFF055C035FC10200").data


def test_a_different_command_breaks_the_chain(piv_apdu) -> None:
    piv_apdu("10CB3FFF025C03")
    assert piv_apdu("00200080").sw == 0x63C3
    assert piv_apdu("00CB3FFF035FC10200").sw == 0x6A80


def test_a_chain_has_an_end(piv_apdu) -> None:
    link = "10CB3FFFFF" + "00" * 255
    answers = [piv_apdu(link).sw for _ in range(17)]
    assert answers == [0x9000] * 16 + [0x6700]


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("00A404", 0x6700),
        ("00A4040005A000", 0x6700),
        ("01200080", 0x6881),
        ("0C200080", 0x6882),
        ("00A4040005A000000001", 0x6A82),
        ("00A4040004A0000003", 0x6A82),
        ("00A4040209A00000030800001000", 0x6A82),
    ],
    ids=["header", "length", "channel", "messaging", "unknown", "too-short", "next-occurrence"],
)
def test_what_the_card_does_not_know_is_refused(piv_apdu, apdu: str, sw: int) -> None:
    assert piv_apdu(apdu).sw == sw


def test_no_applet_is_selected_after_a_reset(ebid: VirtualCard, piv_apdu) -> None:
    ebid.reset()
    assert piv_apdu("00200080").sw == 0x6D00


@pytest.mark.parametrize("aid", ["A000000308", "A00000030800001000", "A000000308000010000100"])
def test_the_aid_may_be_cut_off(piv_apdu, aid: str) -> None:
    raw = bytes.fromhex(aid)
    selected = piv_apdu(f"00A40400{len(raw):02X}{raw.hex()}00")
    assert selected.ok
    assert selected.data[:1] == b"\x61"


def test_a_card_that_is_out_answers_nothing(ebid: VirtualCard) -> None:
    ebid.pull()
    with pytest.raises(CardRemoved):
        ebid.transmit(SELECT)


def test_it_leaves_as_the_pin_arrives_but_not_as_the_tries_are_asked(ebid: VirtualCard) -> None:
    ebid.pull_on(Moment.VERIFY)
    ebid.transmit(SELECT)
    assert Response.decode(ebid.transmit(VERIFY[:4])).sw == 0x63C3
    with pytest.raises(CardRemoved):
        ebid.transmit(VERIFY)
    assert ebid.pins["pin"].tries_left == 3


def test_it_leaves_some_apdus_later(ebid: VirtualCard) -> None:
    ebid.pull_on(Moment.VERIFY, after=2)
    ebid.transmit(SELECT)
    assert Response.decode(ebid.transmit(VERIFY)).ok
    assert Response.decode(ebid.transmit(VERIFY)).ok
    with pytest.raises(CardRemoved):
        ebid.transmit(VERIFY)


def test_it_leaves_once(ebid: VirtualCard) -> None:
    ebid.pull_on(Moment.VERIFY)
    with pytest.raises(CardRemoved):
        ebid.transmit(VERIFY)
    ebid.insert()
    ebid.transmit(SELECT)
    assert Response.decode(ebid.transmit(VERIFY)).ok


@pytest.mark.parametrize(
    ("latency", "apdu"),
    [("apdu_latency_s", "00200080"), ("signature_latency_s", "0087079A057C0382008100")],
)
@pytest.mark.usefixtures("piv_apdu")
def test_pulling_wakes_a_slow_card(ebid: VirtualCard, latency: str, apdu: str) -> None:
    setattr(ebid, latency, 3600)
    failed = threading.Event()

    def ask() -> None:
        try:
            ebid.transmit(bytes.fromhex(apdu))
        except CardRemoved:
            failed.set()

    thread = threading.Thread(target=ask)
    thread.start()
    ebid.pull()
    thread.join(10)
    assert failed.is_set()


def test_selecting_another_application_forgets_the_pin(
    ebid: VirtualCard, jpki: VirtualCard
) -> None:
    both = VirtualCard([*ebid._applets, *jpki._applets], b"both")
    both.transmit(SELECT)
    assert Response.decode(both.transmit(VERIFY)).ok
    both.transmit(bytes.fromhex("00A4040C0AD392F000260100000001"))
    both.transmit(SELECT)
    assert Response.decode(both.transmit(VERIFY[:4])).sw == 0x63C3


# ---- misbehaviour ----

READ = bytes.fromhex("00CB3FFF0000055C035FC1020000")


def test_a_short_answer_lacks_half_of_its_data(ebid: VirtualCard, piv_apdu) -> None:
    whole = ebid.transmit(READ)
    ebid.faults.add(Misbehaviour(Kind.SHORT))
    assert ebid.transmit(READ) == whole[: (len(whole) - 2) // 2] + whole[-2:]
    assert ebid.transmit(READ) == whole


def test_a_wrong_status_word_comes_instead_of_the_deed(ebid: VirtualCard, piv_apdu) -> None:
    ebid.faults.add(Misbehaviour(Kind.STATUS, on=Moment.VERIFY, sw="6f12"))
    assert ebid.transmit(READ)[-2:] == b"\x90\0"
    assert ebid.transmit(VERIFY) == b"\x6f\x12"
    assert Response.decode(ebid.transmit(VERIFY[:4])).sw == 0x63C3


def test_garbage_is_as_long_as_the_answer_and_no_tlv(ebid: VirtualCard, piv_apdu) -> None:
    whole = ebid.transmit(READ)
    ebid.faults.add(Misbehaviour(Kind.GARBAGE, on=Moment.READ))
    garbage = ebid.transmit(READ)
    assert len(garbage) == len(whole)
    with pytest.raises(tlv.TlvError):
        list(tlv.parse(garbage[:-2]))


def test_an_answer_without_status_word_is_one_byte(ebid: VirtualCard, piv_apdu) -> None:
    ebid.faults.add(Misbehaviour(Kind.NO_STATUS))
    assert ebid.transmit(READ) == b"\x90"


def test_a_card_that_loses_its_power_forgets_its_application(ebid: VirtualCard, piv_apdu) -> None:
    ebid.faults.add(Misbehaviour(Kind.RESET, on=Moment.READ))
    assert Response.decode(ebid.transmit(READ)).sw == 0x6D00


def test_a_fault_comes_after_some_commands_and_so_many_times(ebid: VirtualCard, piv_apdu) -> None:
    ebid.faults.add(Misbehaviour(Kind.STATUS, on=Moment.READ, after=1, times=2))
    said = [ebid.transmit(READ)[-2:].hex() for _ in range(5)]
    assert said == ["9000", "6f00", "6f00", "9000", "9000"]


def test_a_fault_without_number_stays_until_the_card_behaves(ebid: VirtualCard, piv_apdu) -> None:
    ebid.faults.add(Misbehaviour(Kind.STATUS, times=0))
    assert {ebid.transmit(READ)[-2:] for _ in range(5)} == {b"\x6f\0"}
    ebid.behave()
    assert ebid.transmit(READ)[-2:] == b"\x90\0"


def test_a_card_is_restored_to_the_faults_it_was_issued_with(ebid: VirtualCard) -> None:
    card = VirtualCard(ebid._applets, b"faulty", faults=[Misbehaviour(Kind.NO_STATUS)])
    said = [len(card.transmit(SELECT))]
    card.restore()
    said += [len(card.transmit(SELECT)) for _ in range(2)]
    assert said[:2] == [1, 1]
    assert said[2] > 2


@pytest.mark.parametrize("rouse", ["behave", "pull", "restore"])
def test_a_silent_card_is_roused(ebid: VirtualCard, piv_apdu, rouse: str) -> None:
    ebid.faults.add(Misbehaviour(Kind.SILENCE))
    due, silent = ebid.faults.due, threading.Event()
    ebid.faults.due = lambda command: (fault := due(command)) and (silent.set() or fault)
    said: list[object] = []

    def ask() -> None:
        try:
            said.append(ebid.transmit(READ)[-2:])
        except CardRemoved:
            said.append(CardRemoved)

    thread = threading.Thread(target=ask)
    thread.start()
    assert silent.wait(10)
    while thread.is_alive():
        # The thread may be just before its wait.
        getattr(ebid, rouse)()
        thread.join(0.01)
    del ebid.faults.due
    assert said == [CardRemoved if rouse == "pull" else b"\x90\0"]


def test_silence_of_some_seconds_ends_by_itself(ebid: VirtualCard, piv_apdu) -> None:
    ebid.faults.add(Misbehaviour(Kind.SILENCE, seconds=0.001))
    assert ebid.transmit(READ)[-2:] == b"\x90\0"


def test_a_card_without_extended_length_refuses_it(ebid: VirtualCard) -> None:
    card = VirtualCard(ebid._applets, b"", atr=make_atr(b"short", extended=False))
    card.transmit(SELECT)
    assert card.transmit(READ) == b"\x67\0"
    assert card.transmit(bytes.fromhex("00CB3FFF055C035FC10200"))[-2:] == b"\x90\0"


def test_a_witness_is_told_every_exchange(ebid: VirtualCard, piv_apdu) -> None:
    told, before = [], ebid.apdus
    ebid.witness = lambda *exchange: told.append(exchange)
    try:
        answer = ebid.transmit(READ)
        ebid.pull()
        with pytest.raises(CardRemoved):
            ebid.transmit(SELECT)
    finally:
        ebid.witness = None
    assert [exchange[:2] for exchange in told] == [(READ, answer), (SELECT, b"")]
    assert ebid.apdus == before + 2
