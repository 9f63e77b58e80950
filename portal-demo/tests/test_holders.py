from __future__ import annotations

import pytest
from cryptography import x509

from portal_demo.holders import Holder, holder_of, same_holder


def utf8_string(text: str) -> bytes:
    body = text.encode()
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return b"\x0c" + length + body


@pytest.fixture
def jpki(authority, keys, tools):
    """The two certificates of a JPKI card: one names nobody, the other a person."""

    def issuer(purpose: str):
        name = tools.distinguished(c="JP", o="JPKI", ou=f"JPKI for {purpose}")
        return tools.Authority.create(keys[3], name, authority)

    def issue(purpose: str, *extensions):
        return issuer(purpose).issue(
            keys[1],
            subject=tools.distinguished(c="JP", cn="0123456789ABCD"),
            kanji=(),
            more=extensions,
        )

    arc = "1.2.392.200149.8.5.5"
    particulars = {1: "長野 太郎", 3: "1", 4: "419900401", 5: "長野県長野市南長野" + "一" * 40}
    names = [
        x509.OtherName(x509.ObjectIdentifier(f"{arc}.{n}"), utf8_string(text))
        for n, text in particulars.items()
    ]
    signature = issue("digital signature", (x509.SubjectAlternativeName(names), False))
    return issue("user authentication"), signature


def test_kanji_come_before_romaji(make_card):
    assert holder_of(make_card().authentication) == Holder("長野 太郎", "IT業者電子01", None)


def test_romaji_serve_where_there_are_no_kanji(make_card):
    holder = holder_of(make_card(kanji=()).authentication)
    assert holder == Holder("Nagano Taro", "IT Gyosha Denshi 01", None)


def test_jpki_names_a_person_in_the_signature_certificate_alone(jpki):
    authentication, signature = jpki
    assert holder_of(authentication) == Holder(None, None, None)
    assert holder_of(signature) == Holder("長野 太郎", None, "長野県長野市南長野" + "一" * 40)


@pytest.mark.parametrize(
    "der", [b"", b"\x0c", b"\x0c\x05ab", b"\x0c\x83\x00\x00\x01a", b"\x13\x01a", b"\x0c\x01\xff"]
)
def test_a_broken_name_on_a_card_does_no_harm(authority, keys, der):
    # UTF8String in a wrong length, of another type, or not UTF-8 at all.
    from portal_demo.holders import _utf8

    assert _utf8(der) in {"", "\ufffd"}


def test_one_holder_in_two_certificates(make_card, jpki):
    card = make_card()
    assert same_holder(card.authentication, card.authentication)
    assert same_holder(card.authentication, card.signature)
    assert same_holder(*jpki)


def test_units_of_the_subject_may_differ(authority, keys, tools):
    one, other = (
        authority.issue(keys[1], subject=tools.distinguished(c="JP", o="IT", ou=unit, cn="Taro"))
        for unit in ("Authentication", "Signature")
    )
    assert same_holder(one, other)


def test_another_person_or_company_is_another_holder(make_card, tools, jpki):
    card = make_card()
    oids = [attribute.oid for attribute in tools.distinguished(o="x", cn="y")]
    for organization, name in [("IT業者電子01", "長野 次郎"), ("IT業者電子02", "長野 太郎")]:
        kanji = ((organization, oids[0]), (name, oids[1]))
        other = make_card(kanji=kanji, subject=tools.distinguished(c="JP", cn="other"))
        assert not same_holder(card.authentication, other.signature)
    assert not same_holder(card.authentication, jpki[1])
    assert not same_holder(jpki[0], card.signature)
