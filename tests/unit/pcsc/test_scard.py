"""What PC/SC's codes and state bits mean; real calls are tested with a real pcscd."""

from __future__ import annotations

import pytest
from smartcard import scard

from bridged.errors import (
    CardFault,
    CardInUse,
    CardMute,
    CardRemoved,
    NoCard,
    NoReader,
    PcscUnavailable,
)
from bridged.model import ReaderState
from bridged.pcsc import scard as module
from bridged.pcsc.bus import CardReset, WaitCancelled
from bridged.pcsc.scard import PNP_NOTIFICATION, PcscBus, PcscConnection, PcscContext

PRESENT, EMPTY = scard.SCARD_STATE_PRESENT, scard.SCARD_STATE_EMPTY


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (0x80100069, CardRemoved),
        (0x80100016, CardRemoved),
        (0x8010000C, NoCard),
        (0x80100017, NoReader),
        (0x80100009, NoReader),
        (0x8010002E, NoReader),
        (0x8010000B, CardInUse),
        (0x80100066, CardMute),
        (0x80100067, CardMute),
        (0x80100065, CardMute),
        (0x8010000F, CardMute),
        (0x8010001D, PcscUnavailable),
        (0x8010001E, PcscUnavailable),
        (0x80100003, PcscUnavailable),
        (0x80100013, PcscUnavailable),
        (0x80100027, PcscUnavailable),
        (0x80100068, CardReset),
        (0x80100002, WaitCancelled),
        (0x80100001, CardFault),
    ],
)
def test_every_code_becomes_its_error_with_either_sign(code: int, error: type[Exception]) -> None:
    for each in (code, code - (1 << 32)):
        with pytest.raises(error):
            module._check(each)


def test_success_is_no_error() -> None:
    module._check(scard.SCARD_S_SUCCESS)


def test_a_code_nobody_expects_is_told_with_its_number(caplog) -> None:
    with pytest.raises(CardFault) as caught:
        module._check(-2146435071)
    assert caught.value.sw == "80100001"
    assert "80100001" in caplog.text


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        (EMPTY, ReaderState.EMPTY),
        (0, ReaderState.EMPTY),
        (PRESENT, ReaderState.PRESENT),
        (PRESENT | scard.SCARD_STATE_INUSE, ReaderState.PRESENT),
        (PRESENT | scard.SCARD_STATE_INUSE | scard.SCARD_STATE_EXCLUSIVE, ReaderState.IN_USE),
        (PRESENT | scard.SCARD_STATE_MUTE, ReaderState.MUTE),
        (PRESENT | scard.SCARD_STATE_UNPOWERED, ReaderState.PRESENT),
        (scard.SCARD_STATE_UNAVAILABLE, ReaderState.UNAVAILABLE),
        (PRESENT | scard.SCARD_STATE_UNAVAILABLE, ReaderState.UNAVAILABLE),
        (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_IGNORE, ReaderState.UNAVAILABLE),
    ],
)
def test_state_bits_are_read_whatever_the_event_counter(state: int, seen: ReaderState) -> None:
    for counter in (0, 7 << 16, 0xFFFF << 16):
        assert module._reader_state(state | counter | scard.SCARD_STATE_CHANGED) is seen


@pytest.fixture
def service(monkeypatch):
    """The PC/SC calls of the watch, answered from a list."""
    answers: list[tuple[list[str], int, list[int]]] = []
    asked: list[tuple[int, list[tuple[str, int]]]] = []

    def change(_: object, timeout: int, watched: list[tuple[str, int]]) -> tuple[int, list]:
        asked.append((timeout, watched))
        _, code, states = answers.pop(0)
        states = [*states, scard.SCARD_STATE_CHANGED][: len(watched)]
        names = [name for name, _ in watched]
        return code, [(name, state, [0x3B, 0]) for name, state in zip(names, states, strict=True)]

    monkeypatch.setattr(scard, "SCardListReaders", lambda *_: (0, answers[0][0]))
    monkeypatch.setattr(scard, "SCardGetStatusChange", change)
    return answers, asked


def test_a_reader_that_goes_away_before_the_wait_is_no_loss_of_the_others(service) -> None:
    answers, asked = service
    answers += [(["a", "b"], scard.SCARD_E_UNKNOWN_READER, [0, 0]), (["a"], 0, [3 << 16 | PRESENT])]
    statuses = PcscContext(None).wait_for_change()
    assert [(s.name, s.state, s.generation) for s in statuses] == [("a", ReaderState.PRESENT, 3)]
    assert [name for name, _ in asked[1][1]] == ["a", PNP_NOTIFICATION]


def test_a_reader_that_stays_unknown_ends_the_watch(service) -> None:
    answers, _ = service
    answers += [(["a"], scard.SCARD_E_UNKNOWN_READER, [0])] * (1 + module.RELISTINGS)
    with pytest.raises(NoReader):
        PcscContext(None).wait_for_change()


def test_the_wait_has_no_end_once_the_readers_are_known(service) -> None:
    answers, asked = service
    answers += [
        (["a"], scard.SCARD_E_TIMEOUT, [1 << 16 | EMPTY, 5 << 16]),
        (["a"], 0, [2 << 16 | PRESENT, 5 << 16]),
    ]
    context = PcscContext(None)
    context.wait_for_change()
    context.wait_for_change()
    assert asked[0] == (0, [("a", 0), (PNP_NOTIFICATION, 0)])
    assert asked[1] == (scard.INFINITE, [("a", 1 << 16 | EMPTY), (PNP_NOTIFICATION, 5 << 16)])


def test_without_a_count_of_reader_events_readers_are_listed_again_now_and_then(service) -> None:
    answers, asked = service
    answers += [(["a"], 0, [1 << 16 | EMPTY]), (["a"], scard.SCARD_E_TIMEOUT, [1 << 16 | EMPTY])]
    context = PcscContext(None)
    assert context.wait_for_change() == context.wait_for_change()
    assert asked[1] == (module.RELIST_MS, [("a", 1 << 16 | EMPTY), (PNP_NOTIFICATION, 0)])


def test_a_reader_that_came_since_is_looked_at_at_once(service) -> None:
    answers, asked = service
    answers += [(["a"], 0, [1 << 16 | EMPTY]), (["a", "b"], 0, [1 << 16 | EMPTY, EMPTY])]
    context = PcscContext(None)
    context.wait_for_change()
    assert len(context.wait_for_change()) == 2
    assert asked[1][0] == 0


def test_no_readers_are_an_empty_list(monkeypatch, service) -> None:
    answers, _ = service
    answers.append(([], 0, []))
    monkeypatch.setattr(
        scard, "SCardListReaders", lambda *_: (scard.SCARD_E_NO_READERS_AVAILABLE, [])
    )
    assert PcscContext(None).wait_for_change() == ()


def test_a_service_that_is_not_there_is_pcsc_unavailable(monkeypatch) -> None:
    monkeypatch.setattr(scard, "SCardEstablishContext", lambda _: (scard.SCARD_E_NO_SERVICE, 0))
    with pytest.raises(PcscUnavailable):
        PcscBus().open()


def test_the_data_of_a_failed_transmit_is_never_looked_at(monkeypatch) -> None:
    monkeypatch.setattr(scard, "SCardTransmit", lambda *_: (scard.SCARD_E_NO_SERVICE, [0x90, 0x00]))
    with pytest.raises(PcscUnavailable):
        PcscConnection(0, 2, b"").transmit(b"\0\x20\0\x80")


def test_an_empty_answer_is_a_card_that_died(monkeypatch) -> None:
    monkeypatch.setattr(scard, "SCardTransmit", lambda *_: (0, []))
    with pytest.raises(CardRemoved):
        PcscConnection(0, 2, b"").transmit(b"\0\x20\0\x80")


def test_a_card_that_goes_as_it_is_connected_leaves_no_handle(monkeypatch) -> None:
    closed: list[tuple[int, int]] = []
    monkeypatch.setattr(scard, "SCardConnect", lambda *_: (0, 42, 2))
    monkeypatch.setattr(scard, "SCardStatus", lambda _: (scard.SCARD_W_REMOVED_CARD, "", 0, 0, []))
    monkeypatch.setattr(scard, "SCardDisconnect", lambda *args: closed.append(args))
    with pytest.raises(CardRemoved):
        PcscContext(None).connect("a")
    assert closed == [(42, scard.SCARD_LEAVE_CARD)]
