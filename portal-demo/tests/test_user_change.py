"""Flow B (少額物品): without a card, by user ID and password."""

from __future__ import annotations

import asyncio
import json

import pytest
from argon2 import Type
from sqlalchemy import select

from portal_demo.errors import CompanyUnknown, NobodyRegistered, NumberMerged, PasswordWrong
from portal_demo.fields import USER_FORM, Field
from portal_demo.models import User
from portal_demo.pages import PORTAL

RECEIPT = "/small/complete/20260604-000001"
NEW = {"new_password": "henkou2026", "new_password_again": "henkou2026"}


async def reach_confirmation(visitor, **changes):
    await visitor.log_in_user()
    page = await visitor.fill_user(**changes)
    assert page.url == "/small/confirm", page.text
    return page


async def confirm(visitor):
    return await visitor.post_form("/small/confirm", confirmation=visitor.confirmation)


async def test_the_way_to_the_search_is_that_of_the_manual(visitor):
    way = ["/procurement", "/procurement/small", "/small/registration",
           "/small/registration/change", "/small/registration/menu", "/small/search"]  # fmt: skip
    labels = ["少額物品", "利用者登録", "利用者変更", "利用者登録", "変更", "検索"]
    for path, label, onward in zip(way, labels, [*way[1:], ""], strict=True):
        page = await visitor.get(path)
        assert page.status == 200
        assert label in page.text
        assert f'href="{onward}"' in page.text or not onward


async def test_a_user_changes_what_is_registered(app, visitor, tools):
    page = await visitor.log_in_user()
    assert page.url == "/small/form"
    assert page.value("contact_person") == "長野 花子"
    assert page.element("value-user_id") == "shogaku07"
    page = await visitor.fill_user()
    assert page.element("value-contact_mail") == "test@example.jp"
    assert page.element("value-new_password") == "変更しない"
    receipt = await confirm(visitor)
    assert receipt.url == RECEIPT
    assert "利用者登録完了です。" in receipt.text
    assert receipt.element("receipt-status") == "変更済"
    async with app[PORTAL].database.transaction() as db:
        user = await db.scalar(select(User))
    assert user.values["requester_mail"] == "test@example.jp"
    page = await visitor.log_in_user()
    assert page.value("contact_mail") == "test@example.jp"


async def test_the_document_holds_everything_but_the_passwords(visitor, tools):
    await reach_confirmation(visitor, **NEW)
    await confirm(visitor)
    text = (await visitor.get(f"{RECEIPT}/application.json")).text
    document = json.loads(text)
    assert document["procurement"] == "少額物品"
    assert document["user"] == "shogaku07"
    assert document["passwordChanged"] is True
    assert NEW["new_password"] not in text
    assert tools.USER["password"] not in text
    secret = {line.name for line in USER_FORM.layout if isinstance(line, Field) and line.secret}
    assert secret.isdisjoint(item["name"] for item in document["items"])
    assert len(document["items"]) == len(USER_FORM.layout) - len(secret)


async def test_a_new_password_replaces_the_old_one_and_ends_other_log_ins(
    visitor, second_visitor, tools
):
    await second_visitor.log_in_user()
    await reach_confirmation(visitor, **NEW)
    await confirm(visitor)
    assert (await second_visitor.get("/small/form")).status == 401
    assert (await visitor.get(RECEIPT)).status == 200
    assert (await visitor.log_in_user()).element("password-error") == PasswordWrong.ja
    # The old password was one wrong attempt: the next is heard after a second.
    assert (await visitor.log_in_user(password=NEW["new_password"])).status == 429


async def test_blank_new_passwords_leave_the_password_as_it_is(visitor):
    await reach_confirmation(visitor)
    await confirm(visitor)
    assert (await visitor.log_in_user()).url == "/small/form"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"password": ""}, "password", "パスワードを入力して下さい。"),
        ({"password": "wrong1"}, "password", PasswordWrong.ja),
        ({"new_password": "abc12"}, "new_password", "半角英数字6文字以上"),
        ({"new_password": "henkou2026"}, "new_password_again", "一致しません"),
        ({**NEW, "new_password_again": "Henkou2026"}, "new_password_again", "一致しません"),
        ({"new_password_again": "henkou2026"}, "new_password_again", "一致しません"),
        (
            {"new_password": "shogaku07", "new_password_again": "shogaku07"},
            "new_password",
            "ユーザIDと同じ",
        ),
        ({"requester_person": "髙橋"}, "requester_person", "「高」"),
    ],
)
async def test_what_is_wrong_is_told_beside_the_field_and_nothing_typed_is_lost(
    visitor, changes, field, said
):
    await visitor.log_in_user()
    page = await visitor.fill_user(contact_person="変更 花子", **changes)
    assert (page.url, page.status) == ("/small/form", 422)
    assert said in page.element(f"{field}-error")
    assert f'href="#{field}"' in page.text
    assert page.value("contact_person") == "変更 花子"
    assert (await visitor.get("/small/confirm")).url == "/small/form"


async def test_no_password_is_ever_sent_back_or_kept_as_typed(app, visitor, backend):
    await reach_confirmation(visitor, **NEW)
    page = await visitor.get("/small/form")
    for name in ("password", "new_password", "new_password_again"):
        assert page.value(name) == ""
    raw = backend.everything(app[PORTAL].settings.database)
    assert b"shogaku07" in raw
    typed = NEW["new_password"].encode()
    assert typed not in raw
    assert typed.hex().encode() not in raw
    assert b"$argon2id$" in raw


def test_a_password_is_dear_to_guess(dear_passwords):
    """OWASP's Password Storage Cheat Sheet asks of argon2id 19 MiB and two passes at least."""
    assert dear_passwords.type is Type.ID
    assert dear_passwords.memory_cost >= 19 * 1024
    assert dear_passwords.time_cost >= 2


async def test_a_change_after_the_confirmation_takes_the_new_password_away(visitor):
    await reach_confirmation(visitor, **NEW)
    await visitor.get("/small/form")
    page = await visitor.fill_user(contact_person="変更 花子")
    assert page.element("value-new_password") == "変更しない"


async def test_two_clicks_make_one_application(visitor):
    await reach_confirmation(visitor)
    first, second = await asyncio.gather(confirm(visitor), confirm(visitor))
    assert first.url == second.url == RECEIPT
    assert (await visitor.get("/small/complete/20260604-000002")).status == 404


async def test_a_confirmation_that_is_out_of_date_changes_nothing(visitor):
    await reach_confirmation(visitor)
    shown = visitor.confirmation
    await visitor.get("/small/form")
    await visitor.fill_user(contact_person="変更 花子")
    page = await visitor.post_form("/small/confirm", confirmation=shown)
    assert 'data-reason="form-incomplete"' in page.text


async def test_what_was_typed_survives_the_sessions_end(visitor, clock):
    await visitor.log_in_user()
    await visitor.post_form("/small/form/back", contact_person="途中")
    clock.advance(minutes=11)
    assert (await visitor.get("/small/form")).status == 401
    page = await visitor.log_in_user()
    assert page.element("restored")
    assert page.value("contact_person") == "途中"


async def test_what_was_typed_more_than_a_week_ago_is_not_shown_again(visitor, clock):
    await visitor.log_in_user()
    await visitor.post_form("/small/form/back", contact_person="途中")
    clock.advance(days=7)
    page = await visitor.log_in_user()
    assert 'id="restored"' not in page.text
    assert page.value("contact_person") == "長野 花子"


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"number": "9999999999"}, "number", CompanyUnknown),
        ({"number": "0000000123"}, "number", NumberMerged),
        ({"number": "1234567890"}, "number", NobodyRegistered),
        ({"user_id": "somebody"}, "password", PasswordWrong),
        ({"password": "wrong12"}, "password", PasswordWrong),
    ],
)
async def test_a_log_in_that_fails_says_why_but_not_which_user_exists(
    visitor, changes, field, error
):
    page = await visitor.log_in_user(**changes)
    assert page.status == 422
    assert f'data-reason="{error.reason}"' in page.text
    assert page.element(f"{field}-error") == error.ja
    assert page.value("password") == ""
    assert (await visitor.get("/small/form")).status == 401


async def test_a_guesser_is_slowed_down_and_then_locked_out(visitor, clock):
    for wait in (1, 2, 4, 8):
        assert (await visitor.log_in_user(password="wrong12")).status == 422
        page = await visitor.log_in_user()
        assert page.status == 429
        assert f"{wait}秒" in page.element("password-error")
        clock.advance(seconds=wait)
    assert (await visitor.log_in_user(password="wrong12")).status == 422
    assert "15分" in (await visitor.log_in_user()).element("password-error")
    clock.advance(minutes=14)
    assert (await visitor.log_in_user()).status == 429
    clock.advance(minutes=1)
    assert (await visitor.log_in_user()).url == "/small/form"


async def test_many_guesses_at_once_are_one_guess(visitor):
    await visitor.get("/small/search")
    wrong = {"number": "1234567897", "user_id": "shogaku07", "password": "wrong12"}
    answers = await asyncio.gather(*(visitor.post_form("/small/search", **wrong) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [422, 429, 429, 429, 429]


async def test_a_user_that_does_not_exist_is_locked_out_alike(visitor):
    await visitor.log_in_user(user_id="somebody")
    assert (await visitor.log_in_user(user_id="somebody")).status == 429
    assert (await visitor.log_in_user()).url == "/small/form"


async def test_a_guess_in_the_form_counts_too(visitor):
    await visitor.log_in_user()
    await visitor.fill_user(password="wrong12")
    page = await visitor.fill_user()
    assert page.status == 429
    assert 'data-reason="locked-out"' in page.text


async def test_a_log_in_changes_the_session(visitor):
    await visitor.get("/small/search")
    before = visitor.cookie()
    await visitor.log_in_user()
    assert visitor.cookie() != before
    old = {"Cookie": f"portal-session={before}"}
    visitor.client.session.cookie_jar.clear()
    assert (await visitor.get("/small/form", headers=old)).status == 401


async def test_user_and_card_see_nothing_of_each_other(visitor, second_visitor, card):
    await reach_confirmation(visitor)
    await confirm(visitor)
    await second_visitor.log_in(card)
    for path in (RECEIPT, "/small/form", "/small/confirm"):
        assert (await second_visitor.get(path)).status == 401
    number = RECEIPT.rpartition("/")[2]
    assert (await second_visitor.get(f"/registration/complete/{number}")).status == 404
    assert (await visitor.get("/registration/form")).status == 401


@pytest.mark.parametrize("path", ["/small/search", "/small/form", "/small/form/back", "/small/confirm"])  # fmt: skip
async def test_a_post_from_elsewhere_is_refused(visitor, tools, path):
    await reach_confirmation(visitor)
    fields = {**tools.USER_FORM, "confirmation": visitor.confirmation}
    token, visitor.csrf = visitor.csrf, "x"
    assert (await visitor.post_form(path, **fields)).status == 403
    visitor.csrf, visitor.origin = token, "https://evil.example"
    assert (await visitor.post_form(path, **fields)).status == 403
