"""The words of questions, where what is asked for decides about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridged.pin.question import Language
from bridged.pin.subject import Subject
from bridged.pin.wording import last_try_question, puk_question

from .conftest import make_subject


def last_of(language: Language, *, puk: bool) -> Subject:
    pin = make_subject(tries_left=1, language=language)
    return replace(pin, label="PUK", unblocks=pin) if puk else pin


@pytest.mark.parametrize(
    ("language", "puk", "button", "warning"),
    [
        (Language.JA, False, "PINを入力する", "ICカードがロックされ"),
        (Language.EN, False, "Enter the PIN", "A wrong PIN now blocks the card."),
        (Language.JA, True, "PUKを入力する", "PUKがロックされ"),
        (Language.EN, True, "Enter the PUK", "A wrong PUK now blocks the PUK"),
    ],
)
def test_the_last_try_is_named_after_what_is_typed(
    language: Language,
    puk: bool,  # noqa: FBT001
    button: str,
    warning: str,
) -> None:
    subject = last_of(language, puk=puk)
    question = last_try_question(subject)
    assert question.ok == button
    for (told,) in (question.warnings, puk_question(subject).warnings):
        assert warning in told
