"""The postal code finds the address where Japan Post knows one, and never stands in the way."""

from __future__ import annotations

import pytest

from portal_demo.characters import first_forbidden
from portal_demo.postal import Address, addresses_of
from portal_demo.views.postal import LIMIT


@pytest.mark.parametrize("code", ["100-0001", "1000001"])
def test_a_code_of_one_town_gives_its_address(code):
    assert addresses_of(code) == (Address("東京都千代田区千代田"),)


def test_the_code_of_an_office_gives_its_name_and_its_lot():
    (found,) = addresses_of("380-8570")
    assert found == Address("長野県長野市大字南長野字巾下692-2", "長野県庁")


def test_a_shared_code_gives_every_town_once():
    found = [entry.address for entry in addresses_of("498-0000")]
    assert len(found) == len(set(found)) == 2
    assert any(address.startswith("三重県") for address in found)


@pytest.mark.parametrize("code", ["000-0002", "123-4567"])
def test_the_manuals_own_examples_are_simply_not_known(code):
    assert addresses_of(code) == ()


@pytest.mark.parametrize("code", ["", "100", "１００-０００１", "100-00011", "' OR 1=1"])
def test_what_is_no_code_is_no_question(code):
    with pytest.raises(ValueError, match="postal"):
        addresses_of(code)


def test_an_address_holds_what_a_form_takes():
    several_lots, long_shared = addresses_of("029-5514"), addresses_of("452-0961")
    assert len(long_shared) > 60
    for entry in (*several_lots, *long_shared):
        assert first_forbidden(entry.address) is None
        assert "、" not in entry.address


async def test_a_page_asks_for_a_code(visitor):
    answer = await visitor.get("/api/postal/100-0001")
    assert answer.json == {"addresses": [{"address": "東京都千代田区千代田", "name": None}]}
    assert answer.headers["Cache-Control"] == "private, max-age=86400"
    assert (await visitor.get("/api/postal/123-4567")).json == {"addresses": []}


async def test_another_site_asks_in_vain(visitor):
    answer = await visitor.get("/api/postal/100-0001", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status, answer.reason) == (403, "csrf-refused")


@pytest.mark.parametrize("path", ["/api/postal/abc", "/api/postal/100-000", "/api/postal/"])
async def test_a_malformed_code_is_no_page(visitor, path):
    assert (await visitor.get(path)).status == 404


async def test_asking_without_end_is_stopped_and_begins_again(visitor, clock):
    for _ in range(LIMIT.count):
        assert (await visitor.get("/api/postal/100-0001")).status == 200
    answer = await visitor.get("/api/postal/100-0001")
    assert (answer.status, answer.reason) == (429, "too-many-requests")
    clock.advance(minutes=1)
    assert (await visitor.get("/api/postal/100-0001")).status == 200
