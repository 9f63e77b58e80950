"""The facts and warnings of questions, in Japanese and English."""

from __future__ import annotations

from collections.abc import Iterable

from bridged.model import Grant, PinAlphabet, PinRules
from bridged.pin.question import Fact, Language, Words, fact, joined, words
from bridged.pin.subject import About, Signing, Subject

EXPIRES_SOON_DAYS = 30
"""A bid whose certificate ends before it is opened is void: warned about from here on (days)."""
_PROGRAM = words("このコンピューターのプログラム", "A program on this computer")
_SITE = words("要求元", "Asked by")
_CERTIFICATE = words("証明書", "Certificate")
_VALID = words("有効期限", "Valid until")
_TRIES = words("残り回数", "Tries left")
_DOCUMENT = words("署名する文書", "To be signed")
_COUNT = words("件数", "Documents")
_FORMAT = words("署名の形式", "Format")
_REASON = words("署名の理由", "Reason")
_LOCATION = words("署名の場所", "Place")
_FILE_NAME = words("ファイル名", "File name")
_RULES = words("入力する文字", "What to type")
_DURATION = words("使用できる時間", "For how long")
_GRANTS = words("許可する操作", "It wants to")
_LAST_TRY = words(
    "残り1回です。次に間違えるとICカードがロックされ、使用できなくなります。",
    "One try is left. A wrong PIN now blocks the card.",
)
_LAST_TRY_OF_PUK = words(
    "残り1回です。次に間違えるとPUKがロックされ、PINのロックを解除できなくなります。",
    "One try is left. A wrong PUK now blocks the PUK, and a blocked PIN stays so for good.",
)
_SOON = words(
    "証明書の有効期間が残り{days}日です。開札の前に期限が切れると入札が無効になることがあります。",
    "The certificate ends in {days} days. A bid can become void if that is before the opening.",
)
_ALPHABETS = {
    PinAlphabet.DIGITS: words("半角数字{length}桁", "{length} digits"),
    PinAlphabet.UPPER_ALNUM: words(
        "半角の英字・数字{length}文字（小文字は大文字になります）",
        "{length} letters and digits (small letters become capitals)",
    ),
    PinAlphabet.ASCII: words("半角の英字・数字・記号{length}文字", "{length} ASCII characters"),
}
_GRANT_TEXTS: dict[Grant, Words] = {
    Grant.CERTIFICATES: words(
        "ICカードの証明書（氏名・会社名など）の読み取り",
        "read the certificates on the card (names, company)",
    ),
    Grant.SIGN: words(
        "ICカードによるログインと電子署名（そのつどPINの入力または確認を求めます）",
        "ask for log-ins and signatures (you confirm each with your PIN or a yes)",
    ),
    Grant.PAGE_PIN: words(
        "サイトの画面でのPIN入力（サイトがPINを知ることになります）",
        "take your PIN in its own page (the site then knows it)",
    ),
}


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


def who(about: About) -> list[Fact]:
    """Return who asks, the certificate's holder and how long it lasts, as far as it is known."""
    language, certificate = about.language, about.certificate
    lines = [Fact(_SITE[language], site(language, about.origin))]
    if certificate is not None:
        holder = certificate.holder
        lines += fact(_CERTIFICATE[language], joined([holder.name, holder.organization]), most=80)
        end = certificate.not_after.astimezone().date().isoformat()
        days = words("{}（残り{}日）", "{} ({} days left)")[language]
        lines += fact(_VALID[language], days.format(end, certificate.expires_in_days))
    return lines


def allowed(language: Language, origin: str, grants: Iterable[Grant]) -> list[Fact]:
    """Return which site is to be allowed what."""
    asked = [Fact(_GRANTS[language], _GRANT_TEXTS[grant][language]) for grant in sorted(grants)]
    return [Fact(_SITE[language], origin), *asked]


def duration(language: Language, seconds: int) -> list[Fact]:
    """Return for how long a PIN is to hold."""
    return fact(_DURATION[language], words("{}秒間", "{} seconds")[language].format(seconds))


def to_type(subject: Subject) -> list[Fact]:
    """Return the shape of the PIN, and the tries left where the card tells them."""
    language, tries = subject.language, subject.status.tries_left
    rules = fact(_RULES[language], rules_text(subject.rules, language))
    if tries is None:
        return rules
    return rules + fact(_TRIES[language], words("{}回", "{}")[language].format(tries))


def signed(language: Language, signing: Signing) -> list[Fact]:
    """Return what is to be signed; what the page says of it is quoted."""
    count = words("{}件", "{}")[language].format(len(signing.fingerprints))
    return [
        *fact(_DOCUMENT[language], signing.title, quoted=True, most=100),
        *fact(_REASON[language], signing.reason, quoted=True, most=100),
        *fact(_LOCATION[language], signing.location, quoted=True, most=100),
        *fact(_FILE_NAME[language], signing.file_name, quoted=True, most=100),
        *fact(_FORMAT[language], signing.format),
        *fact(_COUNT[language], count),
    ]


def last_try_warning(subject: Subject) -> tuple[str, ...]:
    """Return what becomes of the card after one more wrong entry, where it is the last."""
    warning = _LAST_TRY if subject.unblocks is None else _LAST_TRY_OF_PUK
    return (warning[subject.language],) if subject.last_try else ()


def expiry_warning(about: About) -> tuple[str, ...]:
    """Return that the certificate ends soon, where it does."""
    days = about.certificate.expires_in_days if about.certificate else EXPIRES_SOON_DAYS + 1
    return (_SOON[about.language].format(days=days),) if days <= EXPIRES_SOON_DAYS else ()
