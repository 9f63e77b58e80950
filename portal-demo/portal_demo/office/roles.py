"""Who may do what: the one table that every screen and action is checked against."""

from __future__ import annotations

from enum import StrEnum

from portal_demo.language import Text


class Role(StrEnum):
    """What somebody in the office is there for."""

    VIEWER = "viewer"
    EXAMINER = "examiner"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One thing that may be allowed."""

    OWN_ACCOUNT = "own-account"
    READ_APPLICATIONS = "read-applications"
    DECIDE = "decide"
    READ_QUESTIONS = "read-questions"
    ANSWER_QUESTIONS = "answer-questions"
    READ_USERS = "read-users"
    HELP_USERS = "help-users"
    READ_MAIL = "read-mail"
    CHANGE_REGISTER = "change-register"
    MANAGE_OFFICERS = "manage-officers"
    READ_AUDIT = "read-audit"


ROLE_NAMES = {
    Role.VIEWER: Text("閲覧", "Viewer"),
    Role.EXAMINER: Text("審査", "Examiner"),
    Role.ADMINISTRATOR: Text("管理者", "Administrator"),
}
_VIEWER = frozenset(
    {
        Permission.OWN_ACCOUNT,
        Permission.READ_APPLICATIONS,
        Permission.READ_QUESTIONS,
        Permission.READ_USERS,
    }
)
_EXAMINER = _VIEWER | {Permission.DECIDE, Permission.ANSWER_QUESTIONS, Permission.HELP_USERS}
ALLOWED: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.EXAMINER: _EXAMINER,
    Role.ADMINISTRATOR: frozenset(Permission),
}


def allowed(role: str, permission: Permission) -> bool:
    """Tell whether a role has a permission; one that is not known has none."""
    return role in ALLOWED and permission in ALLOWED[Role(role)]
