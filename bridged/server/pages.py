"""The daemon's own pages: their files, and what the browser lets each of them load and reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template

from aiohttp import web

from bridged.doctor.finding import Language
from bridged.server.guard import CONTENT_POLICY, PERMISSIONS

_HERE = files("bridged.server")
_TYPES = {"css": "text/css", "js": "text/javascript"}
FILES = tuple(sorted(file.name for file in _HERE.iterdir() if file.name.endswith((".css", ".js"))))
_TEXTS = {name: _HERE.joinpath(name).read_text(encoding="utf-8") for name in FILES}

Fields = Mapping[str, object]
Texts = Mapping[str, tuple[str, str]]
"""Sentences by name, in the order of `LANGUAGES`."""
LANGUAGES: tuple[Language, Language] = ("ja", "en")


class Page:
    """A page that loads its own script with its `parts`, the look of them all and the `styles`, and talks with the daemon.

    One that never turns text into markup says so: `text_only` makes the browser hold it to that
    (Trusted Types). One that asks the browser about its permissions is told the truth. One that is
    not `scripted` has no script at all.
    """

    def __init__(
        self,
        name: str,
        *,
        styles: tuple[str, ...],
        parts: tuple[str, ...] = (),
        text_only: bool,
        scripted: bool = True,
        asks_permissions: bool = False,
    ) -> None:
        self._scripts = (name, *parts) if scripted else ()
        self._styles = ("base", *styles)
        self._text_only = text_only
        self._template = Template(_HERE.joinpath(f"{name}.html").read_text(encoding="utf-8"))
        self._permissions = f"{PERMISSIONS}, loopback-network=()"
        if asks_permissions:
            self._permissions = f"{PERMISSIONS}, loopback-network=(self)"

    def answer(
        self, request: web.Request, texts: Texts, fields: Fields, *, status: int = 200
    ) -> web.Response:
        """Return the page filled in; the guard has made sure that the Host is ours.

        The `texts` are said in the language that the browser asks for. The `fields` are markup.
        """
        lang = language(request)
        said = {name: escape(text[lang]) for name, text in texts.items()}
        return web.Response(
            status=status,
            text=self._template.substitute(said, lang=LANGUAGES[lang], **fields),
            content_type="text/html",
            headers={
                "Content-Security-Policy": self._policy(request.host),
                "Permissions-Policy": self._permissions,
            },
        )

    def _policy(self, host: str) -> str:
        """Return what the page may do; a source list cannot name an IPv6 address (CSP3, 2.3.1)."""
        own = None if host.startswith("[") else f"http://{host}"

        def named(names: Sequence[str], kind: str) -> str:
            if not names:
                return "'none'"
            return " ".join(f"{own}/{name}.{kind}" for name in names) if own else "'self'"

        rules = [
            CONTENT_POLICY,
            f"script-src {named(self._scripts, 'js')}",
            f"style-src {named(self._styles, 'css')}",
            "connect-src 'self'",
        ]
        if self._text_only:
            rules.append("require-trusted-types-for 'script'; trusted-types 'none'")
        return "; ".join(rules)


def language(request: web.Request) -> int:
    """Return 0 (Japanese) where the browser asks for it first or for nothing, else 1 (English)."""
    return 0 if request.headers.get("Accept-Language", "ja").lower().startswith("ja") else 1


async def file(request: web.Request) -> web.Response:
    """Return a script or a style."""
    name = request.path.removeprefix("/")
    return web.Response(text=_TEXTS[name], content_type=_TYPES[name.rpartition(".")[2]])
