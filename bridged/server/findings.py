"""The doctor's findings as the status page shows them: a sign each, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bridged.doctor.catalogue.entry import Severity
from bridged.doctor.finding import Finding
from bridged.server.pages import LANGUAGES

_SIGNS = {
    Severity.GOOD: ("good", ("良好", "Good"), "M4 10.5l4 4 8-9"),
    Severity.HINT: ("hint", ("ヒント", "Hint"), "M10 9v6M10 5v.5"),
    Severity.WARNING: ("wait", ("注意", "Attention"), "M10 4v8M10 15v.5"),
    Severity.ERROR: ("bad", ("エラー", "Error"), "M5 5l10 10M15 5L5 15"),
}
"""The class, the name and the drawn path of each severity."""


def rows(findings: Sequence[Finding], lang: int, *, good: bool) -> str:
    """Return the list items of what is good, or of all else, the worst first."""
    chosen = [each for each in findings if (each.severity is Severity.GOOD) is good]
    chosen.sort(key=lambda finding: -finding.severity)
    return "".join(_row(finding, lang) for finding in chosen)


def nothing_wrong(findings: Sequence[Finding]) -> bool:
    """Whether nothing needs the person's attention; hints may be there."""
    return all(finding.severity <= Severity.HINT for finding in findings)


def _row(finding: Finding, lang: int) -> str:
    language = LANGUAGES[lang]
    mood, names, path = _SIGNS[finding.severity]
    advice = escape(finding.advice(language))
    return (
        f'<li class="{mood}"><svg viewBox="0 0 20 20" role="img" aria-label="{names[lang]}">'
        f'<path d="{path}"/></svg><div><strong>{escape(finding.title(language))}</strong>'
        + (f"<span>{advice}</span>" if advice else "")
        + "</div></li>"
    )
