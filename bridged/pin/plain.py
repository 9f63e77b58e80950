"""Questions as a dialog shows them that has no layout of its own: a heading, and plain text."""

from __future__ import annotations

from bridged.pin.question import Fact, Language, Question, words

APPLICATION = "bridged"
OWN_WORDS = {
    "default-tt-visi": words("入力した文字を表示する", "Show what is typed"),
    "default-tt-hide": words("入力した文字を隠す", "Hide what is typed"),
    "default-cf-visi": words(
        "入力した文字を画面に表示しますか？", "Show what is typed on the screen?"
    ),
}
"""What a pinentry says of its own accord, by the option that sets it."""
_QUOTE = words("「{}」", "“{}”")
_COLON = words("：", ": ")
_PAGE_SAYS = words("（サイトの表示）", " (in the site's own words)")


def headline(question: Question) -> str:
    """Return the heading with what is to be typed, for a dialog that names its field by itself."""
    wanted, heading = question.wanted, question.heading
    if wanted is None or wanted.label in heading:
        return heading
    return heading + _COLON[question.language] + wanted.label


def describe(question: Question, *, digests: int = 1) -> str:
    """Return everything but the PIN's own field as plain text, for a dialog with no layout.

    Of the details it has as many as `digests`, and how many more there are. The fault is told where
    no PIN is asked for: dialogs tell it beside the PIN's field alone.
    """
    language = question.language
    details = list(question.details[:digests])
    if more := len(question.details) - len(details):
        details.append(words("…ほか{}件", "… and {} more")[language].format(more))
    parts = [
        [question.heading] if question.heading else [],
        [f"⚠ {question.fault}"] if question.fault and not question.wanted else [],
        [_line(language, each) for each in question.facts],
        [f"⚠ {warning}" for warning in question.warnings],
        details,
    ]
    # A dialog that takes "<" for mark-up is shown a letter that only looks like it.
    return "\n\n".join("\n".join(part) for part in parts if part).replace("<", "＜")


def _line(language: Language, each: Fact) -> str:
    mark = _PAGE_SAYS[language] if each.quoted else ""
    text = _QUOTE[language].format(each.text) if each.quoted else each.text
    return f"{each.label}{mark}{_COLON[language]}{text}"
