"""What the doctor finds: each finding by its name in the catalogue, with what it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from bridged.doctor.catalogue import CATALOGUE
from bridged.doctor.catalogue.entry import Severity
from bridged.errors.config_words import in_japanese

Language = Literal["ja", "en"]
Fields = dict[str, str | int]


_SERIAL = re.compile(r" \([^()]*\)(?= [0-9A-F]{2} [0-9A-F]{2}$)")
"""The serial number of a device in the name that pcscd gives its reader."""


class ExitStatus(IntEnum):
    """What `bridged doctor` ends with."""

    GOOD = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and how it is.

    `fields` fill the sentences; `personal` names those that say who the person is, and are left
    out of what is given away.
    """

    name: str
    fields: Fields = field(default_factory=dict)
    personal: frozenset[str] = frozenset()

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return CATALOGUE[self.name].severity

    def title(self, language: Language) -> str:
        """Return what is so, in a sentence."""
        fields = self.fields
        if language == "ja" and "detail" in fields:
            fields = fields | {"detail": in_japanese(str(fields["detail"]))}
        return str(getattr(CATALOGUE[self.name], language)).format_map(fields)

    def advice(self, language: Language) -> str:
        """Return what to do; empty where nothing is to be done."""
        return str(getattr(CATALOGUE[self.name], f"{language}_advice")).format_map(self.fields)

    def to_json(self) -> dict[str, object]:
        """Return all of it, for programs."""
        return {
            "name": self.name,
            "severity": self.severity.name.lower(),
            "title": {"ja": self.title("ja"), "en": self.title("en")},
            "advice": {"ja": self.advice("ja"), "en": self.advice("en")},
            "fields": self.fields,
        }

    def anonymous(self) -> Finding:
        """Return it without what says who the person is, or which reader of its kind is his."""
        shown = {k: "***" if k in self.personal else v for k, v in self.fields.items()}
        if "reader" in shown:
            shown["reader"] = _SERIAL.sub(" (***)", str(shown["reader"]))
        return Finding(self.name, shown)


def exit_status(findings: list[Finding]) -> ExitStatus:
    """Return what the worst of the findings comes to."""
    worst = max((finding.severity for finding in findings), default=Severity.GOOD)
    if worst is Severity.ERROR:
        return ExitStatus.ERROR
    return ExitStatus.WARNING if worst is Severity.WARNING else ExitStatus.GOOD
