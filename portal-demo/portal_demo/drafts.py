"""What a person has typed so far, and when it counts as confirmed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509
from sqlalchemy.ext.asyncio import AsyncSession

from portal_demo.errors import FormIncomplete, NameMismatch
from portal_demo.fields import FORM_FIELDS
from portal_demo.holders import Holder, holder_of
from portal_demo.language import Text
from portal_demo.matching import same_name
from portal_demo.models import Company, Draft, Session
from portal_demo.register import NOT_ON_CARD, first_values, read_only_values
from portal_demo.validation import check, convert

NAME_FAULT = Text(NameMismatch.ja, NameMismatch.en)
DIFFERENCE_FAULT = Text(
    "企業名称の違いを確認し、チェックを入れて下さい。",
    "Check the difference of the company names and tick the box.",
)
DIFFERENCE_FIELD = "accept-name-difference"
MAX_TYPED = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """A draft with all that its screens show."""

    draft: Draft
    company: Company
    holder: Holder

    @property
    def values(self) -> dict[str, str]:
        """Return every line of the form, read-only ones included."""
        return {
            **read_only_values(self.company),
            "card_company": self.holder.organization or NOT_ON_CARD,
            "card_holder": self.holder.name or NOT_ON_CARD,
            "card_holder_address": self.holder.address or NOT_ON_CARD,
            **self.draft.values,
        }

    @property
    def names_differ(self) -> bool:
        """Tell whether the card names another company than the register."""
        named = self.holder.organization
        return named is not None and not same_name(named, self.company.name)

    @property
    def faults(self) -> dict[str, Text]:
        """Return a message for each field that is wrong."""
        faults = check(FORM_FIELDS, self.draft.values).faults
        if "qualification_name" not in faults and not same_name(
            self.draft.values["qualification_name"], self.company.name
        ):
            faults["qualification_name"] = NAME_FAULT
        if self.names_differ and not self.draft.difference_accepted:
            faults[DIFFERENCE_FIELD] = DIFFERENCE_FAULT
        return faults


async def open_draft(db: AsyncSession, session: Session, company: Company) -> None:
    """Begin a draft for a company; one for the same company is kept as typed."""
    draft = await db.get(Draft, session.id)
    if draft is not None and draft.company_number == company.number:
        return
    if draft is not None:
        await db.delete(draft)
        await db.flush()
    blank = {field.name: "" for field in FORM_FIELDS}
    db.add(
        Draft(
            session_id=session.id,
            company_number=company.number,
            values={**blank, **first_values(company)},
        )
    )


async def load_form(db: AsyncSession, session: Session) -> Form | None:
    """Return the session's form; None before a company was found."""
    draft = await db.get(Draft, session.id)
    if draft is None or session.certificate is None:
        return None
    company = await db.get_one(Company, draft.company_number)
    return Form(draft, company, holder_of(x509.load_der_x509_certificate(session.certificate)))


def keep(draft: Draft, typed: Mapping[str, str], *, difference_accepted: bool) -> None:
    """Keep what was typed, right or wrong; a change takes the confirmation away."""
    values = {
        field.name: convert(field, typed.get(field.name, "")[:MAX_TYPED]) for field in FORM_FIELDS
    }
    if values == draft.values and difference_accepted == draft.difference_accepted:
        return
    draft.values = values
    draft.difference_accepted = difference_accepted
    draft.confirmation = None


def confirm(form: Form) -> bool:
    """Give the content a confirmation if it has no faults; from here on faults are shown."""
    form.draft.checked = True
    if form.faults:
        form.draft.confirmation = None
        return False
    form.draft.confirmation = form.draft.confirmation or secrets.token_urlsafe(32)
    return True


def require_confirmation(form: Form | None) -> tuple[Form, str]:
    """Return the form and its confirmation. Raises FormIncomplete."""
    if form is None or form.draft.confirmation is None or form.faults:
        raise FormIncomplete
    return form, form.draft.confirmation
