"""The families of errors, by who can act, and what every error can say of itself."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, cast


class BridgedError(Exception):
    """Root of the tree; never raised itself."""

    reason: ClassVar[str]
    code: ClassVar[int]
    en: ClassVar[str]
    ja: ClassVar[str]
    made = cast("tuple[bytes, ...]", ())
    """The signatures a batch had made when this ended it, in order; no field of the error."""

    def data(self) -> dict[str, object]:
        """Return the typed fields of this error by their Python names."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    def messages(self) -> dict[str, str]:
        """Return one sentence or two for a person, by language, with what to do next."""
        values = self.data()
        return {"ja": self.ja.format(**values), "en": self.en.format(**values)}

    def __str__(self) -> str:
        return self.messages()["en"]


class CallerError(BridgedError):
    """The request is wrong as it stands."""


class RetryableError(BridgedError):
    """The same request may succeed once something has changed."""


class BlockedError(BridgedError):
    """Only somebody elsewhere can mend it."""


class LocalError(BridgedError):
    """The program itself cannot go on; told on the terminal, never on the wire."""


@dataclass(eq=False)
class InternalError(BridgedError):
    """A defect in bridged; `id` is in the log beside the traceback."""

    id: str
    reason, code = "internal-error", -32603
    en = "Something went wrong inside bridged. Report the number {id}."
    ja = "bridgedの内部でエラーが発生しました。番号 {id} を添えてお問い合わせください。"
