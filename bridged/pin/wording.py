"""The words of every question, in Japanese and English."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridged.model import Grant
from bridged.pin import facts
from bridged.pin.question import Fact, Language, Question, Wanted, Words, one_line, words
from bridged.pin.subject import About, Signing, Subject

_CANCEL = words("キャンセル", "Cancel")
_OK = words("OK", "OK")
_LOG_IN_HEADING = words("ICカードでログイン", "Log in with the IC card")
_LOG_IN = words("ログイン", "Log in")
_SIGN_HEADING = words("電子署名", "Digital signature")
_SIGN = words("署名する", "Sign")
_ON_KEYPAD = words(
    "「次へ」の後、ICカードリーダーのキーでPINを入力してください。",
    "After “Next” enter the PIN on the keys of the card reader.",
)
_CHANGE_ON_KEYPAD = words(
    "「次へ」の後、ICカードリーダーのキーで、現在のPIN、新しいPIN、確認のためもう一度新しいPINの順に入力してください。",
    "After “Next” enter the present PIN, the new PIN, and the new PIN again on the keys of the "
    "card reader.",
)


def sites_question(
    language: Language, origin: str, grants: Iterable[Grant], *, stranger: bool = False
) -> Question:
    """Ask whether a site may have grants from now on; a `stranger` can be refused for good."""
    return Question(
        language,
        words("ICカードの使用を許可しますか？", "Let this site use your IC card?")[language],
        tuple(facts.allowed(language, origin, grants)),
        ok=words("許可する", "Allow")[language],
        cancel=words("許可しない", "Do not allow")[language],
        never=words("今後も拒否する", "Never ask again")[language] if stranger else "",
        warnings=(
            words(
                "見覚えのないサイトのときは、許可しないでください。",
                "Do not allow a site that you do not know.",
            )[language],
        ),
    )


def verify_question(subject: Subject, seconds: int) -> Question:
    """Ask for the PIN that lets a site use a key for some time."""
    language = subject.language
    heading = words("ICカードの使用", "Use of the IC card")[language]
    return _pin(subject, heading, _OK[language], facts.duration(language, seconds))


def authenticate_question(subject: Subject) -> Question:
    """Ask for the PIN that logs the person in."""
    language = subject.language
    return _pin(subject, _LOG_IN_HEADING[language], _LOG_IN[language])


def log_in_question(about: About) -> Question:
    """Ask for a yes to logging in with a key that has no PIN."""
    return _agree(about, _LOG_IN_HEADING, _LOG_IN)


def sign_question(subject: Subject, signing: Signing) -> Question:
    """Ask for the PIN that signs just this."""
    language = subject.language
    what = facts.signed(language, signing)
    question = _pin(subject, _SIGN_HEADING[language], _SIGN[language], what)
    return replace(question, details=tuple(signing.fingerprints))


def confirm_question(about: About, signing: Signing) -> Question:
    """Ask for a yes to signing just this, while the PIN is still verified or where there is none."""
    question = _agree(about, _SIGN_HEADING, _SIGN, facts.signed(about.language, signing))
    return replace(question, details=tuple(signing.fingerprints))


def keypad_question(question: Question, *, changes: bool = False) -> Question:
    """Show a question whose PIN is typed on the reader once the person agrees, or changed there."""
    hint = _CHANGE_ON_KEYPAD if changes else _ON_KEYPAD
    return replace(
        question,
        wanted=None,
        ok=words("次へ", "Next")[question.language],
        warnings=(*question.warnings, hint[question.language]),
    )


def old_pin_question(subject: Subject) -> Question:
    """Ask for the PIN that is to be changed."""
    language = subject.language
    heading = words("PIN番号の変更", "Change the PIN")[language]
    asked = _pin(subject, heading, words("次へ", "Next")[language])
    return _labelled(asked, words("現在の{}", "Present {}")[language].format(subject.label))


def new_pin_question(subject: Subject) -> Question:
    """Ask for the new PIN, twice."""
    language = subject.language
    heading = words("新しいPIN番号", "The new PIN")[language]
    asked = replace(_pin(subject, heading, words("変更する", "Change")[language]), warnings=())
    again = words("もう一度", "Once more")[language]
    return _labelled(asked, words("新しい{}", "New {}")[language].format(subject.label), again)


def old_puk_question(subject: Subject) -> Question:
    """Ask for the PUK that is to be changed; `subject` has its rules and label."""
    heading = words("PUKの変更", "Change the PUK")
    return replace(old_pin_question(subject), heading=heading[subject.language])


def new_puk_question(subject: Subject) -> Question:
    """Ask for the new PUK, twice; `subject` as above."""
    heading = words("新しいPUK", "The new PUK")
    return replace(new_pin_question(subject), heading=heading[subject.language])


def puk_question(subject: Subject) -> Question:
    """Ask for the PUK; `subject` has its rules and label."""
    language = subject.language
    heading = words("ロックの解除", "Unblock the PIN")[language]
    return _pin(subject, heading, words("次へ", "Next")[language])


def unblocked_pin_question(subject: Subject) -> Question:
    """Ask for the new PIN, twice, of who has given the PUK."""
    assert subject.unblocks is not None
    return new_pin_question(subject.unblocks)


def last_try_question(subject: Subject) -> Question:
    """Ask whether the last try is to be used."""
    language = subject.language
    return Question(
        language,
        words("最後の1回を使用しますか？", "Use the last try?")[language],
        tuple(facts.who(subject)),
        ok=words("{}を入力する", "Enter the {}")[language].format(subject.which.upper()),
        cancel=_CANCEL[language],
        warnings=facts.last_try_warning(subject),
    )


def _pin(subject: Subject, heading: str, ok: str, more: Sequence[Fact] = ()) -> Question:
    language = subject.language
    return Question(
        language,
        heading,
        (*facts.who(subject), *more, *facts.to_type(subject)),
        ok=ok,
        cancel=_CANCEL[language],
        warnings=(*facts.last_try_warning(subject), *facts.expiry_warning(subject)),
        wanted=Wanted(
            one_line(subject.label, 40), subject.rules, facts.rules_text(subject.rules, language)
        ),
    )


def _agree(about: About, heading: Words, ok: Words, more: Sequence[Fact] = ()) -> Question:
    language = about.language
    return Question(
        language,
        heading[language],
        (*facts.who(about), *more),
        ok=ok[language],
        cancel=_CANCEL[language],
        warnings=facts.expiry_warning(about),
    )


def _labelled(question: Question, label: str, again: str = "") -> Question:
    assert question.wanted is not None
    return replace(
        question, wanted=replace(question.wanted, label=one_line(label, 50), again=again)
    )
