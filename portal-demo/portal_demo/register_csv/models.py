"""The tables of a file for the register, between its being read and its being applied."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal_demo.models import Base, CompanyColumns, UtcDateTime


class RegisterImport(Base):
    """A file for the register that was read and compared, but changes nothing before it is applied.

    `digest` names the file and the state of the register (`after`, the last change) it was
    compared with; there is none before all of the file is in `register_import_row`.
    """

    __tablename__ = "register_import"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    encoding: Mapped[str] = mapped_column(String(8))
    after: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    faults: Mapped[int] = mapped_column(default=0)
    first_faults: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    ignored: Mapped[list[str]] = mapped_column(JSON, default=list)
    created: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    applied: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RegisterImportRow(CompanyColumns, Base):
    """A company as a file for the register has it, in a line that is right."""

    __tablename__ = "register_import_row"
    __table_args__ = (Index("ix_register_import_row_number", "import_id", "number"),)

    import_id: Mapped[int] = mapped_column(ForeignKey("register_import.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(10))
