"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal_demo.language import Text


class Check(StrEnum):
    """What is looked at."""

    DOCUMENT = "document"
    RECORD = "record"
    TIME = "time"
    SIGNATURE = "signature"
    EVIDENCE = "evidence"
    PATH = "path"
    REVOCATION = "revocation"

    @property
    def label(self) -> Text:
        """Return what a person calls it."""
        return _TITLES[self]


class Outcome(StrEnum):
    """What was found.

    `NONE` tells that there is nothing to be verified, and why; `NOT_KEPT` that something cannot be
    verified, as it was not kept at that time: neither good nor tampered with.
    """

    GOOD = "good"
    BAD = "bad"
    NONE = "none"
    NOT_KEPT = "not-kept"


_TITLES = {
    Check.DOCUMENT: Text("申請文書", "Document"),
    Check.RECORD: Text("登録内容", "Record"),
    Check.TIME: Text("受付時刻", "Time"),
    Check.SIGNATURE: Text("署名", "Signature"),
    Check.EVIDENCE: Text("証拠", "Evidence"),
    Check.PATH: Text("認証パス", "Path"),
    Check.REVOCATION: Text("失効確認", "Revocation"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `about` names a certificate or file, where there are several."""

    check: Check
    outcome: Outcome
    text: Text
    about: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found about one application."""

    number: str
    received: datetime
    document_sha256: str
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Tell whether all could be verified, and nothing speaks against the application."""
        return not self.outcomes & {Outcome.BAD, Outcome.NOT_KEPT}

    @property
    def outcomes(self) -> set[Outcome]:
        """Return everything that was found, by its kind."""
        return {finding.outcome for finding in self.findings}


def judged(check: Check, good: Text, bad: Text, *, ok: bool, about: str = "") -> Finding:
    """Return a finding that is one of two."""
    return Finding(check, Outcome.GOOD if ok else Outcome.BAD, good if ok else bad, about)
