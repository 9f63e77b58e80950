"""入札情報サービス: every filter finds what it names, and a query from anywhere is harmless."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import select

from portal_demo import fulltext
from portal_demo.clock import JST
from portal_demo.models import Notice
from portal_demo.notices import AGENCIES, KINDS, PER_PAGE, PROCUREMENTS, Search, find
from portal_demo.pages import PORTAL

PATH = "/bid-information"


@pytest.fixture
def all_notices(app, server):
    async def read() -> list[Notice]:
        async with app[PORTAL].database.transaction() as db:
            return list(await db.scalars(select(Notice)))

    return read


def numbers(page) -> list[str]:
    return re.findall(r'<dd class="mono">([A-Z]{2}-\d{4}-\d{4})</dd>', page.text)


async def every_number(visitor, query: str) -> list[str]:
    found, page = [], 1
    while len(found) % PER_PAGE == 0:
        more = numbers(await visitor.get(f"{PATH}?{query}&page={page}"))
        if not more or more[0] in found:
            break
        found += more
        page += 1
    return found


@pytest.mark.parametrize(
    ("name", "values"),
    [("kind", KINDS), ("procurement", PROCUREMENTS), ("agency", AGENCIES)],
)
async def test_a_filter_finds_its_own_and_nothing_else(visitor, all_notices, name, values):
    for value in values:
        wanted = {n.number for n in await all_notices() if getattr(n, name) == value}
        assert wanted
        assert set(await every_number(visitor, f"{name}={value}")) == wanted


async def test_all_notices_are_paged_newest_first(visitor, all_notices):
    stored = sorted(await all_notices(), key=lambda n: (n.published, n.number), reverse=True)
    assert await every_number(visitor, "q=") == [notice.number for notice in stored]
    page = await visitor.get(PATH)
    assert f"{len(stored)}件の案件" in page.text
    assert 'aria-current="page"' in page.text


async def test_a_period_takes_its_first_and_last_day(visitor, all_notices, clock):
    today = clock().astimezone(JST).date()
    begin, end = today - timedelta(10), today - timedelta(5)
    wanted = {n.number for n in await all_notices() if begin <= n.published <= end}
    assert wanted
    assert set(await every_number(visitor, f"from={begin}&to={end}")) == wanted


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ("除雪", "除雪車両（除雪ドーザ11t級）の購入"),
        ("ＬＥＤ　照明", "庁舎用LED照明器具の購入"),
        ("led 180本", "庁舎用LED照明器具の購入"),
        ("ambulance", "高規格救急自動車の購入"),
        ("橋", "橋りょう定期点検業務委託"),
        ("不調", "村営住宅外壁塗装工事"),
    ],
)
async def test_words_are_found_in_any_width_length_and_language(visitor, words, title):
    page = await visitor.get(f"{PATH}?q={quote(words)}")
    assert title in page.text
    assert len(numbers(page)) == 1


@pytest.mark.parametrize(
    "words", ["存在しない案件", "除雪 給食", "xyzzy", '"', "''--", "a*b", "(x"]
)
async def test_what_is_not_there_is_said_to_be_not_there(visitor, words):
    page = await visitor.get(f"{PATH}?q={quote(words)}")
    assert page.status == 200
    assert "条件に合う案件はありません" in page.element("none-found")


@pytest.mark.parametrize("wildcard", ["%", "_", "%%%"])
async def test_wildcards_mean_nothing(visitor, all_notices, wildcard):
    assert len(await every_number(visitor, f"q={quote(wildcard)}")) == len(await all_notices())
    assert not set("%_") & set(fulltext.normalize(f"1{wildcard}2"))


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=99999", "page=x", "page=１", "from=x&to=2026-99-99",
     "kind=evil&agency=<script>", "q=" + "あ" * 500],
)  # fmt: skip
async def test_a_query_that_somebody_wrote_by_hand_is_harmless(visitor, query):
    page = await visitor.get(f"{PATH}?{quote(query, safe='=&')}")
    assert page.status == 200
    assert "<script>" not in page.text


async def test_markup_in_the_words_stays_text(visitor):
    hostile = quote('"><img src=x onerror=alert(1)>')
    page = await visitor.get(f"{PATH}?q={hostile}")
    assert "<img" not in page.text


async def test_a_notice_has_a_page_that_leads_back_to_the_search(visitor):
    listed = await visitor.get(f"{PATH}?procurement=small&q={quote('アルファ米')}")
    link = re.search(rf'href="({PATH}/SB-[^"]+)"', listed.text).group(1).replace("&amp;", "&")
    page = await visitor.get(link)
    assert "災害備蓄用アルファ米の購入" in page.element("main")
    assert "2026年06月10日 17時00分" in page.element("notice-deadline")
    back = re.search(r'id="back" href="([^"]+)"', page.text).group(1).replace("&amp;", "&")
    assert numbers(await visitor.get(back)) == numbers(listed)


async def test_a_closed_notice_says_so(visitor, clock):
    listed = await visitor.get(f"{PATH}?q={quote('選挙')}")
    number = numbers(listed)[0]
    assert "締め切られました" not in (await visitor.get(f"{PATH}/{number}")).text
    clock.advance(days=4)
    assert "締め切られました" in (await visitor.get(f"{PATH}/{number}")).text


@pytest.mark.parametrize("number", ["BE-2026-9999", "x", "BE-2026-0001x"])
async def test_an_unknown_notice_is_no_page(visitor, number):
    assert (await visitor.get(f"{PATH}/{quote(number)}")).status == 404


async def test_notices_are_there_in_english(visitor):
    page = await visitor.get(PATH, headers={"Accept-Language": "en"})
    assert "Dried rice for the disaster stock" in page.text
    assert "アルファ米" not in page.text


async def test_the_index_answers_short_words_too(app, server):
    async with app[PORTAL].database.transaction() as db:
        assert (await find(db, Search(words="米"))).total == 1
        assert await fulltext.find_any(db, "notice", ["アルファ米", "橋"])
        assert not await fulltext.find_all(db, "notice", ["アルファ米", "橋"])


def test_a_sentence_is_about_its_words():
    assert fulltext.terms_of("ＰＩＮ番号を間違えたら、どうなりますか？") == ["pin", "番号", "間違"]
    assert fulltext.terms_of("What can I do if the card reader is not found?") == [
        "card", "reader", "found",
    ]  # fmt: skip
