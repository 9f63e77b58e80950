"""Which sites may do what."""

from __future__ import annotations

import pytest

from bridged.errors import SiteNotAllowed
from bridged.model import Grant
from bridged.sites.policy import PROGRAM_GRANTS, Site, SitePolicy


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


def test_sites_are_listed_in_order() -> None:
    policy = SitePolicy({f"https://{name}.example": frozenset() for name in "cab"})
    assert [site.origin for site in policy.sites()] == [f"https://{name}.example" for name in "abc"]


def test_the_list_is_the_policys_own() -> None:
    allowed = {"https://portal.example": frozenset(Grant)}
    policy = SitePolicy(allowed)
    allowed["https://evil.example"] = frozenset(Grant)
    assert policy.site("https://evil.example") is None
