from __future__ import annotations

import base64

import pytest

from portal_demo import challenges, sessions
from portal_demo.challenges import Purpose
from portal_demo.errors import ChallengeExpired, ChallengeUnknown
from portal_demo.rows import sweep_last

LOGIN, SIGN = Purpose.LOGIN, Purpose.SIGN


@pytest.fixture
async def db(database):
    async with database.transaction() as transaction:
        yield transaction


@pytest.fixture
async def session(db, clock):
    return (await sessions.start(db, clock))[0]


def test_a_challenge_is_32_random_bytes_in_base64():
    values = {challenges.new_value() for _ in range(100)}
    assert len(values) == 100
    for value in values:
        assert len(value) == 44
        assert len(base64.b64decode(value, validate=True)) == 32


async def test_a_challenge_is_good_once(db, session, clock):
    value = await challenges.issue(db, session, LOGIN, clock)
    taken = await challenges.consume(db, session, LOGIN, value, clock)
    taken.require_fresh()
    assert taken.value == value
    with pytest.raises(ChallengeUnknown):
        await challenges.consume(db, session, LOGIN, value, clock)


async def test_a_challenge_is_good_for_less_than_five_minutes(db, session, clock):
    value = await challenges.issue(db, session, LOGIN, clock)
    late = await challenges.issue(db, session, LOGIN, clock)
    clock.advance(minutes=5, seconds=-1)
    (await challenges.consume(db, session, LOGIN, value, clock)).require_fresh()
    clock.advance(seconds=1)
    taken = await challenges.consume(db, session, LOGIN, late, clock)
    with pytest.raises(ChallengeExpired):
        taken.require_fresh()
    with pytest.raises(ChallengeUnknown):
        await challenges.consume(db, session, LOGIN, late, clock)


async def test_a_challenge_is_good_for_its_session_and_purpose_only(db, session, clock):
    other, _ = await sessions.start(db, clock)
    value = await challenges.issue(db, session, LOGIN, clock)
    for whose, purpose in [(other, LOGIN), (session, SIGN), (other, SIGN)]:
        with pytest.raises(ChallengeUnknown):
            await challenges.consume(db, whose, purpose, value, clock)
    (await challenges.consume(db, session, LOGIN, value, clock)).require_fresh()


@pytest.mark.parametrize("value", ["", "A" * 44, "' OR 1=1 --"])
async def test_a_challenge_nobody_gave_is_unknown(db, session, clock, value):
    await challenges.issue(db, session, LOGIN, clock)
    with pytest.raises(ChallengeUnknown):
        await challenges.consume(db, session, LOGIN, value, clock)


async def test_old_challenges_go_away(db, session, clock):
    value = await challenges.issue(db, session, LOGIN, clock)
    clock.advance(minutes=10)
    await challenges.issue(db, session, LOGIN, clock)
    await sweep_last(db)
    with pytest.raises(ChallengeUnknown):
        await challenges.consume(db, session, LOGIN, value, clock)


async def test_two_challenges_of_one_session_stand_side_by_side(db, session, clock):
    values = [await challenges.issue(db, session, SIGN, clock, document=b"%d" % n) for n in (1, 2)]
    documents = [(await challenges.consume(db, session, SIGN, v, clock)).document for v in values]
    assert documents == [b"1", b"2"]
