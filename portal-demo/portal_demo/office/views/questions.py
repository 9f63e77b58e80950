"""質問: what people asked in the chat, and the office's answers."""

from __future__ import annotations

from aiohttp import web

from portal_demo.characters import visible
from portal_demo.language import Text
from portal_demo.office import answers
from portal_demo.office.answers import MAX_ANSWER
from portal_demo.office.audit import Action
from portal_demo.office.paging import next_page, one_of, row_id
from portal_demo.office.roles import Permission
from portal_demo.office.views.desk import Desk, Route, see_other

_PATH = "/office/questions"
_ONE = f"{_PATH}/{{number:Q[0-9]{{8}}-[0-9]{{5,}}}}"
_FAULT = Text(
    f"回答を{MAX_ANSWER}文字以内で入力してください。",
    f"Enter the answer, up to {MAX_ANSWER} characters.",
)


async def show_list(desk: Desk) -> web.StreamResponse:
    """Show a page of the questions; without a choice the open ones."""
    query = desk.request.query
    status = one_of(answers.STATUSES, query.get("status", "open"))
    async with desk.transaction() as db:
        page = await answers.find(db, status, row_id(query.get("after")))
    return desk.render(
        "questions.html",
        screen="questions",
        chosen=status,
        page=page,
        words=answers,
        address=next_page(_PATH, {"status": status}),
    )


async def show(desk: Desk) -> web.StreamResponse:
    """Show one question."""
    return await _page(desk, "", None)


async def answer(desk: Desk) -> web.StreamResponse:
    """Mail an answer."""
    number = desk.request.match_info["number"]
    text = visible(desk.fields.get("answer", "")).strip()
    if not 0 < len(text) <= MAX_ANSWER:
        return await _page(desk, text, _FAULT)
    async with desk.transaction() as db:
        answered = await answers.answer(
            db,
            number,
            text,
            seen=row_id(desk.fields.get("seen")) or 0,
            officer=desk.officer,
            portal=desk.portal.settings.origin,
            now=desk.now,
        )
        if answered:
            await desk.record(db, Action.ANSWERED, number)
    return see_other(f"{_PATH}/{number}")


async def close(desk: Desk) -> web.StreamResponse:
    """Put a question aside that needs no answer."""
    number = desk.request.match_info["number"]
    async with desk.transaction() as db:
        await answers.close(db, number)
        await desk.record(db, Action.QUESTION_CLOSED, number)
    return see_other(f"{_PATH}/{number}")


async def _page(desk: Desk, text: str, fault: Text | None) -> web.Response:
    async with desk.transaction() as db:
        thread = await answers.thread(db, desk.request.match_info["number"])
    return desk.render(
        "question.html",
        screen="question",
        status=422 if fault else 200,
        inquiry=thread.inquiry,
        answers=thread.answers,
        words=answers,
        text=text,
        fault=fault,
    )


ROUTES = (
    Route("GET", _PATH, Permission.READ_QUESTIONS, show_list),
    Route("GET", _ONE, Permission.READ_QUESTIONS, show),
    Route("POST", _ONE, Permission.ANSWER_QUESTIONS, answer),
    Route("POST", f"{_ONE}/close", Permission.ANSWER_QUESTIONS, close),
)
