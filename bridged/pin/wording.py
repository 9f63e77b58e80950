"""The words of every question, in Japanese and English, and how a plain dialog lays them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bridged.errors import WhichSecret
from bridged.model import X509, Grant, PinAlphabet, PinRules, PinStatus
from bridged.pin.question import Fact, Language, Question, Wanted, fact, joined, one_line

APPLICATION = "bridged"
EXPIRES_SOON_DAYS = 30
"""A bid whose certificate ends before it is opened is void: warned about from here on (days)."""

Text = dict[Language, str]


def _text(ja: str, en: str) -> Text:
    return {Language.JA: ja, Language.EN: en}


NOT_THE_SAME = _text("2回の入力が一致しません。", "The two entries are not the same.")
OWN_WORDS = {
    "default-tt-visi": _text("入力した文字を表示する", "Show what is typed"),
    "default-tt-hide": _text("入力した文字を隠す", "Hide what is typed"),
    "default-cf-visi": _text(
        "入力した文字を画面に表示しますか？", "Show what is typed on the screen?"
    ),
}
"""What a pinentry says of its own accord, by the option that sets it."""
_QUOTE = _text("「{}」", "“{}”")
_COLON = _text("：", ": ")
_PAGE_SAYS = _text("（サイトの表示）", " (in the site's own words)")
_PROGRAM = _text("このコンピューターのプログラム", "A program on this computer")
_CANCEL = _text("キャンセル", "Cancel")
_OK = _text("OK", "OK")

_SITE = _text("要求元", "Asked by")
_CERTIFICATE = _text("証明書", "Certificate")
_VALID = _text("有効期限", "Valid until")
_TRIES = _text("残り回数", "Tries left")
_DOCUMENT = _text("署名する文書", "To be signed")
_COUNT = _text("件数", "Documents")
_FORMAT = _text("署名の形式", "Format")
_REASON = _text("署名の理由", "Reason")
_LOCATION = _text("署名の場所", "Place")
_FILE_NAME = _text("ファイル名", "File name")
_RULES = _text("入力する文字", "What to type")
_DURATION = _text("使用できる時間", "For how long")
_GRANTS = _text("許可する操作", "It wants to")

_LAST_TRY = _text(
    "残り1回です。次に間違えるとICカードがロックされ、使用できなくなります。",
    "One try is left. A wrong PIN now blocks the card.",
)
_LAST_TRY_OF_PUK = _text(
    "残り1回です。次に間違えるとPUKがロックされ、PINのロックを解除できなくなります。",
    "One try is left. A wrong PUK now blocks the PUK, and a blocked PIN stays so for good.",
)
_SOON = _text(
    "証明書の有効期間が残り{days}日です。開札の前に期限が切れると入札が無効になることがあります。",
    "The certificate ends in {days} days. A bid can become void if that is before the opening.",
)
_WRONG = _text("{label}が違います。", "The {label} is not correct.")
_WRONG_LEFT = _text(
    "{label}が違います。残り{left}回です。", "The {label} is not correct. Tries left: {left}."
)
_BREAKS_RULES = _text(
    "{label}は{rules}です。ICカードには送信していません（残り回数は減っていません）。",
    "The {label} has {rules}. It was not sent to the card; no try was used.",
)
_ALPHABETS = {
    PinAlphabet.DIGITS: _text("半角数字{length}桁", "{length} digits"),
    PinAlphabet.UPPER_ALNUM: _text(
        "半角の英字・数字{length}文字（小文字は大文字になります）",
        "{length} letters and digits (small letters become capitals)",
    ),
    PinAlphabet.ASCII: _text("半角の英字・数字・記号{length}文字", "{length} ASCII characters"),
}
_GRANT_TEXTS: dict[Grant, Text] = {
    Grant.CERTIFICATES: _text(
        "ICカードの証明書（氏名・会社名など）の読み取り",
        "read the certificates on the card (names, company)",
    ),
    Grant.SIGN: _text(
        "ICカードによるログインと電子署名（そのつどPINの入力または確認を求めます）",
        "ask for log-ins and signatures (you confirm each with your PIN or a yes)",
    ),
    Grant.PAGE_PIN: _text(
        "サイトの画面でのPIN入力（サイトがPINを知ることになります）",
        "take your PIN in its own page (the site then knows it)",
    ),
}


@dataclass(frozen=True, slots=True)
class About:
    """With what every question about a key deals: who asks, and the certificate if it is known."""

    language: Language
    origin: str | None
    certificate: X509 | None


@dataclass(frozen=True, slots=True)
class Subject(About):
    """The same, and the card's PIN, or the PUK of a PIN that it `unblocks`."""

    label: str
    rules: PinRules
    status: PinStatus
    unblocks: Subject | None = None

    @property
    def last_try(self) -> bool:
        """Whether a wrong PIN now blocks the card."""
        return self.status.tries_left == 1

    @property
    def which(self) -> WhichSecret:
        """Which of the two it is."""
        return WhichSecret.PIN if self.unblocks is None else WhichSecret.PUK


@dataclass(frozen=True, slots=True)
class Signing:
    """What is to be signed: the page's own title, and the digests that are really signed.

    Of a document also its format, and what else the page has put into its signature.
    """

    title: str
    fingerprints: Sequence[str]
    format: str = ""
    reason: str | None = None
    location: str | None = None
    file_name: str | None = None


def site(language: Language, origin: str | None) -> str:
    """Return who asks: the origin as browsers write it, where no letter looks like another."""
    return origin or _PROGRAM[language]


def rules_text(rules: PinRules, language: Language) -> str:
    """Return the shape of a PIN for a person."""
    low, high = rules.min_length, rules.max_length
    length = str(low) if low == high else f"{low}～{high}"
    if language is Language.EN:
        length = length.replace("～", " to ")
    return _ALPHABETS[rules.alphabet][language].format(length=length)


def rules_fault(question: Question) -> str:
    """Return what was wrong with a PIN that broke its rules."""
    wanted = question.wanted
    assert wanted is not None
    return _BREAKS_RULES[question.language].format(label=wanted.label, rules=wanted.rules_text)


def wrong(label: str, left: int | None, language: Language) -> str:
    """Return that a PIN was wrong, and how many tries are left."""
    text = _WRONG if left is None else _WRONG_LEFT
    return text[language].format(label=label, left=left)


def sites_question(
    language: Language, origin: str, grants: Iterable[Grant], *, stranger: bool = False
) -> Question:
    """Ask whether a site may have grants from now on; a `stranger` can be refused for good."""
    lines = [Fact(_SITE[language], origin)]
    lines += [Fact(_GRANTS[language], _GRANT_TEXTS[grant][language]) for grant in sorted(grants)]
    return Question(
        language,
        _text("ICカードの使用を許可しますか？", "Let this site use your IC card?")[language],
        tuple(lines),
        ok=_text("許可する", "Allow")[language],
        cancel=_text("許可しない", "Do not allow")[language],
        never=_text("今後も拒否する", "Never ask again")[language] if stranger else "",
        warnings=(
            _text(
                "見覚えのないサイトのときは、許可しないでください。",
                "Do not allow a site that you do not know.",
            )[language],
        ),
    )


def verify_question(subject: Subject, seconds: int) -> Question:
    """Ask for the PIN that lets a site use a key for some time."""
    language = subject.language
    more = fact(_DURATION[language], _text("{}秒間", "{} seconds")[language].format(seconds))
    heading = _text("ICカードの使用", "Use of the IC card")
    return _pin(subject, heading[language], _OK[language], more)


_LOG_IN_HEADING = _text("ICカードでログイン", "Log in with the IC card")
_LOG_IN = _text("ログイン", "Log in")
_SIGN_HEADING = _text("電子署名", "Digital signature")
_SIGN = _text("署名する", "Sign")


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
    question = _pin(subject, _SIGN_HEADING[language], _SIGN[language], _signed(language, signing))
    return replace(question, details=tuple(signing.fingerprints))


def confirm_question(about: About, signing: Signing) -> Question:
    """Ask for a yes to signing just this, while the PIN is still verified or where there is none."""
    question = _agree(about, _SIGN_HEADING, _SIGN, _signed(about.language, signing))
    return replace(question, details=tuple(signing.fingerprints))


_ON_KEYPAD = _text(
    "「次へ」の後、ICカードリーダーのキーでPINを入力してください。",
    "After “Next” enter the PIN on the keys of the card reader.",
)
_CHANGE_ON_KEYPAD = _text(
    "「次へ」の後、ICカードリーダーのキーで、現在のPIN、新しいPIN、確認のためもう一度新しいPINの順に入力してください。",
    "After “Next” enter the present PIN, the new PIN, and the new PIN again on the keys of the "
    "card reader.",
)


def keypad_question(question: Question, *, changes: bool = False) -> Question:
    """Show a question whose PIN is typed on the reader once the person agrees, or changed there."""
    hint = _CHANGE_ON_KEYPAD if changes else _ON_KEYPAD
    return replace(
        question,
        wanted=None,
        ok=_text("次へ", "Next")[question.language],
        warnings=(*question.warnings, hint[question.language]),
    )


def old_pin_question(subject: Subject) -> Question:
    """Ask for the PIN that is to be changed."""
    language = subject.language
    heading = _text("PIN番号の変更", "Change the PIN")[language]
    asked = _pin(subject, heading, _text("次へ", "Next")[language])
    return _labelled(asked, _text("現在の{}", "Present {}")[language].format(subject.label))


def new_pin_question(subject: Subject) -> Question:
    """Ask for the new PIN, twice."""
    language = subject.language
    heading = _text("新しいPIN番号", "The new PIN")[language]
    asked = replace(_pin(subject, heading, _text("変更する", "Change")[language]), warnings=())
    again = _text("もう一度", "Once more")[language]
    return _labelled(asked, _text("新しい{}", "New {}")[language].format(subject.label), again)


def old_puk_question(subject: Subject) -> Question:
    """Ask for the PUK that is to be changed; `subject` has its rules and label."""
    heading = _text("PUKの変更", "Change the PUK")
    return replace(old_pin_question(subject), heading=heading[subject.language])


def new_puk_question(subject: Subject) -> Question:
    """Ask for the new PUK, twice; `subject` as above."""
    heading = _text("新しいPUK", "The new PUK")
    return replace(new_pin_question(subject), heading=heading[subject.language])


def puk_question(subject: Subject) -> Question:
    """Ask for the PUK; `subject` has its rules and label."""
    language = subject.language
    heading = _text("ロックの解除", "Unblock the PIN")[language]
    return _pin(subject, heading, _text("次へ", "Next")[language])


def unblocked_pin_question(subject: Subject) -> Question:
    """Ask for the new PIN, twice, of who has given the PUK."""
    assert subject.unblocks is not None
    return new_pin_question(subject.unblocks)


def last_try_question(subject: Subject) -> Question:
    """Ask whether the last try is to be used."""
    language = subject.language
    return Question(
        language,
        _text("最後の1回を使用しますか？", "Use the last try?")[language],
        tuple(_who(subject)),
        ok=_text("{}を入力する", "Enter the {}")[language].format(subject.which.upper()),
        cancel=_CANCEL[language],
        warnings=_last_try_warning(subject),
    )


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
        details.append(_text("…ほか{}件", "… and {} more")[language].format(more))
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


def _pin(subject: Subject, heading: str, ok: str, more: Sequence[Fact] = ()) -> Question:
    language = subject.language
    rules = rules_text(subject.rules, language)
    tries = subject.status.tries_left
    left = (
        [] if tries is None else fact(_TRIES[language], _text("{}回", "{}")[language].format(tries))
    )
    warnings = (*_last_try_warning(subject), *_expiry_warning(subject))
    return Question(
        language,
        heading,
        (*_who(subject), *more, *fact(_RULES[language], rules), *left),
        ok=ok,
        cancel=_CANCEL[language],
        warnings=warnings,
        wanted=Wanted(one_line(subject.label, 40), subject.rules, rules),
    )


def _agree(about: About, heading: Text, ok: Text, more: Sequence[Fact] = ()) -> Question:
    language = about.language
    return Question(
        language,
        heading[language],
        (*_who(about), *more),
        ok=ok[language],
        cancel=_CANCEL[language],
        warnings=_expiry_warning(about),
    )


def _labelled(question: Question, label: str, again: str = "") -> Question:
    assert question.wanted is not None
    return replace(
        question, wanted=replace(question.wanted, label=one_line(label, 50), again=again)
    )


def _who(subject: About) -> list[Fact]:
    language, certificate = subject.language, subject.certificate
    lines = [Fact(_SITE[language], site(language, subject.origin))]
    if certificate is not None:
        holder = certificate.holder
        lines += fact(_CERTIFICATE[language], joined([holder.name, holder.organization]), most=80)
        end = certificate.not_after.astimezone().date().isoformat()
        days = _text("{}（残り{}日）", "{} ({} days left)")[language]
        lines += fact(_VALID[language], days.format(end, certificate.expires_in_days))
    return lines


def _signed(language: Language, signing: Signing) -> list[Fact]:
    count = _text("{}件", "{}")[language].format(len(signing.fingerprints))
    return [
        *fact(_DOCUMENT[language], signing.title, quoted=True, most=100),
        *fact(_REASON[language], signing.reason, quoted=True, most=100),
        *fact(_LOCATION[language], signing.location, quoted=True, most=100),
        *fact(_FILE_NAME[language], signing.file_name, quoted=True, most=100),
        *fact(_FORMAT[language], signing.format),
        *fact(_COUNT[language], count),
    ]


def _last_try_warning(subject: Subject) -> tuple[str, ...]:
    text = _LAST_TRY if subject.unblocks is None else _LAST_TRY_OF_PUK
    return (text[subject.language],) if subject.last_try else ()


def _expiry_warning(subject: About) -> tuple[str, ...]:
    days = subject.certificate.expires_in_days if subject.certificate else EXPIRES_SOON_DAYS + 1
    return (_SOON[subject.language].format(days=days),) if days <= EXPIRES_SOON_DAYS else ()


_WINDOW_WORDS: dict[str, Text] = {
    "shownBy": _text(
        "このコンピューターのbridgedが表示しています", "Shown by bridged on this computer"
    ),
    "quoted": _text("サイトの表示", "the site's own words"),
    "details": _text("署名するデータのハッシュ値", "Digests of what is signed"),
    "notTheSame": NOT_THE_SAME,
    "over": _text("終わりました。この画面を閉じてください。", "Done. You can close this window."),
    "working": _text("しばらくお待ちください。", "One moment."),
}


def window_words(language: Language) -> dict[str, str]:
    """Return what the window says beside the question itself."""
    return {name: text[language] for name, text in _WINDOW_WORDS.items()}
