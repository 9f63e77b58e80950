"""Which sites may do what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from bridged.errors import SiteNotAllowed
from bridged.model import Grant
from bridged.sites.managed import ManagedPolicy, Pattern
from bridged.sites.policy import PROGRAM_GRANTS, QUIET, Site, SitePolicy, Source
from bridged.sites.store import How, Remembered

ALLOWED, OTHER = "https://portal.example", "https://other.example"


@dataclass
class Clock:
    now: datetime = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def grants(policy: SitePolicy, origin: str) -> frozenset[Grant]:
    site = policy.site(origin)
    assert site is not None
    return site.grants


def test_a_site_has_the_grants_it_was_given_and_no_others() -> None:
    policy = SitePolicy({"https://portal.example": frozenset({Grant.CERTIFICATES})})
    site = policy.site("https://portal.example")
    assert site is not None
    site.require(Grant.CERTIFICATES)
    for grant in (Grant.SIGN, Grant.PAGE_PIN):
        with pytest.raises(SiteNotAllowed) as caught:
            site.require(grant)
        assert (caught.value.origin, caught.value.grant) == ("https://portal.example", grant)


def test_a_site_without_grants_is_known_and_may_nothing() -> None:
    site = SitePolicy({"https://portal.example": frozenset()}).site("https://portal.example")
    assert site is not None
    with pytest.raises(SiteNotAllowed):
        site.require(Grant.CERTIFICATES)


@pytest.mark.parametrize(
    "origin", ["null", "", "https://portal.example/", "HTTPS://PORTAL.EXAMPLE"]
)
def test_any_other_text_is_not_allowed(origin: str) -> None:
    assert SitePolicy({"https://portal.example": frozenset(Grant)}).site(origin) is None


def test_a_program_may_do_what_its_user_may() -> None:
    program = Site(None, PROGRAM_GRANTS)
    for grant in Grant:
        program.require(grant)


def test_a_program_that_lacks_a_grant_is_named_as_one() -> None:
    with pytest.raises(SiteNotAllowed, match="program"):
        Site(None, frozenset()).require(Grant.SIGN)


def test_a_site_that_nobody_met_may_connect_and_do_nothing() -> None:
    policy = SitePolicy({ALLOWED: frozenset(Grant)})
    assert policy.site(OTHER) == Site(OTHER, frozenset())


def test_the_list_is_the_policys_own() -> None:
    allowed = {ALLOWED: frozenset(Grant)}
    policy = SitePolicy(allowed)
    allowed[OTHER] = frozenset(Grant)
    assert policy.site(OTHER) == Site(OTHER, frozenset())


def test_what_the_person_grants_adds_to_the_settings() -> None:
    policy = SitePolicy({ALLOWED: frozenset({Grant.CERTIFICATES})})
    policy.grant(ALLOWED, [Grant.SIGN], How.PROMPT)
    assert grants(policy, ALLOWED) == {Grant.CERTIFICATES, Grant.SIGN}
    assert policy.forget(ALLOWED)
    assert grants(policy, ALLOWED) == {Grant.CERTIFICATES}
    assert not policy.forget(ALLOWED)


def test_a_grant_is_remembered_with_its_date_and_how_it_came(clock: Clock) -> None:
    policy = SitePolicy({}, clock=clock)
    policy.grant(OTHER, [Grant.SIGN], How.COMMAND)
    assert policy.store.sites == {
        OTHER: Remembered(origin=OTHER, grants=(Grant.SIGN,), at=clock.now, how=How.COMMAND)
    }


def test_a_denial_keeps_the_site_quiet_for_a_while_and_takes_nothing_away(clock: Clock) -> None:
    policy = SitePolicy({}, clock=clock)
    policy.grant(OTHER, [Grant.CERTIFICATES], How.PROMPT)
    assert policy.quiet_s(OTHER) == 0
    policy.deny(OTHER, How.PROMPT, never=False)
    assert policy.quiet_s(OTHER) == QUIET.total_seconds()
    assert grants(policy, OTHER) == {Grant.CERTIFICATES}
    clock.now += QUIET
    assert policy.quiet_s(OTHER) == 0


def test_a_site_that_is_denied_for_good_does_not_connect_until_it_is_forgotten() -> None:
    policy = SitePolicy({})
    policy.grant(OTHER, [Grant.CERTIFICATES], How.PROMPT)
    policy.deny(OTHER, How.COMMAND, never=True)
    assert policy.site(OTHER) is None
    assert policy.quiet_s(OTHER) is None
    policy.forget(OTHER)
    assert policy.site(OTHER) == Site(OTHER, frozenset())


def test_the_settings_win_over_a_denial() -> None:
    policy = SitePolicy({ALLOWED: frozenset({Grant.SIGN})})
    policy.deny(ALLOWED, How.PROMPT, never=True)
    assert grants(policy, ALLOWED) == {Grant.SIGN}
    assert policy.settled(ALLOWED) is Source.SETTINGS


def test_what_the_administrator_allows_is_all_there_is() -> None:
    managed = ManagedPolicy(allow=((Pattern.parse(ALLOWED), frozenset({Grant.CERTIFICATES})),))
    policy = SitePolicy({ALLOWED: frozenset(Grant)}, managed=managed)
    policy.grant(ALLOWED, Grant, How.PROMPT)
    assert grants(policy, ALLOWED) == {Grant.CERTIFICATES}
    assert policy.settled(ALLOWED) is Source.ADMINISTRATOR
    assert policy.quiet_s(ALLOWED) is None


def test_where_the_administrator_allows_nothing_nobody_else_can() -> None:
    managed = ManagedPolicy(allow=((Pattern.parse(ALLOWED), frozenset()),))
    policy = SitePolicy({ALLOWED: frozenset(Grant)}, managed=managed)
    policy.grant(ALLOWED, Grant, How.PROMPT)
    assert grants(policy, ALLOWED) == set()
    assert policy.settled(ALLOWED) is Source.ADMINISTRATOR
    assert policy.quiet_s(ALLOWED) is None


def test_what_the_administrator_denies_does_not_connect() -> None:
    managed = ManagedPolicy(deny=(Pattern.parse(ALLOWED),))
    policy = SitePolicy({ALLOWED: frozenset(Grant)}, managed=managed)
    assert policy.site(ALLOWED) is None
    assert policy.settled(ALLOWED) is Source.ADMINISTRATOR


def test_under_managed_only_no_other_site_connects() -> None:
    managed = ManagedPolicy(
        managed_only=True, allow=((Pattern.parse(ALLOWED), frozenset({Grant.SIGN})),)
    )
    policy = SitePolicy({OTHER: frozenset(Grant)}, managed=managed)
    policy.grant(OTHER, Grant, How.COMMAND)
    assert policy.site(OTHER) is None
    assert grants(policy, ALLOWED) == {Grant.SIGN}
    assert [(each.origin, each.overruled) for each in policy.decisions()] == [
        (ALLOWED, False),
        (OTHER, True),  # of the settings
        (OTHER, True),  # of the person
    ]


def test_every_decision_is_listed_the_administrators_first() -> None:
    managed = ManagedPolicy(
        allow=((Pattern.parse("https://*.pref.example.jp"), frozenset({Grant.SIGN})),),
        deny=(Pattern.parse("https://evil.example"),),
    )
    policy = SitePolicy({ALLOWED: frozenset(Grant)}, managed=managed)
    policy.grant(OTHER, [Grant.SIGN], How.PROMPT)
    policy.deny("https://no.example", How.PROMPT, never=True)
    assert [(each.origin, each.source, each.denied) for each in policy.decisions()] == [
        ("https://evil.example", Source.ADMINISTRATOR, True),
        ("https://*.pref.example.jp", Source.ADMINISTRATOR, False),
        (ALLOWED, Source.SETTINGS, False),
        ("https://no.example", Source.PERSON, True),
        (OTHER, Source.PERSON, False),
    ]
    assert not any(each.overruled for each in policy.decisions())
