"""With a card that is registered: 変更, and ICカード更新 by the old and the new card."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from portal_demo.card_errors import RenewalTooLate
from portal_demo.models import Card
from portal_demo.pages import PORTAL

NEXT = "20260604-000002"


async def register(visitor, card):
    await visitor.reach_confirmation(card)
    assert (await visitor.register(card)).status == 200


async def stored(app, card):
    async with app[PORTAL].database.transaction() as db:
        return await db.get(Card, card.authentication.fingerprint(hashes.SHA256()).hex())


async def change(visitor, card, **values):
    await visitor.log_in(card, procedure="change")
    return await visitor.fill("/change/form", **values)


async def to_new_card(visitor, old, new):
    await visitor.log_in(old, procedure="renew")
    return await visitor.log_in(new, "/api/renewal/card")


# ---- 変更 ----


async def test_a_registered_card_changes_what_is_registered(app, visitor, card):
    await register(visitor, card)
    answer = await visitor.log_in(card, procedure="change")
    assert answer.json == {"location": "/change/form"}
    page = await visitor.get("/change/form")
    assert page.value("contact_mail") == "test@example.jp"
    page = await visitor.fill("/change/form", contact_mail="new@example.jp")
    assert page.url == "/change/confirm"
    answer = await visitor.register(card, procedure="change")
    assert answer.json == {"location": f"/change/complete/{NEXT}"}
    receipt = await visitor.get(f"/change/complete/{NEXT}")
    assert "利用者変更完了です。" in receipt.text
    assert (await stored(app, card)).values["contact_mail"] == "new@example.jp"
    await visitor.log_in(card, procedure="change")
    assert (await visitor.get("/change/form")).value("contact_mail") == "new@example.jp"


@pytest.mark.parametrize("procedure", ["change", "renew"])
async def test_a_card_that_is_not_registered_is_told_to_register(visitor, card, procedure):
    answer = await visitor.log_in(card, procedure=procedure)
    page = await visitor.get(answer.json["location"])
    assert page.status == 409
    assert 'data-reason="card-unregistered"' in page.text
    assert 'href="/registration/search"' in page.text
    root = answer.json["location"].rpartition("/")[0]
    for name in ("form", "confirm"):
        assert (await visitor.get(f"{root}/{name}")).url == f"{root}/refused"


async def test_another_card_does_not_sign_a_change(visitor, card, make_card):
    await register(visitor, card)
    await change(visitor, card)
    assert (await visitor.propose(make_card(), "change")).reason == "holder-differs"


async def test_a_forged_signature_changes_nothing(app, visitor, card, tools):
    await register(visitor, card)
    await change(visitor, card, contact_mail="new@example.jp")
    forged = tools.base64_of(card.sign(b"another document"))
    answer = await visitor.register(card, procedure="change", signature=forged)
    assert answer.reason == "signature-invalid"
    assert (await stored(app, card)).values["contact_mail"] == "test@example.jp"


async def test_the_confirmation_of_one_procedure_is_none_of_another(visitor, card):
    await register(visitor, card)
    await change(visitor, card)
    assert (await visitor.propose(card, "register")).reason == "form-incomplete"


# ---- ICカード更新 ----


async def test_old_and_new_card_sign_and_the_new_one_takes_the_place(app, visitor, card, make_card):
    new = make_card()
    await register(visitor, card)
    answer = await to_new_card(visitor, card, new)
    assert answer.json == {"location": "/renewal/form"}
    page = await visitor.fill("/renewal/form")
    assert page.url == "/renewal/confirm"
    answer = await visitor.register(new, card, "renew")
    assert answer.json == {"location": f"/renewal/complete/{NEXT}"}
    receipt = await visitor.get(f"/renewal/complete/{NEXT}")
    assert "ICカード更新完了です。" in receipt.text
    document = (await visitor.get(f"/renewal/complete/{NEXT}/application.json")).text.encode()
    assert hashlib.sha256(document).hexdigest() == receipt.element("receipt-digest")
    for suffix, signer in (("", new), ("-old", card)):
        async with visitor.client.get(
            f"/renewal/complete/{NEXT}/application{suffix}.sig"
        ) as response:
            signature = await response.read()
        async with visitor.client.get(
            f"/renewal/complete/{NEXT}/certificate{suffix}.cer"
        ) as response:
            certificate = x509.load_der_x509_certificate(await response.read())
        assert certificate == signer.signature
        certificate.public_key().verify(signature, document, padding.PKCS1v15(), hashes.SHA256())
    replaced = await stored(app, card)
    assert replaced.replaced_by == (await stored(app, new)).login_sha256
    assert (await stored(app, new)).values == replaced.values


async def test_afterwards_the_new_card_works_and_the_old_one_does_not(visitor, card, make_card):
    new = make_card()
    await register(visitor, card)
    await to_new_card(visitor, card, new)
    await visitor.fill("/renewal/form")
    await visitor.register(new, card, "renew")
    answer = await visitor.log_in(card, procedure="change")
    assert 'data-reason="card-replaced"' in (await visitor.get(answer.json["location"])).text
    answer = await visitor.log_in(new, procedure="change")
    assert answer.json == {"location": "/change/form"}
    assert (await visitor.get(f"/renewal/complete/{NEXT}")).status == 200


@pytest.mark.parametrize("case", ["new alone", "old alone", "twice the new", "the wrong way round"])
async def test_both_cards_have_to_sign(app, visitor, card, make_card, tools, case):
    new = make_card()
    await register(visitor, card)
    await to_new_card(visitor, card, new)
    await visitor.fill("/renewal/form")
    proposal = (await visitor.propose(new, "renew")).json
    by = {
        "new alone": [new],
        "old alone": [card],
        "twice the new": [new, new],
        "the wrong way round": [card, new],
    }
    body = {
        **visitor.signed_body(new, proposal),
        "procedure": "renew",
        "signatures": [tools.signed(one, proposal) for one in by[case]],
    }
    assert (await visitor.post("/api/application", body)).reason == "signature-invalid"
    assert await stored(app, new) is None


async def test_an_expired_card_is_told_to_register_with_the_same_number(
    visitor, card, make_card, clock
):
    short = make_card(days=(-1, 10))
    await register(visitor, short)
    clock.advance(days=11)
    answer = await visitor.log_in(short, procedure="renew")
    assert answer.reason == RenewalTooLate.reason
    assert "同じ登録番号" in answer.json["error"]["messages"]["ja"]


async def test_the_new_card_is_another_one_and_not_registered(visitor, card, make_card):
    other = make_card()
    await register(visitor, card)
    await register(visitor, other)
    assert (await to_new_card(visitor, card, card)).reason == "same-card"
    assert (await to_new_card(visitor, card, other)).reason == "certificate-registered"
    assert (await visitor.get("/renewal/form")).url == "/renewal/new-card"


async def test_the_new_card_is_verified_as_any(visitor, card, make_card, stranger):
    await register(visitor, card)
    answer = await to_new_card(visitor, card, make_card(by=stranger))
    assert answer.reason == "certificate-untrusted"


async def test_a_challenge_of_the_log_in_is_none_for_the_new_card(visitor, card, make_card, tools):
    new = make_card()
    await register(visitor, card)
    await visitor.log_in(card, procedure="renew")
    challenge = (await visitor.post("/api/challenge", {"purpose": "login"})).json["challenge"]
    body = {"challenge": challenge, "token": new.token(tools.ORIGIN, challenge), "chain": []}
    assert (await visitor.post("/api/renewal/card", body)).reason == "challenge-unknown"


async def test_another_new_card_has_to_be_confirmed_again(visitor, card, make_card):
    first, second = make_card(), make_card()
    await register(visitor, card)
    await to_new_card(visitor, card, first)
    await visitor.fill("/renewal/form")
    await visitor.log_in(second, "/api/renewal/card")
    assert (await visitor.propose(first, "renew")).reason == "form-incomplete"
    assert (await visitor.get("/renewal/confirm")).url == "/renewal/form"


async def test_the_document_names_all_four_certificates(visitor, card, make_card):
    new = make_card()
    await register(visitor, card)
    await to_new_card(visitor, card, new)
    await visitor.fill("/renewal/form")
    proposal = (await visitor.propose(new, "renew")).json
    document = json.loads(base64.b64decode(proposal["document"]))
    named = {
        "loginCertificate": new.authentication,
        "signingCertificate": new.signature,
        "replacedLoginCertificate": card.authentication,
        "replacedSigningCertificate": card.signature,
    }
    for member, certificate in named.items():
        assert document[member]["sha256"] == certificate.fingerprint(hashes.SHA256()).hex()
