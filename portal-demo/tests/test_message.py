"""A mail on the wire says what was written, whatever that is."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy

from hypothesis import assume, given
from hypothesis import strategies as st

from portal_demo import validation
from portal_demo.characters import visible
from portal_demo.mail.message import wire_message
from portal_demo.mail.models import Mail

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
    "Content-Language",
]


@given(
    st.from_regex(validation._MAIL, fullmatch=True),
    st.text(max_size=200),
    st.text(max_size=300),
    st.sampled_from(["ja", "en"]),
)
def test_a_message_is_read_as_it_was_written(address, subject, body, language):
    assume(validation.is_mail(address))
    mail = Mail(
        recipient=address,
        subject=" ".join(visible(subject).split()),
        body=visible(body),
        language=language,
        token="0" * 32,
        created=datetime(2026, 6, 4, tzinfo=UTC),
    )
    wire = wire_message(mail, "portal@example.jp")
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998  # RFC 5322, 2.1.1
    assert wire == wire_message(mail, "portal@example.jp")
    read = message_from_bytes(wire, policy=policy.default)
    assert read.keys() == HEADERS
    assert [one.addr_spec for one in read["To"].addresses] == [address]
    assert read["Subject"] == mail.subject
    assert read["Content-Language"] == language
    assert read.get_content().replace("\r\n", "\n").rstrip("\n") == mail.body.rstrip("\n")
