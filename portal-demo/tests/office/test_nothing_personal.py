"""What the log and the metrics tell of a day at the portal: nothing about a person."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from post_office import Listening, PostOffice

from portal_demo.app import METRICS, create_app
from portal_demo.logs import JsonLines
from portal_demo.office.demo import OFFICERS, PASSWORD

FIRST = "20260604-000001"
QUESTION = {
    "name": "質問 三郎",
    "company": "質問株式会社",
    "mail": "saburo@example.jp",
    "question": "いつですか",
}
REASON = "印鑑登録証明書と名義が異なります。"
ANSWER = "5日です。"


@pytest.fixture
async def post_office():
    """A mail server that knows nobody, and repeats whom it was asked about."""
    office = PostOffice(data="550 5.1.1 <test@example.jp>: User unknown")
    listening = Listening(office)
    await listening.open()
    yield office
    listening.close()


def personal(tools) -> list[str]:
    officers = [word for login, name, _ in OFFICERS for word in (f"{login}@", name)]
    return [
        *tools.FORM.values(), *tools.USER.values(), *QUESTION.values(), *officers, PASSWORD, REASON,
        ANSWER, "1234567890", FIRST, "長野 太郎", "Nagano Taro", "IT Gyosha", "@example.jp", "User unknown",
    ]  # fmt: skip


async def test_a_day_at_both_sides_leaves_nothing_personal_behind(
    caplog, settings, clock, tools, card, post_office, clerk_at
):
    caplog.set_level(logging.INFO)  # as `logs.configure` does
    mail = {"smtp_host": "127.0.0.1", "smtp_port": post_office.port, "smtp_security": "none"}
    app = create_app(
        msgspec.structs.replace(settings, **mail, mail_from="portal@portal.test"), clock
    )
    async with (
        TestServer(app) as server,
        TestClient(server) as bidders,
        TestClient(server) as officers,
        TestClient(server) as watching,
    ):
        bidder, clerk = tools.Visitor(bidders), clerk_at(app, officers)
        await bidder.reach_confirmation(card)
        assert (await bidder.register(card)).status == 200
        await bidder.log_in_user(password="wrongone1")
        page = await bidder.get("/questions/contact")
        asked = await bidder.post_form(
            "/questions/contact", **QUESTION, token=page.hidden("token"), screen="7"
        )
        question = asked.element("inquiry-number")
        await clerk.try_log_in("shinsa01", password="wrong-one-2")
        clock.advance(minutes=1)
        await clerk.log_in()
        await clerk.get("/office/applications", params={"q": "IT業者電子01"})
        assert (await clerk.decide(FIRST, "reject", REASON)).element("status") == "不受理"
        await clerk.post(f"/office/questions/{question}", answer=ANSWER, seen="0")
        await clerk.confirm("/office/users/1/reset")
        await clerk.get(f"/office/applications/{FIRST}/files/application-{FIRST}.json")
        assert (await watching.get("/nowhere/test@example.jp?q=長野 太郎")).status == 404
        async with watching.request("PROPFIND", "/x") as answer:
            assert answer.status in {404, 405}
        await post_office.wait_for(4)
        async with TestClient(TestServer(app[METRICS].app())) as client:
            metrics = await (await client.get("/metrics")).text()
    # `serve` writes no access log; the mail server writes one of its own.
    ours = [one for one in caplog.records if one.name not in {"aiohttp.access", "mail.log"}]
    lines = [json.loads(JsonLines().format(record)) for record in ours]
    assert {line["logger"] for line in lines} >= {"portal_demo.logs", "portal_demo.mail.worker"}
    assert any("was not sent: 550 5.1.1" in line["message"] for line in lines)
    told = json.dumps(lines, ensure_ascii=False) + metrics
    assert [value for value in personal(tools) if value in told] == []
    assert 'method="other",route="(none)"' in metrics
    assert "PROPFIND" not in metrics
