"""Both languages on every screen; the person's choice before the browser's."""

from __future__ import annotations

import re
from html import unescape

import pytest

from portal_demo import card_errors, errors
from portal_demo.errors import PortalError
from portal_demo.language import Language, Text, preferred

JAPANESE = re.compile(r"[\u3041-\u30ff\u3400-\u9fff]+")
# The switch itself, and the terms of the authority that stand beside their translation.
KEPT = {"日本語", "仮登録", "本登録"}
OPEN = ("/", "/procurement", "/procurement/goods", "/registration", "/registration/menu",
        "/registration/pin", "/bid-information", "/questions", "/procurement/small", "/nowhere")  # fmt: skip


def japanese_words(html: str) -> set[str]:
    """Return the Japanese words a person would see or hear, without what was typed."""
    text = re.sub(r'<dd.*?</dd>|value="[^"]*"', "", html, flags=re.DOTALL)
    return set(JAPANESE.findall(unescape(text))) - KEPT


async def in_english(visitor) -> None:
    await visitor.post_form("/language", language="en", back="/")


@pytest.mark.parametrize("path", OPEN)
async def test_an_open_screen_is_complete_in_english(visitor, path):
    page = await visitor.get(path, headers={"Accept-Language": "en-US,en;q=0.9"})
    assert '<html lang="en">' in page.text
    # The answers quote labels of the authority's, and characters to be replaced.
    quoting = re.sub(r"<details id=.*?</details>", "", page.text, flags=re.DOTALL)
    assert japanese_words(quoting) == set()
    assert page.element("clock") == "4 June 2026, 13:33 (JST)"


async def test_the_screens_behind_the_log_in_are_complete_in_english(visitor, card):
    await in_english(visitor)
    await visitor.log_in(card)
    for path in ("/registration/search", "/registration/form"):
        assert japanese_words((await visitor.get(path)).text) == set()
        assert japanese_words((await visitor.find("x", "")).text) == set()
        await visitor.find()
    assert japanese_words((await visitor.fill(branch_name="", contact_mail="x")).text) == set()
    assert japanese_words((await visitor.fill()).text) == set()
    receipt = await visitor.get((await visitor.register(card)).json["location"])
    assert "The registration is complete." in receipt.text
    assert japanese_words(receipt.text) == set()


async def test_the_users_screens_are_complete_in_english(visitor):
    await in_english(visitor)
    for path in ("/small/registration", "/small/registration/change", "/small/registration/menu"):
        assert japanese_words((await visitor.get(path)).text) == set()
    assert japanese_words((await visitor.log_in_user(password="wrong12", number="x")).text) == set()
    assert japanese_words((await visitor.log_in_user()).text) == set()
    faulty = await visitor.fill_user(new_password="abc", contact_mail="x")
    assert japanese_words(faulty.text) == set()
    assert japanese_words((await visitor.fill_user()).text) == set()
    confirmed = {"confirmation": visitor.confirmation}
    receipt = await visitor.post_form("/small/confirm", **confirmed)
    assert japanese_words(receipt.text) == set()


async def test_change_and_renewal_are_complete_in_english(visitor, card, make_card):
    await in_english(visitor)
    for path in ("/change/pin", "/renewal/pin"):
        assert japanese_words((await visitor.get(path)).text) == set()
    answer = await visitor.log_in(card, procedure="change")
    assert japanese_words((await visitor.get(answer.json["location"])).text) == set()
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    new = make_card()
    await visitor.log_in(card, procedure="renew")
    assert japanese_words((await visitor.get("/renewal/new-card")).text) == set()
    await visitor.log_in(new, "/api/renewal/card")
    assert japanese_words((await visitor.fill("/renewal/form")).text) == set()
    location = (await visitor.register(new, card, "renew")).json["location"]
    assert japanese_words((await visitor.get(location)).text) == set()


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "ja"),
        ("ja,en;q=0.9", "ja"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("en;q=0.5,ja;q=0.8", "ja"),
        ("fr,en;q=0.5", "en"),
        ("fr", "ja"),
        ("*", "ja"),
        ("en;q=x,ja;q=0.1", "ja"),
        (",;q=,", "ja"),
    ],
)
def test_the_browsers_language_decides_before_the_person_does(accept, language):
    assert preferred(accept) == language


async def test_the_switch_is_remembered_and_leads_back(visitor):
    page = await visitor.post_form("/language", language="en", back="/procurement")
    assert page.url == "/procurement"
    assert '<html lang="en">' in page.text
    assert '<html lang="en">' in (await visitor.get("/", headers={"Accept-Language": "ja"})).text
    page = await visitor.post_form("/language", language="ja", back="/procurement")
    assert '<html lang="ja">' in page.text


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "evil", "", "/\n/evil"]
)
async def test_the_switch_leads_nowhere_else(visitor, back):
    page = await visitor.post_form("/language", language="en", back=back)
    assert page.url == "/"


async def test_the_switch_takes_no_other_language_and_no_other_site(visitor):
    assert (await visitor.post_form("/language", language="fr", back="/")).status == 404
    visitor.origin = "https://evil.example"
    assert (await visitor.post_form("/language", language="en", back="/")).status == 403


def test_a_value_of_a_text_is_given_in_the_same_language():
    text = Text("「{name}」を入力", "Enter “{name}”").fill(name=Text("登録番号", "Number"))
    assert text[Language.JA] == "「登録番号」を入力"
    assert text[Language.EN] == "Enter “Number”"


def test_every_refusal_has_both_languages():
    known = [*vars(errors).values(), *vars(card_errors).values()]
    classes = [c for c in known if isinstance(c, type) and hasattr(c, "reason")]
    assert len(classes) > 20
    for kind in classes:
        assert issubclass(kind, PortalError)
        assert JAPANESE.search(kind.ja)
        assert JAPANESE.search(kind.title.ja)
        assert not JAPANESE.search(kind.en + kind.title.en)
