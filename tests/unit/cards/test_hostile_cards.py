"""Whatever a card says, what comes of it is a typed error, or no harm."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridged.cards import registry
from bridged.pcsc.channel import Channel

from .conftest import PIV_PINS, native_kinds
from .subjects import NativeSubject
from .use import attempt, use_everything

pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
"""Numbers that RFC 5280 forbids are warned of, not refused."""

STATUS = [0x9000, 0x6100, 0x6110, 0x6C00, 0x6C10, 0x6282, 0x6300, 0x63C0, 0x63C1, 0x63C3, 0x6982]
STATUS += [0x6983, 0x6984, 0x6985, 0x6A80, 0x6A82, 0x6B00, 0x6D00, 0x6F00, 0x0000, 0xFFFF]
ANYTHING = st.lists(
    st.builds(
        lambda data, sw: data + sw.to_bytes(2, "big"),
        st.binary(max_size=40)
        | st.sampled_from([b"\x53\x82\xff\xff\x70", b"\x30\x82\xff\xff", b"\x30\x82\x1f\xff\x30"]),
        st.sampled_from(STATUS) | st.integers(0, 0xFFFF),
    )
    | st.just(b"")
    | st.just(b"\x90"),
    min_size=1,
    max_size=40,
)


@given(ANYTHING)
@settings(max_examples=300)
def test_whatever_a_card_answers_only_typed_errors_come_of_it(answers: list[bytes]) -> None:
    turn = 0

    def send(_: bytes) -> bytes:
        nonlocal turn
        turn += 1
        return answers[turn % len(answers)]

    channel = Channel()
    channel.attach(send, extended=False)
    attempt(lambda: use_everything(registry.detect(channel), PIV_PINS))
    assert turn < 10_000


@pytest.mark.parametrize("kind", native_kinds(), indirect=True)
@given(
    number=st.integers(0, 12),
    place=st.floats(0, 1, exclude_max=True),
    bits=st.none() | st.integers(1, 255),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_answer_is_a_typed_error_or_no_harm(
    subject: NativeSubject, number: int, place: float, bits: int | None
) -> None:
    """One answer is cut off before its status word (`bits` None) or has bits turned over."""
    subject.mend()
    turn = 0

    def send(apdu: bytes) -> bytes:
        nonlocal turn
        turn += 1
        answer = bytearray(subject.card.transmit(apdu))
        at = int(place * len(answer))
        if turn - 1 != number:
            return bytes(answer)
        if bits is None:
            del answer[at:-2]
        else:
            answer[at] ^= bits
        return bytes(answer)

    subject.channel.attach(send, extended=subject.channel.extended)
    attempt(lambda: use_everything(subject.found_by_registry(), subject.pins))
    assert turn > 1
