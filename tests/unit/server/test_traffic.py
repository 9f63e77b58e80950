"""Messages are bounded for each site and for all together, and no site takes another's share."""

from __future__ import annotations

import pytest

from bridged.errors import RateLimited
from bridged.server import traffic
from bridged.server.traffic import Bucket, Flood, Share, Traffic


def heard(share: Share, now: float, times: int) -> int:
    """Return how many of so many messages are let through."""
    count = 0
    for _ in range(times):
        try:
            share.take(now)
        except RateLimited:
            continue
        count += 1
    return count


def test_a_bucket_fills_again_in_time_and_never_past_its_burst() -> None:
    bucket = Bucket(3, 2)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5) for _ in range(2)] == [True, False]
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


def test_a_site_that_sends_more_than_its_own_is_a_flood() -> None:
    share = Traffic().of("https://evil.example")
    assert heard(share, 0, traffic.SITE_TIMES * traffic.BURST) == traffic.SITE_TIMES * traffic.BURST
    with pytest.raises(Flood):
        share.take(0)


def test_many_sites_together_are_bounded_and_no_site_is_kept_from_its_share() -> None:
    all_sites = Traffic()
    each = traffic.SITE_TIMES * traffic.BURST
    sites = [all_sites.of(f"https://evil{n}.example") for n in range(10)]
    total = sum(heard(site, 0, each) for site in sites)
    assert total == traffic.ALL_TIMES * traffic.BURST + 10 * traffic.RESERVED_BURST < 10 * each
    calm = all_sites.of("https://portal.example")
    for second in range(1, 31):
        for site in sites:
            heard(site, second, traffic.SITE_TIMES * traffic.PER_S)
        assert heard(calm, second, traffic.RESERVED_PER_S) == traffic.RESERVED_PER_S


def test_programs_are_one_site_and_every_origin_is_its_own() -> None:
    all_sites = Traffic()
    assert all_sites.of(None) is all_sites.of(None)
    assert all_sites.of("https://a.example") is not all_sites.of("https://b.example")


def test_so_many_sites_are_known_and_the_one_seen_last_is_kept() -> None:
    all_sites = Traffic()
    first = all_sites.of("https://0.example")
    for n in range(1, traffic.MAX_KNOWN):
        all_sites.of(f"https://{n}.example")
    assert all_sites.of("https://0.example") is first
    second = all_sites.of("https://1.example")
    all_sites.of("https://another.example")
    assert all_sites.of("https://0.example") is first
    assert all_sites.of("https://1.example") is second
    assert len(all_sites._shares) == traffic.MAX_KNOWN
