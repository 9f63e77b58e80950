from __future__ import annotations

import logging
import re
from http.cookies import SimpleCookie

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from cryptography import x509

from portal_demo.app import create_app
from portal_demo.db import Database
from portal_demo.security import canonical_location

FOREIGN = [
    "http://evil.example", "null", "https://portal.test", "http://portal.test:8080",
    "http://portal.test.evil.example", "http://PORTAL.test", "",
]  # fmt: skip
FORM_POSTS = ["/registration/search", "/registration/form", "/registration/form/back"]
API_POSTS = [
    "/api/challenge",
    "/api/login",
    "/api/draft",
    "/api/application/document",
    "/api/application",
]


@pytest.mark.parametrize(
    "path", ["/", "/registration/pin", "/nowhere", "/healthz", "/static/css/portal.css"]
)
async def test_every_answer_carries_the_security_headers(visitor, path):
    headers = (await visitor.get(path)).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self' ws://127.0.0.1:24781",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")


async def test_behind_https_the_cookie_is_bound_to_the_host(settings, clock):
    secure = msgspec.structs.replace(settings, origin="https://portal.test")
    async with (
        TestClient(TestServer(create_app(secure, clock))) as client,
        client.get("/registration/pin") as response,
    ):
        cookie = SimpleCookie(response.headers["Set-Cookie"])["__Host-portal-session"]
        assert response.headers["Strict-Transport-Security"]
    assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Strict")
    assert cookie["secure"]
    assert cookie["httponly"]


async def test_the_cookie_cannot_be_read_by_scripts(visitor):
    cookie = SimpleCookie((await visitor.get("/registration/pin")).headers["Set-Cookie"])
    assert cookie["portal-session"]["httponly"]
    assert cookie["portal-session"]["samesite"] == "Strict"


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_post_from_another_origin_is_refused(visitor, card, tools, origin):
    await visitor.reach_confirmation(card)
    visitor.origin = origin
    for path in FORM_POSTS:
        page = await visitor.post_form(path, **tools.FORM)
        assert page.status == 403
        assert 'data-reason="csrf-refused"' in page.text
    for path in API_POSTS:
        assert (await visitor.post(path, {})).reason == "csrf-refused"


async def test_every_post_from_elsewhere_is_refused(app, visitor):
    """Whatever is added to the portal; those of the office are in `office/test_roles.py`."""
    await visitor.get("/registration/pin")
    posts = {r.resource.canonical for r in app.router.routes() if r.method == "POST"}
    for path in sorted(path for path in posts if "/office" not in path):
        address = re.sub(r"\{[^}]*\}", "x" * 43, path)
        visitor.origin = "http://evil.test"
        is_script = path.startswith("/api/")
        sent = visitor.post(address, {}) if is_script else visitor.post_form(address)
        answer = await sent
        assert (answer.status, "csrf-refused" in answer.text) == (403, True), path


async def test_a_user_without_a_card_posts_by_a_page_of_their_own(visitor):
    await visitor.log_in_user()
    visitor.csrf = "forged"
    for path in ("/small/form", "/small/form/back", "/small/confirm", "/small/search"):
        assert 'data-reason="csrf-refused"' in (await visitor.post_form(path)).text, path
        visitor.csrf = "forged"


async def test_a_post_that_the_browser_calls_cross_site_is_refused(visitor, card):
    await visitor.reach_confirmation(card)
    visitor.headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await visitor.find()).status == 403


@pytest.mark.parametrize("token", ["", "x", "あ"])
async def test_a_post_without_the_sessions_token_is_refused(visitor, card, tools, token):
    await visitor.reach_confirmation(card)
    good, draft = visitor.csrf, {"values": {}, "revision": visitor.revision}
    for path in FORM_POSTS:
        visitor.csrf = token
        page = await visitor.post_form(path, **tools.FORM)
        assert 'data-reason="csrf-refused"' in page.text
    visitor.csrf = "" if token == "あ" else token
    for path, body in [
        ("/api/challenge", {}),
        ("/api/draft", draft),
        ("/api/application/document", {"confirmation": visitor.confirmation, **card.signer()}),
    ]:
        assert (await visitor.post(path, body)).reason == "csrf-refused"
    visitor.csrf = good
    assert (await visitor.get("/registration/form")).value("branch_name") == "総務部"


async def test_a_token_of_another_session_is_refused(visitor, second_visitor, card, make_card):
    await visitor.reach_confirmation(card)
    await second_visitor.reach_confirmation(make_card())
    visitor.csrf = second_visitor.csrf
    assert (await visitor.find()).status == 403


@pytest.mark.parametrize(
    "path", ["/registration/search", "/registration/form", "/registration/confirm", "/registration/registered",
             "/registration/complete/20260604-000001"]
)  # fmt: skip
async def test_a_page_behind_the_log_in_asks_for_it(visitor, path):
    page = await visitor.get(path)
    assert page.status == 401
    assert 'data-reason="session-ended"' in page.text
    assert 'href="/registration/pin"' in page.text


async def test_a_log_in_changes_the_session_and_ends_the_old_one(visitor, card):
    await visitor.get("/registration/pin")
    before, token = visitor.cookie(), visitor.csrf
    await visitor.log_in(card)
    assert visitor.cookie() != before
    assert visitor.csrf != token
    visitor.client.session.cookie_jar.clear()
    old = {"Cookie": f"portal-session={before}"}
    assert (await visitor.get("/registration/search", headers=old)).status == 401


async def test_a_session_somebody_else_chose_is_not_taken(visitor, card):
    fixed = {"Cookie": "portal-session=chosen-by-an-attacker"}
    answer = await visitor.get("/registration/pin", headers=fixed)
    assert "chosen-by-an-attacker" not in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(("minutes", "status"), [(9, 200), (10, 401)])
async def test_an_idle_session_ends_after_ten_minutes(visitor, card, clock, minutes, status):
    await visitor.log_in(card)
    clock.advance(minutes=minutes)
    assert (await visitor.get("/registration/search")).status == status


async def test_a_session_in_use_ends_after_eight_hours(visitor, card, clock):
    await visitor.log_in(card)
    for _ in range(53):
        clock.advance(minutes=9)
        assert (await visitor.get("/registration/search")).status == 200
    clock.advance(minutes=4)
    assert (await visitor.get("/registration/search")).status == 401


async def test_a_token_is_good_once(visitor, card, tools):
    challenge = await visitor.challenge()
    body = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge), "chain": []}
    assert (await visitor.post("/api/login", body)).status == 200
    await visitor.get("/registration/search")
    assert (await visitor.post("/api/login", body)).reason == "challenge-unknown"


async def test_a_token_is_good_in_its_own_session_only(visitor, second_visitor, card, tools):
    challenge = await visitor.challenge()
    body = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge), "chain": []}
    await second_visitor.challenge()
    assert (await second_visitor.post("/api/login", body)).reason == "challenge-unknown"


async def test_a_token_that_comes_too_late_is_refused(visitor, card, clock, tools):
    challenge = await visitor.challenge()
    clock.advance(minutes=5)
    body = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge), "chain": []}
    assert (await visitor.post("/api/login", body)).reason == "challenge-expired"


async def test_a_refused_log_in_leaves_the_session_without_a_card(visitor, make_card, stranger):
    answer = await visitor.log_in(make_card(by=stranger))
    assert answer.reason == "certificate-untrusted"
    assert "Other CA" in answer.json["error"]["messages"]["ja"]
    assert (await visitor.get("/registration/search")).status == 401


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"days": (-10, -1)}, "certificate-not-valid"),
        ({"days": (1, 10)}, "certificate-not-valid"),
        ({"usage": ("content_commitment",)}, "certificate-usage"),
        ({"usage": ("key_encipherment",)}, "certificate-usage"),
        ({"more": [(x509.BasicConstraints(ca=True, path_length=0), True)]}, "certificate-is-ca"),
    ],
)
@pytest.mark.parametrize("procedure", ["register", "change"])
async def test_a_certificate_that_may_not_log_in_is_refused(
    visitor, make_card, change, reason, procedure
):
    answer = await visitor.log_in(make_card(**change), procedure=procedure)
    assert (answer.status, answer.reason) == (403, reason)
    assert (await visitor.get("/registration/search")).status == 401


async def test_a_challenge_for_one_purpose_is_no_use_for_another(visitor, card, tools):
    """What the card made for a log-in is no new card's, and a document's challenge logs nobody in."""
    await visitor.reach_confirmation(card)
    challenge = await visitor.challenge("login")
    body = {"challenge": challenge, "token": card.token(tools.ORIGIN, challenge), "chain": []}
    assert (await visitor.post("/api/renewal/card", body)).reason == "challenge-unknown"
    await visitor.get("/registration/confirm")
    signing = (await visitor.propose(card)).json["challenge"]
    body = {"challenge": signing, "token": card.token(tools.ORIGIN, signing), "chain": []}
    assert (await visitor.post("/api/login", body)).reason == "challenge-unknown"


async def test_a_token_that_was_made_for_another_site_logs_nobody_in(visitor, card):
    challenge = await visitor.challenge()
    token = card.token("http://portal.test.evil.example", challenge)
    answer = await visitor.post("/api/login", {"challenge": challenge, "token": token})
    assert answer.reason == "signature-invalid"
    assert (await visitor.get("/registration/search")).status == 401


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("{}", "application/json"),
        ("[]", "application/json"),
        ("{", "application/json"),
        ("", "application/json"),
        ("\udcff", "application/json"),
        ("[" * 20000, "application/json"),
        ('{"challenge": 1}', "application/json"),
        ('{"extra": 1}', "application/json"),
        ("{}", "text/plain"),
        ("challenge=x", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_malformed_request_is_refused_in_our_own_words(visitor, card, body, content_type):
    await visitor.reach_confirmation(card)
    headers = {"Origin": visitor.origin, "X-CSRF-Token": visitor.csrf, "Content-Type": content_type}
    data = body.encode(errors="surrogateescape")
    async with visitor.client.post("/api/login", data=data, headers=headers) as response:
        assert response.status == 400
        assert (await response.json())["error"]["reason"] == "token-malformed"


async def test_a_request_that_is_too_large_is_refused(visitor, card):
    await visitor.log_in(card)
    page = await visitor.find(name="あ" * 100_000)
    assert page.status == 413
    assert 'data-reason="request-too-large"' in page.text


async def test_an_unknown_page_says_so(visitor):
    page = await visitor.get("/nowhere")
    assert page.status == 404
    assert 'data-reason="page-unknown"' in page.text
    assert (await visitor.post("/api/nowhere", {})).reason == "page-unknown"


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/js", "/static/"]
)
async def test_only_files_for_browsers_are_served(visitor, path):
    assert (await visitor.get(path)).status in {403, 404}


async def test_a_defect_gets_a_number_and_tells_nothing_else(visitor, caplog, monkeypatch):
    def broken(self):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Database, "transaction", broken)
    caplog.set_level(logging.ERROR)
    page = await visitor.get("/registration/pin")
    assert page.status == 500
    assert "the disk is full" not in page.text
    (record,) = caplog.records
    assert record.args[0] in page.text
    assert record.exc_info


@pytest.mark.parametrize(
    ("host", "moved"),
    [
        ("localhost:8080", True),
        ("[::1]:8080", True),
        ("127.0.0.1:8080", False),
        ("localhost:9090", False),
        ("localhost", False),
        ("evil.example:8080", False),
        ("portal.example", False),
    ],
)
def test_another_name_of_this_computer_leads_to_the_configured_one(host, moved):
    origin = "http://127.0.0.1:8080"
    request = make_mocked_request("GET", "/procurement?x=1", headers={"Host": host})
    expected = f"{origin}/procurement?x=1" if moved else None
    assert canonical_location(request, origin) == expected
    assert canonical_location(request, "https://portal.example") is None
