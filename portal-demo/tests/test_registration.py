"""The whole of flow A over HTTP, with a software key standing for the card."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from portal_demo.card_errors import HolderDiffers
from portal_demo.errors import CompanyUnknown, NameMismatch, NumberMerged

RECEIPT = "/registration/complete/20260604-000001"


async def test_a_person_registers_and_gets_a_receipt(visitor, card, tools):
    assert (await visitor.log_in(card)).json == {"location": "/registration/search"}
    assert (await visitor.find()).url == "/registration/form"
    assert (await visitor.fill()).url == "/registration/confirm"
    answer = await visitor.register(card)
    assert answer.json == {"location": RECEIPT}
    receipt = await visitor.get(RECEIPT)
    assert "利用者登録完了です。" in receipt.text
    assert receipt.element("receipt-number") == "20260604-000001"
    assert receipt.element("receipt-time") == "2026年06月04日 13時33分"
    assert receipt.element("receipt-status") == "仮登録"
    assert "IT業者電子01　長野 太郎" in receipt.element("receipt-certificate")


async def test_what_was_signed_can_be_taken_away_and_verified(visitor, card, tools):
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    receipt = await visitor.get(RECEIPT)
    files = {}
    for name in ("application.json", "application.sig", "certificate.cer"):
        async with visitor.client.get(f"{RECEIPT}/{name}") as response:
            assert response.headers["Content-Disposition"].startswith("attachment")
            files[name] = await response.read()
    content = files["application.json"]
    assert hashlib.sha256(content).hexdigest() == receipt.element("receipt-digest")
    key = x509.load_der_x509_certificate(files["certificate.cer"]).public_key()
    key.verify(files["application.sig"], content, padding.PKCS1v15(), hashes.SHA256())
    document = json.loads(content)
    assert document["status"] == "仮登録"
    assert document["companyNumber"] == "1234567890"
    assert document["origin"] == tools.ORIGIN
    assert document["time"] == "2026-06-04T04:33:00Z"
    for certificate, member in [
        (card.signature, "signingCertificate"),
        (card.authentication, "loginCertificate"),
    ]:
        fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
        assert document[member]["sha256"] == fingerprint


async def test_the_document_is_canonical_and_holds_everything_shown(visitor, card, tools):
    shown = await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    content = base64.b64decode(proposal["document"])
    document = json.loads(content)
    assert (
        content
        == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
    assert document["challenge"] == proposal["challenge"]
    assert len(document["items"]) == 29
    for item in document["items"]:
        assert shown.element(f"value-{item['name']}") == item["value"]
    signed = {item["name"]: item["value"] for item in document["items"]}
    assert tools.FORM.items() <= signed.items()


async def test_a_second_click_gives_the_same_receipt(visitor, card, tools):
    await visitor.reach_confirmation(card)
    first, second = [(await visitor.propose(card)).json for _ in range(2)]
    bodies = [visitor.signed_body(card, proposal) for proposal in (first, first, second)]
    answers = await asyncio.gather(*(visitor.post("/api/application", b) for b in bodies))
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert {answer.json["location"] for answer in answers} == {RECEIPT}
    missing = await visitor.get("/registration/complete/20260604-000002")
    assert missing.status == 404


@pytest.mark.parametrize("member", ["certificate", "signature", "algorithm", "challenge"])
async def test_an_altered_answer_is_refused(visitor, card, make_card, tools, member):
    await visitor.reach_confirmation(card)
    wrong = {
        "certificate": tools.base64_der(make_card().signature),
        "signature": tools.base64_of(card.sign(b"another document")),
        "algorithm": "PS256",
        "challenge": "A" * 44,
    }
    answer = await visitor.register(card, **{member: wrong[member]})
    unknown = member == "challenge"
    assert answer.reason == ("challenge-unknown" if unknown else "signature-invalid")
    assert (await visitor.get(RECEIPT)).status == 404


async def test_an_altered_document_is_refused(visitor, card, tools):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    content = base64.b64decode(proposal["document"]).replace("総務部".encode(), "営業部".encode())
    body = visitor.signed_body(card, {**proposal, "document": tools.base64_of(content)})
    assert (await visitor.post("/api/application", body)).reason == "signature-invalid"


async def test_a_refused_signature_uses_its_challenge_up(visitor, card, tools):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    good = visitor.signed_body(card, proposal)
    forged = {**good["signatures"][0], "signature": tools.base64_of(card.sign(b"x"))}
    bad = {**good, "signatures": [forged]}
    assert (await visitor.post("/api/application", bad)).reason == "signature-invalid"
    assert (await visitor.post("/api/application", good)).reason == "challenge-unknown"
    assert (await visitor.register(card)).status == 200


async def test_a_signature_that_comes_too_late_is_refused(visitor, card, clock, tools):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    clock.advance(minutes=5)
    late = await visitor.post("/api/application", visitor.signed_body(card, proposal))
    assert late.reason == "challenge-expired"
    assert (await visitor.register(card)).status == 200


async def test_a_form_changed_after_the_proposal_is_not_what_was_signed(visitor, card, tools):
    await visitor.reach_confirmation(card)
    proposal = (await visitor.propose(card)).json
    body = visitor.signed_body(card, proposal)
    await visitor.get("/registration/form")
    await visitor.fill(branch_name="営業部")
    answer = await visitor.post("/api/application", body)
    assert answer.reason == "form-incomplete"


async def test_nothing_is_proposed_before_the_form_is_confirmed(visitor, card):
    await visitor.log_in(card)
    assert (await visitor.propose(card)).reason == "form-incomplete"
    await visitor.find()
    assert (await visitor.propose(card)).reason == "form-incomplete"
    await visitor.fill(contact_mail="")
    assert (await visitor.propose(card)).reason == "form-incomplete"


async def test_the_card_of_another_holder_does_not_sign(visitor, card, make_card, tools):
    other = make_card(kanji=(), subject=tools.distinguished(c="JP", o="Other", cn="Jiro"))
    await visitor.reach_confirmation(card)
    answer = await visitor.propose(other)
    assert answer.reason == HolderDiffers.reason
    assert "名義" in answer.json["error"]["messages"]["ja"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"days": (-10, -1)}, "certificate-not-valid"),
        ({"usage": ("key_encipherment",)}, "certificate-usage"),
        ({"more": [(x509.BasicConstraints(ca=True, path_length=0), True)]}, "certificate-is-ca"),
    ],
)
async def test_a_certificate_that_may_not_sign_is_refused(visitor, card, make_card, change, reason):
    await visitor.reach_confirmation(card)
    assert (await visitor.propose(make_card(**change))).reason == reason


async def test_a_certificate_of_another_authority_does_not_sign(visitor, card, make_card, stranger):
    await visitor.reach_confirmation(card)
    assert (await visitor.propose(make_card(by=stranger))).reason == "certificate-untrusted"


async def test_a_registered_card_is_sent_to_its_receipt(visitor, card):
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    answer = await visitor.log_in(card)
    assert answer.json == {"location": "/registration/registered"}
    page = await visitor.get("/registration/search")
    assert page.url == "/registration/registered"
    assert 'data-reason="certificate-registered"' in page.text
    assert f'href="{RECEIPT}"' in page.text
    assert (await visitor.get(RECEIPT)).status == 200


async def test_one_card_goes_with_one_number(visitor, second_visitor, card):
    """Two browsers begin with one card; the later company is the one that can be signed for."""
    await visitor.reach_confirmation(card)
    await second_visitor.log_in(card)
    await second_visitor.find("1234567891", "株式会社信州印刷")
    agreed = {"accept-name-difference": "1"}
    await second_visitor.fill(qualification_name="(株)信州印刷", **agreed)
    assert (await visitor.propose(card)).reason == "form-incomplete"
    assert (await second_visitor.register(card)).status == 200
    assert (await visitor.get("/registration/form")).url == "/registration/registered"


async def test_two_tabs_do_not_mix(visitor, card, tools):
    await visitor.log_in(card)
    await visitor.find()
    first = visitor.revision
    await visitor.find("1234567891", "株式会社信州印刷")
    second = visitor.revision
    visitor.revision = first
    page = await visitor.fill()
    assert page.status == 409
    assert 'data-reason="draft-changed"' in page.text
    draft = {"values": tools.FORM, "revision": first}
    assert (await visitor.post("/api/draft", draft)).reason == "draft-changed"
    visitor.revision = second
    agreed = {"accept-name-difference": "1"}
    page = await visitor.fill(qualification_name="株式会社信州印刷", **agreed)
    assert page.url == "/registration/confirm"


async def test_what_a_tab_shows_as_confirmed_is_what_is_signed(visitor, card):
    await visitor.reach_confirmation(card)
    shown = visitor.confirmation
    page = await visitor.get("/registration/form")
    assert page.value("branch_name") == "総務部"
    await visitor.fill(branch_name="営業部")
    assert visitor.confirmation != shown
    visitor.confirmation = shown
    assert (await visitor.propose(card)).reason == "form-incomplete"


async def test_two_browsers_that_sign_at_once_register_one_card_once(
    visitor, second_visitor, card, tools
):
    bodies = []
    for browser in (visitor, second_visitor):
        await browser.reach_confirmation(card)
        bodies.append(browser.signed_body(card, (await browser.propose(card)).json))
    answers = await asyncio.gather(
        visitor.post("/api/application", bodies[0]),
        second_visitor.post("/api/application", bodies[1]),
    )
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json == {"location": RECEIPT}


async def test_one_number_goes_with_many_cards(visitor, second_visitor, card, make_card):
    second = make_card()
    for browser, one in ((visitor, card), (second_visitor, second)):
        await browser.reach_confirmation(one)
        assert (await browser.register(one)).status == 200


async def test_a_receipt_is_shown_to_its_own_card_only(visitor, second_visitor, card, make_card):
    await visitor.reach_confirmation(card)
    await visitor.register(card)
    assert (await second_visitor.get(RECEIPT)).status == 401
    await second_visitor.log_in(make_card())
    for path in (RECEIPT, f"{RECEIPT}/application.json", f"{RECEIPT}/certificate.cer"):
        assert (await second_visitor.get(path)).status == 404


@pytest.mark.parametrize(
    ("number", "name", "error"),
    [
        ("9999999999", "IT業者電子01", CompanyUnknown),
        ("0000000123", "IT業者電子01", NumberMerged),
        ("1234567890", "株式会社信州印刷", NameMismatch),
        ("1234567890", "%", NameMismatch),
    ],
)
async def test_a_search_that_fails_says_why_and_keeps_what_was_typed(
    visitor, card, number, name, error
):
    await visitor.log_in(card)
    page = await visitor.find(number, name)
    field = "name" if error is NameMismatch else "number"
    assert page.status == 422
    assert f'data-reason="{error.reason}"' in page.text
    assert page.element(f"{field}-error") == error.ja
    assert (page.value("number"), page.value("name")) == (number, name)


async def test_a_search_matches_names_in_other_writings(visitor, card):
    await visitor.log_in(card)
    assert (await visitor.find("１２３４５６７８９１", "㈱　信州印刷")).status == 422
    assert (
        await visitor.find("１２３４５６７８９１", "(株)　信州印刷")
    ).url == "/registration/form"


async def test_the_register_fills_in_what_it_knows(visitor, card):
    await visitor.log_in(card)
    page = await visitor.find()
    assert page.element("value-company_address") == "富士通県富士通市1-2-3"
    assert page.element("value-representative_name") == "富士通 次郎"
    assert page.element("value-card_holder") == "長野 太郎"
    assert page.value("company_phone") == "000-000-0000"
    assert page.value("qualification_name") == "IT業者電子01"


async def test_what_was_typed_survives_faults_and_the_way_back(visitor, card):
    await visitor.log_in(card)
    await visitor.find()
    page = await visitor.fill(
        contact_person="髙橋", contact_postal="１２３－４５６７", branch_name=""
    )
    assert page.url == "/registration/form"
    assert page.value("contact_person") == "髙橋"
    assert page.value("contact_postal") == "123-4567"
    assert "「髙」" in page.element("contact_person-error")
    assert page.element("branch_name-error") == "支店名等を入力して下さい。"
    page = await visitor.post_form("/registration/form/back", contact_address="途中")
    assert page.url == "/registration/search"
    assert page.value("number") == "1234567890"
    page = await visitor.find()
    assert page.value("contact_address") == "途中"


async def test_what_was_typed_survives_a_new_log_in_of_the_same_card(visitor, card, make_card):
    await visitor.reach_confirmation(card)
    before = visitor.cookie()
    await visitor.log_in(card)
    assert visitor.cookie() != before
    page = await visitor.get("/registration/form")
    assert page.value("contact_mail") == "test@example.jp"
    await visitor.log_in(make_card())
    assert (await visitor.get("/registration/form")).url == "/registration/search"


async def test_the_form_is_saved_while_somebody_types(visitor, card, tools):
    await visitor.log_in(card)
    body = {"values": {**tools.FORM, "branch_name": "途中"}, "revision": "x.0"}
    assert (await visitor.post("/api/draft", body)).reason == "draft-changed"
    await visitor.find()
    body["revision"] = visitor.revision
    assert (await visitor.post("/api/draft", body)).status == 200
    page = await visitor.get("/registration/form")
    assert page.value("branch_name") == "途中"
    assert "error-summary" not in page.text


async def test_a_change_after_the_confirmation_takes_it_away(visitor, card, tools):
    await visitor.reach_confirmation(card)
    await visitor.get("/registration/form")
    same = {"values": tools.FORM, "revision": visitor.revision}
    await visitor.post("/api/draft", same)
    assert (await visitor.get("/registration/confirm")).url == "/registration/confirm"
    changed = {**same, "values": {**tools.FORM, "branch_name": "営業部"}}
    assert (await visitor.post("/api/draft", changed)).status == 200
    assert (await visitor.get("/registration/confirm")).url == "/registration/form"


async def test_another_company_starts_with_an_empty_form(visitor, card):
    await visitor.reach_confirmation(card)
    page = await visitor.find("1234567892", "有限会社アルプス事務機")
    assert page.value("contact_mail") == ""
    assert page.value("branch_name") == "松本営業所"


async def test_a_name_that_differs_on_the_card_is_a_warning_to_pass(visitor, card):
    await visitor.log_in(card)
    page = await visitor.find("1234567891", "株式会社信州印刷")
    assert 'id="name-difference"' in page.text
    assert (
        "「IT業者電子01」と、資格審査情報の商号又は名称「株式会社信州印刷」が異なります"
        in page.text
    )
    page = await visitor.fill(qualification_name="株式会社信州印刷")
    assert page.url == "/registration/form"
    assert page.element("accept-name-difference-error")
    agreed = {"accept-name-difference": "1"}
    page = await visitor.fill(qualification_name="株式会社信州印刷", **agreed)
    assert page.url == "/registration/confirm"
    document = base64.b64decode((await visitor.propose(card)).json["document"])
    assert json.loads(document)["differenceAccepted"] is True


async def test_the_name_in_the_form_must_be_the_registers(visitor, card):
    await visitor.log_in(card)
    await visitor.find()
    page = await visitor.fill(qualification_name="株式会社信州印刷")
    assert page.element("qualification_name-error") == NameMismatch.ja
    assert (
        await visitor.fill(qualification_name="ＩＴ業者電子０１")
    ).url == "/registration/confirm"


async def test_a_card_that_names_no_company_registers_without_a_warning(
    visitor, authority, keys, tools
):
    def issuer(purpose: str):
        name = tools.distinguished(c="JP", o="JPKI", ou=f"JPKI for {purpose}")
        return tools.Authority.create(keys[3], name, authority)

    user, signing = issuer("user authentication"), issuer("digital signature")
    subject = tools.distinguished(c="JP", cn="0123456789ABCD")
    anonymous = {"subject": subject, "kanji": ()}
    login = tools.SoftwareCard(
        keys[1],
        user.issue(keys[1], **anonymous),
        keys[2],
        signing.issue(keys[2], usage=("content_commitment",), **anonymous),
        (user.certificate.public_bytes(tools.DER),),
    )
    signer = tools.replace(login, chain=(signing.certificate.public_bytes(tools.DER),))
    await visitor.log_in(login)
    page = await visitor.find()
    assert page.element("value-card_company") == "（証明書に記載がありません）"
    assert 'id="name-difference"' not in page.text
    assert (await visitor.fill()).url == "/registration/confirm"
    assert (await visitor.propose(login)).reason == "certificate-untrusted"
    assert (await visitor.register(signer)).json == {"location": RECEIPT}
