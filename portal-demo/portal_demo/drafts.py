"""What a person has typed so far, and when it counts as confirmed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.clock import Clock
from portal_demo.errors import DraftChanged, FormIncomplete, NameMismatch
from portal_demo.holders import Holder, holder_of
from portal_demo.language import Text
from portal_demo.matching import same_name
from portal_demo.models import Company, Draft, Session, User
from portal_demo.procedures import Kind, Procedure
from portal_demo.register import NOT_ON_CARD, read_only_values
from portal_demo.rows import insert_missing, sweep
from portal_demo.sessions import owner_of
from portal_demo.validation import check, convert

NAME_FAULT = Text(NameMismatch.ja, NameMismatch.en)
DIFFERENCE_FAULT = Text(
    "企業名称の違いを確認し、チェックを入れて下さい。",
    "Check the difference of the company names and tick the box.",
)
DIFFERENCE_FIELD = "accept-name-difference"
MAX_TYPED = 1000
KEPT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Form:
    """A draft with all that its screens show; `holder` is the card's, `user` who has none."""

    procedure: Procedure
    draft: Draft
    company: Company
    holder: Holder | None
    user: User | None

    @property
    def values(self) -> dict[str, str]:
        """Return every line of the form, read-only ones included; secrets are blank."""
        secret = {field.name: "" for field in self.procedure.table.fields if field.secret}
        return {**read_only_values(self.company), **self._own_values, **secret, **self.draft.values}

    @property
    def _own_values(self) -> dict[str, str]:
        if self.user:
            return {"user_id": self.user.name}
        holder = self.holder or Holder(None, None, None)
        return {
            "card_company": holder.organization or NOT_ON_CARD,
            "card_holder": holder.name or NOT_ON_CARD,
            "card_holder_address": holder.address or NOT_ON_CARD,
        }

    @property
    def names_differ(self) -> bool:
        """Tell whether the card names another company than the register."""
        named = self.holder.organization if self.holder else None
        return named is not None and not same_name(named, self.company.name)

    @property
    def faults(self) -> dict[str, Text]:
        """Return a message for each field that is wrong; secrets are checked when they come."""
        faults = check(self.procedure.table.kept, self.draft.values).faults
        if "qualification_name" not in faults and not same_name(
            self.draft.values["qualification_name"], self.company.name
        ):
            faults["qualification_name"] = NAME_FAULT
        if self.names_differ and not self.draft.difference_accepted:
            faults[DIFFERENCE_FIELD] = DIFFERENCE_FAULT
        return faults


def revision_of(draft: Draft) -> str:
    """Name the state of a draft that a page shows."""
    return f"{draft.id}.{draft.revision}"


async def find_draft(db: AsyncSession, session: Session, procedure: Procedure) -> Draft | None:
    """Return what the session's card or user has typed in a procedure; nobody else changes it."""
    own = select(Draft).where(Draft.owner == owner_of(session), Draft.procedure == procedure.kind)
    return (await db.scalars(own.with_for_update())).one_or_none()


async def open_draft(
    db: AsyncSession,
    session: Session,
    procedure: Procedure,
    company: Company,
    *,
    first: Mapping[str, str],
    clock: Clock,
) -> bool:
    """Begin a draft with `first` values; one for the same company is kept, and True returned."""
    now = clock()
    sweep(db, Draft, Draft.changed <= now - KEPT)
    draft = await find_draft(db, session, procedure)
    old = draft is not None and draft.changed <= now - KEPT
    if draft is not None and draft.company_number == company.number and not old:
        return True
    if draft is not None:
        await db.delete(draft)
        await db.flush()
    begun = await insert_missing(
        db,
        Draft,
        id=secrets.token_urlsafe(16),
        owner=owner_of(session),
        procedure=procedure.kind,
        company_number=company.number,
        values={field.name: first.get(field.name, "") for field in procedure.table.kept},
        changed=now,
    )
    if begun:
        return False
    # Another browser of the same person began one at the same moment.
    return await open_draft(db, session, procedure, company, first=first, clock=clock)


async def load_form(db: AsyncSession, session: Session, procedure: Procedure) -> Form | None:
    """Return the session's form; None before a company was found."""
    draft = await find_draft(db, session, procedure)
    renewing = procedure.kind is Kind.RENEW
    certificate = session.new_certificate if renewing else session.certificate
    if draft is None or (procedure.by_card and certificate is None):
        return None
    return Form(
        procedure,
        draft,
        company=await db.get_one(Company, draft.company_number),
        holder=holder_of(x509.load_der_x509_certificate(certificate)) if certificate else None,
        user=await db.get_one(User, session.user_id) if session.user_id else None,
    )


def keep(
    form: Form,
    revision: str,
    typed: Mapping[str, str],
    clock: Clock,
    *,
    difference_accepted: bool,
) -> None:
    """Keep what was typed, right or wrong; a change takes the confirmation away.

    Raises DraftChanged if the page showed another state of the draft, unless it changes nothing.
    """
    draft = form.draft
    draft_id, _, count = revision.rpartition(".")
    if draft_id != draft.id:
        raise DraftChanged
    values = {
        field.name: convert(field, typed.get(field.name, "")[:MAX_TYPED])
        for field in form.procedure.table.kept
    }
    if values == draft.values and difference_accepted == draft.difference_accepted:
        return
    if count != str(draft.revision):
        raise DraftChanged
    draft.values = values
    draft.revision += 1
    draft.difference_accepted = difference_accepted
    draft.changed = clock()
    unconfirm(draft)


def unconfirm(draft: Draft) -> None:
    """Take the confirmation away, with the password that was confirmed."""
    draft.confirmation = None
    draft.new_password_hash = None


def confirm(form: Form) -> None:
    """Give the content, which has no faults, a confirmation."""
    form.draft.confirmation = form.draft.confirmation or secrets.token_urlsafe(32)


def require_confirmation(form: Form | None, confirmation: str) -> Form:
    """Return the form if this is the content that was confirmed. Raises FormIncomplete."""
    if form is None or form.draft.confirmation is None or form.faults:
        raise FormIncomplete
    if not secrets.compare_digest(form.draft.confirmation.encode(), confirmation.encode()):
        raise FormIncomplete
    return form
