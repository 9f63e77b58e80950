"""What a person is told of an entry that came to nothing, in Japanese and English."""

from __future__ import annotations

from bridged.pin.question import Language, Question, words

NOT_THE_SAME = words("2回の入力が一致しません。", "The two entries are not the same.")
_WRONG = words("{label}が違います。", "The {label} is not correct.")
_WRONG_LEFT = words(
    "{label}が違います。残り{left}回です。", "The {label} is not correct. Tries left: {left}."
)
_BREAKS_RULES = words(
    "{label}は{rules}です。ICカードには送信していません（残り回数は減っていません）。",
    "The {label} has {rules}. It was not sent to the card; no try was used.",
)


def rules_fault(question: Question) -> str:
    """Return what was wrong with a PIN that broke its rules."""
    wanted = question.wanted
    assert wanted is not None
    return _BREAKS_RULES[question.language].format(label=wanted.label, rules=wanted.rules_text)


def wrong(label: str, left: int | None, language: Language) -> str:
    """Return that a PIN was wrong, and how many tries are left."""
    told = _WRONG if left is None else _WRONG_LEFT
    return told[language].format(label=label, left=left)
