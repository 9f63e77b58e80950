"""Each screen and action, for each role: what the table says and nothing more."""

from __future__ import annotations

import re

import pytest
from aiohttp import web

from portal_demo.office.roles import ALLOWED, Permission, Role, allowed
from portal_demo.office.routes import ROUTES

LOGINS = {Role.VIEWER: "etsuran01", Role.EXAMINER: "shinsa01", Role.ADMINISTRATOR: "kanri01"}
# Before a log-in: each of these looks at session and source by itself.
OPEN = {
    ("GET", "/office"),
    ("GET", "/office/login"),
    ("POST", "/office/login"),
    ("GET", "/office/login/card"),
    ("POST", "/api/office/challenge"),
    ("POST", "/api/office/login"),
    ("GET", "/api/office/session"),
    ("POST", "/api/office/session"),
}
SAMPLES = {
    "number:Q": "Q20260604-00099",
    r"number:\[0-9\]\{10\}": "1234567899",
    "number:": "20260604-000099",
    "digest:": "0" * 64,
}
NAMES = [f"{route.method} {route.path}" for route in ROUTES]


def sample(path: str) -> str:
    """Return an address that a route's pattern matches; there is nothing behind it."""
    for pattern, value in SAMPLES.items():
        path = re.sub(rf"\{{{pattern}[^/]*\}}(?=/|$)", value, path)
    return re.sub(r"\{[^/]*\}", "99", path)


def test_every_address_of_the_office_is_in_the_table(app):
    guarded = {(route.method, route.path) for route in ROUTES}
    guarded |= {("GET", path) for _, path in guarded}  # leads from an action to its screen
    for route in app.router.routes():
        path = route.resource.canonical if route.resource else ""
        if "/office" in path and route.method != "HEAD":
            pattern = getattr(route.resource, "_formatter", path)
            known = {(m, re.sub(r"\{(\w+):[^/]*\}(?=/|$)", r"{\1}", p)) for m, p in guarded | OPEN}
            assert (route.method, pattern) in known


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
        assert refused != allowed(role, route.permission), f"{role} {route.method} {path}"


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
    clerk.browser.origin = origin
    assert (await clerk.get("/office/audit")).status == 200


async def test_the_language_of_a_refusal_can_be_switched(clerk):
    path = "/office/users/1/reset"
    await clerk.post(path)
    assert (await clerk.post("/language", language="en", back=path)).url == "/office/users/1"


def test_a_role_that_is_not_known_may_nothing():
    assert not any(allowed("root", permission) for permission in Permission)


def test_the_roles_are_a_ladder():
    assert ALLOWED[Role.VIEWER] < ALLOWED[Role.EXAMINER] < ALLOWED[Role.ADMINISTRATOR]
    assert Permission.DECIDE not in ALLOWED[Role.VIEWER]
    assert Permission.MANAGE_OFFICERS not in ALLOWED[Role.EXAMINER]


def test_routes_are_guarded(app):
    assert isinstance(app, web.Application)
    assert len(set(NAMES)) == len(NAMES)
