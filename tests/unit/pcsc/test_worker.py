"""One thread per reader: jobs in order, each in a transaction, whatever happens to the card."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError

import pytest

from bridged.errors import (
    CardFault,
    CardInUse,
    CardMute,
    CardRemoved,
    NoCard,
    NoReader,
    PcscUnavailable,
)
from bridged.pcsc import worker as module
from bridged.pcsc.apdu import Command
from bridged.pcsc.bus import CardReset
from bridged.pcsc.channel import Channel
from bridged.pcsc.worker import Worker

WAIT_S = 10.0
SELECT_PIV = Command(0x00, 0xA4, 0x04, 0x00, bytes.fromhex("A000000308"), 256)
VERIFY = Command(0x00, 0x20, 0x00, 0x80, b"123456\xff\xff")
ASK_PIN = Command(0x00, 0x20, 0x00, 0x80)


def select(channel: Channel) -> int:
    return channel.transmit(SELECT_PIV).sw


def unlock(channel: Channel) -> int:
    select(channel)
    return channel.transmit(VERIFY).sw


def ask(channel: Channel) -> int:
    select(channel)
    return channel.transmit(ASK_PIN).sw


class FleetingQueue(queue.SimpleQueue):
    """A queue for which idle time passes at once, and is infinite where there is no time-out."""

    def get(self, block: bool = True, timeout: float | None = None) -> object:  # noqa: FBT001, FBT002
        if timeout is None:
            return super().get()
        return super().get(block=False)


@pytest.fixture
def make_worker(bus) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(reader: str = bus.reader, *, linger_s: float = 0.0) -> Worker:
        workers.append(Worker(bus, reader, linger_s=linger_s))
        return workers[-1]

    yield make
    for each in workers:
        each.close()
        each.join(WAIT_S)
        assert not each._thread.is_alive()


def result(worker: Worker, job: Callable[[Channel], object]) -> object:
    return worker.submit(job).result(WAIT_S)


def test_a_job_runs_in_a_transaction_of_its_own(with_card, make_worker) -> None:
    worker = make_worker()
    first = result(worker, lambda channel: (select(channel), channel.transaction))
    second = result(worker, lambda channel: (select(channel), channel.transaction))
    assert first[0] == second[0] == 0x9000
    assert first[1] != second[1]
    assert with_card.seen() == ["open", "connect", "begin", "end", "begin", "end"]


def test_jobs_that_follow_each_other_share_a_transaction(with_card, make_worker) -> None:
    worker = make_worker(linger_s=WAIT_S)
    transactions = {result(worker, lambda channel: channel.transaction) for _ in range(3)}
    assert len(transactions) == 1
    assert with_card.seen() == ["open", "connect", "begin"]
    worker.disconnect(reset=False)


def test_a_transaction_ends_when_no_job_follows(with_card, make_worker) -> None:
    worker = make_worker(linger_s=0.001)
    first = result(worker, lambda channel: channel.transaction)
    with_card.await_call("end")
    assert result(worker, lambda channel: channel.transaction) != first


def test_an_old_transaction_takes_no_further_job(with_card, make_worker, monkeypatch) -> None:
    monkeypatch.setattr(module, "HOLD_S", 0.0)
    worker = make_worker(linger_s=WAIT_S)
    first, second = (result(worker, lambda channel: channel.transaction) for _ in range(2))
    assert first != second
    assert with_card.seen() == ["open", "connect", "begin", "end", "begin"]
    worker.disconnect(reset=False)


def test_a_job_that_fails_ends_the_transaction_it_shared(with_card, make_worker) -> None:
    worker = make_worker(linger_s=WAIT_S)
    result(worker, select)

    def fault(_: Channel) -> None:
        raise CardFault(sw="6F00")

    with pytest.raises(CardFault):
        result(worker, fault)
    assert with_card.seen() == ["open", "connect", "begin", "end"]


def test_a_card_that_leaves_between_two_jobs_is_removed(with_card, make_worker, cards) -> None:
    worker = make_worker(linger_s=WAIT_S)
    result(worker, select)
    with_card.real.remove(0)
    with pytest.raises(CardRemoved):
        result(worker, select)
    with_card.real.insert(0, cards["ebid"])
    assert result(worker, select) == 0x9000
    worker.disconnect(reset=False)


def test_jobs_run_in_the_order_they_came(with_card, make_worker) -> None:
    worker, ran = make_worker(), []
    for future in [worker.submit(lambda _, i=i: ran.append(i)) for i in range(50)]:
        future.result(WAIT_S)
    assert ran == list(range(50))


def test_the_channel_is_extended_where_the_atr_says_so(with_card, make_worker) -> None:
    assert result(make_worker(), lambda channel: channel.extended) is True


def test_a_job_that_fails_ends_its_transaction_and_keeps_the_connection(
    with_card, make_worker
) -> None:
    worker = make_worker()

    def fault(_: Channel) -> None:
        raise CardFault(sw="6F00")

    with pytest.raises(CardFault):
        result(worker, fault)
    assert result(worker, select) == 0x9000
    assert with_card.seen() == ["open", "connect", "begin", "end", "begin", "end"]


def test_a_job_cancelled_before_it_begins_is_passed_over_and_forgotten(
    with_card, make_worker
) -> None:
    worker, go, ran = make_worker(), threading.Event(), []

    class Secret:
        pass

    secret = Secret()
    gone = weakref.ref(secret)
    running = worker.submit(lambda _: go.wait(WAIT_S))
    cancelled = worker.submit(lambda _, secret=secret: ran.append(secret))
    del secret
    assert cancelled.cancel()
    last = worker.submit(lambda _: gone() is None)
    go.set()
    assert running.result(WAIT_S)
    with pytest.raises(CancelledError):
        cancelled.result(WAIT_S)
    last.result(WAIT_S)
    assert ran == []


def test_what_a_job_held_is_let_go_before_the_next_comes(with_card, make_worker) -> None:
    worker = make_worker()
    freed = threading.Event()

    class Secret:
        pass

    secret = Secret()
    weakref.finalize(secret, freed.set)
    worker.submit(lambda _, secret=secret: None).result(WAIT_S)
    del secret
    assert freed.wait(WAIT_S)


def test_a_job_that_runs_is_not_interrupted(with_card, make_worker) -> None:
    worker, go, started = make_worker(), threading.Event(), threading.Event()

    def job(channel: Channel) -> int:
        started.set()
        go.wait(WAIT_S)
        return select(channel)

    future = worker.submit(job)
    assert started.wait(WAIT_S)
    assert not future.cancel()
    go.set()
    assert future.result(WAIT_S) == 0x9000


def test_a_reset_by_another_program_begins_a_new_epoch(with_card, make_worker) -> None:
    worker = make_worker()
    other = with_card.real.open().connect(with_card.reader)
    before = result(worker, lambda channel: (unlock(channel), channel.epoch))
    other.close(reset=True)
    after = result(worker, lambda channel: (ask(channel), channel.epoch))
    assert (before[0], after[0]) == (0x9000, 0x63C3)
    assert before[1] != after[1]
    assert with_card.seen()[-4:] == ["begin", "reconnect", "begin", "end"]


def test_a_card_that_another_program_powered_off_is_connected_anew(with_card, make_worker) -> None:
    worker = make_worker()
    epoch = result(worker, lambda channel: channel.epoch)
    with_card.faults["begin"] = [CardMute()]
    with_card.seen()
    assert result(worker, lambda channel: channel.epoch) != epoch
    assert with_card.seen() == ["begin", "close", "connect", "begin", "end"]


def test_a_card_that_is_mute_from_the_beginning_is_told(with_card, make_worker) -> None:
    with_card.faults["begin"] = [CardMute()]
    with pytest.raises(CardMute):
        result(make_worker(), select)
    assert with_card.seen() == ["open", "connect", "begin", "close"]


def test_removal_in_a_job_is_card_removed_and_the_next_card_is_a_new_connection(
    with_card, make_worker, cards
) -> None:
    worker = make_worker()

    def pulled(channel: Channel) -> int:
        with_card.real.remove(0)
        return select(channel)

    with pytest.raises(CardRemoved):
        result(worker, pulled)
    with pytest.raises(NoCard):
        result(worker, select)
    with_card.real.insert(0, cards["ebid"])
    assert result(worker, select) == 0x9000
    assert with_card.seen().count("connect") == 3


def test_a_reset_in_the_middle_of_a_job_is_card_removed(with_card, make_worker) -> None:
    worker = make_worker()
    with_card.faults["transmit"] = [CardReset()]
    with pytest.raises(CardRemoved):
        result(worker, select)
    assert result(worker, select) == 0x9000
    assert with_card.seen().count("connect") == 2


def test_a_transaction_of_another_program_is_waited_for(with_card, make_worker) -> None:
    worker = make_worker()
    with_card.faults["begin"] = [CardInUse(), CardInUse()]
    assert result(worker, select) == 0x9000
    assert with_card.seen().count("connect") == 1


def test_a_card_in_use_for_long_fails_the_job_and_keeps_the_connection(
    with_card, make_worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.pcsc.worker.IN_USE_S", 0.0)
    worker = make_worker()
    result(worker, select)
    with_card.faults["begin"] = [CardInUse()] * 2
    with pytest.raises(CardInUse):
        result(worker, select)
    with_card.faults["begin"] = []
    assert result(worker, select) == 0x9000
    assert with_card.seen().count("connect") == 1


def test_a_card_that_is_reset_again_and_again_is_in_use(
    with_card, make_worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.pcsc.worker.IN_USE_S", 0.0)
    worker = make_worker()
    result(worker, select)
    with_card.faults["begin"] = [CardReset()] * 100
    with pytest.raises(CardInUse):
        result(worker, select)


@pytest.mark.parametrize("call", ["open", "connect", "begin", "transmit"])
def test_a_service_that_ended_is_opened_anew(with_card, make_worker, call: str) -> None:
    worker = make_worker()
    with_card.faults[call] = [PcscUnavailable()]
    with pytest.raises(PcscUnavailable):
        result(worker, select)
    with_card.seen()
    assert result(worker, select) == 0x9000
    assert with_card.seen() == ["open", "connect", "begin", "end"]


def test_a_reader_that_is_not_there_is_told(make_worker) -> None:
    with pytest.raises(NoReader):
        result(make_worker("no such reader"), select)


@pytest.mark.parametrize(("reset", "answer"), [(True, 0x63C3), (False, 0x9000)])
def test_a_disconnect_with_reset_makes_the_card_forget_the_pin(
    with_card,
    make_worker,
    reset: bool,  # noqa: FBT001
    answer: int,
) -> None:
    worker = make_worker()
    assert result(worker, unlock) == 0x9000
    worker.disconnect(reset=reset)
    assert result(worker, ask) == answer
    assert ("close, reset" if reset else "close") in with_card.seen()


def test_an_idle_connection_is_closed_and_opened_when_it_is_needed(
    with_card, make_worker, monkeypatch
) -> None:
    monkeypatch.setattr(module.queue, "SimpleQueue", FleetingQueue)
    worker = make_worker()
    epoch = result(worker, lambda channel: channel.epoch)
    with_card.await_call("close")
    assert result(worker, lambda channel: channel.epoch) != epoch
    with_card.await_call("close")


def test_a_kept_connection_outlasts_idle_time(with_card, make_worker, monkeypatch) -> None:
    monkeypatch.setattr(module.queue, "SimpleQueue", FleetingQueue)
    worker = make_worker()
    worker.keep_connected(keep=True)
    assert result(worker, unlock) == 0x9000
    assert result(worker, ask) == 0x9000
    assert "close" not in with_card.seen()
    worker.keep_connected(keep=False)
    with_card.await_call("close")


def test_the_end_comes_after_what_is_queued_and_resets_the_card(with_card, cards) -> None:
    worker = Worker(with_card, with_card.reader, linger_s=0.0)
    futures = [worker.submit(unlock) for _ in range(5)]
    worker.close()
    worker.join(WAIT_S)
    assert [future.result(0) for future in futures] == [0x9000] * 5
    assert not cards["ebid"].pins["pin"].verified
    assert with_card.seen()[-2:] == ["close, reset", "release"]


def test_a_worker_that_never_had_a_job_ends(bus) -> None:
    worker = Worker(bus, bus.reader)
    worker.close()
    worker.join(WAIT_S)
    assert bus.seen() == []


# ---- jobs that run apart, beside a companion ----


class Recorded:
    """A companion whose end is written down among the calls of the bus."""

    def __init__(self, bus) -> None:
        self.bus = bus

    def end(self) -> None:
        self.bus.note("companion ends")


def generation(bus) -> int:
    return bus.real.open().generation(bus.reader)


def with_companion(worker: Worker, bus) -> Callable[[], str]:
    def job() -> str:
        worker.companion = Recorded(bus)
        return "done"

    return job


def test_a_job_apart_runs_without_a_connection_of_ours(with_card, make_worker) -> None:
    worker = make_worker()
    result(worker, select)
    with_card.seen()
    here = generation(with_card)
    assert worker.submit_apart(here, with_card.seen).result(WAIT_S) == [
        "close",
        "generation",
    ]


def test_a_job_goes_on_apart_before_any_other(with_card, make_worker) -> None:
    worker, order = make_worker(), []
    here = generation(with_card)

    def apart() -> str:
        order.append("apart")
        return "done"

    def native(_: Channel) -> str:
        worker.submit(lambda _: order.append("next"))
        raise module.Apart(here, apart)

    assert result(worker, native) == "done"
    result(worker, select)
    assert order == ["apart", "next"]


def test_a_job_apart_is_for_its_own_insertion(with_card, make_worker) -> None:
    worker = make_worker()
    with pytest.raises(CardRemoved):
        worker.submit_apart(generation(with_card) + 1, lambda: None).result(WAIT_S)


def test_a_companion_is_ended_and_then_the_card_reset(with_card, make_worker) -> None:
    worker = make_worker()
    worker.submit_apart(generation(with_card), with_companion(worker, with_card)).result(WAIT_S)
    with_card.seen()
    worker.disconnect(reset=True)
    with_card.await_call("companion ends")
    with_card.await_call("connect")
    with_card.await_call("close, reset")
    result(worker, select)
    assert "companion ends" not in with_card.seen()


def test_a_card_that_another_program_resets_after_a_companion_ends_no_thread(
    with_card, make_worker
) -> None:
    worker = make_worker()
    worker.submit_apart(generation(with_card), with_companion(worker, with_card)).result(WAIT_S)
    with_card.faults["connect"] = [CardReset()]
    worker.disconnect(reset=True)
    assert result(worker, select) == 0x9000


def test_an_idle_companion_is_ended_unless_a_pin_is_verified(
    with_card, make_worker, monkeypatch
) -> None:
    worker = make_worker()
    worker.keep_connected(keep=True)
    worker.submit_apart(generation(with_card), with_companion(worker, with_card)).result(WAIT_S)
    monkeypatch.setattr(module, "COMPANION_IDLE_S", 0.01)
    assert worker._patience_s() is None
    worker.keep_connected(keep=False)
    with_card.await_call("companion ends")
