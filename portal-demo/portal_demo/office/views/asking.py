"""What is taken from somebody is asked first, on a page of its own: whom it concerns, what follows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from aiohttp import web

from portal_demo.language import Text
from portal_demo.office.views.desk import Desk


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, what follows from a yes, and the button that says it."""

    title: Text
    follows: tuple[Text, ...]
    button: Text


def ask_first(
    desk: Desk,
    question: Question,
    *,
    screen: str,
    back: tuple[str, Text],
    whom: Iterable[tuple[Text, Text | str]],
    seen: str,
) -> web.Response:
    """Ask, at the address that a yes is posted to; `seen` names the state that the page shows."""
    return desk.render(
        "ask.html", screen=screen, question=question, back=back, whom=whom, seen=seen
    )


def name_of(*state: object) -> str:
    """Name a state: another one has another name."""
    return hashlib.sha256(msgspec.json.encode(state)).hexdigest()
