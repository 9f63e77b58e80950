"""Each screen and action, for each role: what is written down here and nothing more."""

from __future__ import annotations

import re

import pytest

from portal_demo.office.roles import ALLOWED, Permission, Role, allowed
from portal_demo.office.routes import ROUTES
from portal_demo.office.views.desk import Route

LOGINS = {Role.VIEWER: "etsuran01", Role.EXAMINER: "shinsa01", Role.ADMINISTRATOR: "kanri01"}
# Before a log-in: each of these looks at session and source by itself.
OPEN = {
    "GET /office",
    "GET /office/login",
    "POST /office/login",
    "GET /office/login/card",
    "POST /api/office/challenge",
    "POST /api/office/login",
    "GET /api/office/session",
    "POST /api/office/session",
}
# Each screen and action of the office, and the least that may reach it. It is written down here once
# more, not taken from the routes: a new one has to be thought about, and a changed one looked at.
LEAST = {
    "POST /office/logout": Role.VIEWER,
    "GET /office/account": Role.VIEWER,
    "POST /office/account": Role.VIEWER,
    "GET /office/account/recovery-codes": Role.VIEWER,
    "POST /office/account/recovery-codes": Role.VIEWER,
    "GET /office/setup": Role.VIEWER,
    "POST /office/setup": Role.VIEWER,
    "GET /office/applications": Role.VIEWER,
    "GET /office/applications/{number}": Role.VIEWER,
    "POST /office/applications/{number}": Role.EXAMINER,
    "GET /office/applications/{number}/files/{name}": Role.VIEWER,
    "GET /office/questions": Role.VIEWER,
    "GET /office/questions/{number}": Role.VIEWER,
    "POST /office/questions/{number}": Role.EXAMINER,
    "POST /office/questions/{number}/close": Role.EXAMINER,
    "GET /office/users": Role.VIEWER,
    "GET /office/users/{id}": Role.VIEWER,
    "POST /office/users/{id}/unlock": Role.EXAMINER,
    "GET /office/users/{id}/reset": Role.EXAMINER,
    "POST /office/users/{id}/reset": Role.EXAMINER,
    "GET /office/register": Role.ADMINISTRATOR,
    "POST /office/register/import": Role.ADMINISTRATOR,
    "GET /office/register/import/{digest}": Role.ADMINISTRATOR,
    "POST /office/register/import/{digest}": Role.ADMINISTRATOR,
    "GET /office/register/register.csv": Role.ADMINISTRATOR,
    "GET /office/register/merge": Role.ADMINISTRATOR,
    "POST /office/register/merge": Role.ADMINISTRATOR,
    "GET /office/register/merge/{number}": Role.ADMINISTRATOR,
    "GET /office/mail": Role.ADMINISTRATOR,
    "GET /office/mail/{id}": Role.ADMINISTRATOR,
    "POST /office/mail/{id}/again": Role.ADMINISTRATOR,
    "GET /office/officers": Role.ADMINISTRATOR,
    "GET /office/officers/new": Role.ADMINISTRATOR,
    "POST /office/officers/new": Role.ADMINISTRATOR,
    "GET /office/officers/{id}": Role.ADMINISTRATOR,
    "POST /office/officers/{id}": Role.ADMINISTRATOR,
    "GET /office/officers/{id}/reset": Role.ADMINISTRATOR,
    "POST /office/officers/{id}/reset": Role.ADMINISTRATOR,
    "POST /office/officers/{id}/unlock": Role.ADMINISTRATOR,
    "GET /office/officers/{id}/remove-card": Role.ADMINISTRATOR,
    "POST /office/officers/{id}/remove-card": Role.ADMINISTRATOR,
    "GET /office/officers/{id}/disable": Role.ADMINISTRATOR,
    "POST /office/officers/{id}/disable": Role.ADMINISTRATOR,
    "GET /office/officers/{id}/enable": Role.ADMINISTRATOR,
    "POST /office/officers/{id}/enable": Role.ADMINISTRATOR,
    "GET /office/officers/{id}/card": Role.ADMINISTRATOR,
    "POST /api/office/officers/{id}/card": Role.ADMINISTRATOR,
    "GET /office/audit": Role.ADMINISTRATOR,
}
LADDER = list(Role)
# What each of them finds in the navigation.
SHOWN = {
    Role.VIEWER: ["applications", "questions", "users"],
    Role.EXAMINER: ["applications", "questions", "users"],
    Role.ADMINISTRATOR: [
        "applications", "questions", "users", "register", "mail", "officers", "audit",
    ],
}  # fmt: skip
SAMPLES = {
    "number:Q": "Q20260604-00099",
    r"number:\[0-9\]\{10\}": "1234567899",
    "number:": "20260604-000099",
    "digest:": "0" * 64,
}


def name_of(route: Route) -> str:
    """Name a screen or an action as in `LEAST`."""
    path = re.sub(r"\{(\w+):[^/]*\}(?=/|$)", r"{\1}", route.path)
    return f"{route.method} {path}"


def sample(path: str) -> str:
    """Return an address that a route's pattern matches; there is nothing behind it."""
    for pattern, value in SAMPLES.items():
        path = re.sub(rf"\{{{pattern}[^/]*\}}(?=/|$)", value, path)
    return re.sub(r"\{[^/]*\}", "99", path)


def test_every_address_of_the_office_is_written_down_here(app):
    assert sorted(map(name_of, ROUTES)) == sorted(LEAST)
    back = {f"GET {name.partition(' ')[2]}" for name in LEAST}  # from an action to its screen
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if "/office" in path and route.method != "HEAD":
            assert f"{route.method} {path}" in {*LEAST, *back, *OPEN}


@pytest.mark.parametrize("role", Role)
async def test_a_role_reaches_what_it_may_and_nothing_else(new_clerk, role):
    clerk = await new_clerk(LOGINS[role])
    for route in ROUTES:
        if route.path == "/office/logout":
            continue
        path = sample(route.path)
        if route.method == "GET":
            answer = await clerk.get(path)
        elif path.startswith("/api/"):
            answer = await clerk.browser.post(path, {})
        else:
            answer = await clerk.post(path)
        refused = answer.status == 403 and "forbidden" in answer.text
        may = LADDER.index(role) >= LADDER.index(LEAST[name_of(route)])
        assert refused != may, f"{role} {route.method} {path}"
        assert answer.status < 500, f"{route.method} {path}"  # there is nothing by this number


@pytest.mark.parametrize("role", Role)
async def test_a_role_is_shown_where_it_may_go(new_clerk, role):
    clerk = await new_clerk(LOGINS[role])
    page = await clerk.get("/office/account")
    navigation = page.text.partition("<nav")[2].partition("</nav>")[0]
    assert re.findall(r'href="/office/(\w+)"', navigation) == SHOWN[role]


async def test_nobody_reaches_anything_without_a_log_in(new_clerk):
    clerk = await new_clerk(None)
    for route in ROUTES:
        path = sample(route.path)
        if route.method == "GET":
            assert (await clerk.get(path)).url == "/office/login", path
        else:
            await clerk.get("/office/login")
            assert (await clerk.post(path)).status == 401, path


async def test_forged_requests_are_refused(new_clerk):
    clerk = await new_clerk("kanri01")
    token, origin = clerk.browser.csrf, clerk.browser.origin
    forgeries = ((token, "http://evil.test"), ("forged", origin), ("", origin))
    for path in (sample(route.path) for route in ROUTES if route.method == "POST"):
        for clerk.browser.csrf, clerk.browser.origin in forgeries:
            answer = await clerk.post(path)
            assert (answer.status, "csrf-refused" in answer.text) == (403, True), path
    for path in ("/api/office/challenge", "/api/office/session"):
        for clerk.browser.csrf, clerk.browser.origin in forgeries:
            answer = await clerk.browser.post(path, {})
            assert (answer.status, answer.reason) == (403, "csrf-refused"), path
    clerk.browser.origin = origin
    assert (await clerk.get("/office/audit")).status == 200


async def test_the_language_of_a_refusal_can_be_switched(clerk):
    path = "/office/users/1/unlock"
    await clerk.post(path)
    assert (await clerk.post("/language", language="en", back=path)).url == "/office/users/1"


def test_a_role_that_is_not_known_may_nothing():
    assert not any(allowed("root", permission) for permission in Permission)


def test_the_roles_are_a_ladder():
    assert ALLOWED[Role.VIEWER] < ALLOWED[Role.EXAMINER] < ALLOWED[Role.ADMINISTRATOR]
    assert Permission.DECIDE not in ALLOWED[Role.VIEWER]
    assert Permission.MANAGE_OFFICERS not in ALLOWED[Role.EXAMINER]
