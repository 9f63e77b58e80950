"""The four procedures, and what their screens have of their own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal_demo.fields import CARD_FORM, USER_FORM, Table
from portal_demo.language import Text


class Kind(StrEnum):
    """How a procedure is stored."""

    REGISTER = "register"
    CHANGE = "change"
    RENEW = "renew"
    USER_CHANGE = "user-change"


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure: its addresses begin with `root`, one logs in at `entry`.

    `screens` stands before the numbers of its screens in `data-screen`; `steps` are those of the
    bar above a screen.
    """

    kind: Kind
    root: str
    entry: str
    menu: str
    screens: str
    title: Text
    confirm_title: Text
    submit: Text
    done: Text
    receipt: Text
    procurement: str
    table: Table
    steps: tuple[Text, ...]

    @property
    def by_card(self) -> bool:
        """Tell whether a card logs in and signs."""
        return self.kind is not Kind.USER_CHANGE

    def step(self, name: Text) -> int:
        """Return where a step stands, counted from 0."""
        return self.steps.index(name)


PROCUREMENT_STEP = Text("調達区分の選択", "Procurement")
CARD_STEP = Text("ICカードの確認", "IC card")
NEW_CARD_STEP = Text("新しいICカードの確認", "New IC card")
SEARCH_STEP = Text("資格審査情報検索", "Search")
USER_STEP = Text("利用者情報検索", "User")
FORM_STEP = Text("情報の入力", "Input")
CONFIRM_STEP = Text("内容の確認", "Confirmation")
DONE_STEP = Text("登録完了", "Done")

GOODS, SMALL_PURCHASES = "物品、役務", "少額物品"
_MENU, _USER_MENU = "/registration/menu", "/small/registration/menu"
_CHANGE = Text("変更", "Change")

REGISTER = Procedure(
    kind=Kind.REGISTER,
    root="/registration",
    entry="/registration/pin",
    menu=_MENU,
    screens="",
    title=Text("利用者登録", "User registration"),
    confirm_title=Text("登録内容確認", "Confirmation of the registration"),
    submit=Text("登録", "Register"),
    done=Text("利用者登録完了です。", "The registration is complete."),
    receipt=Text("利用者登録 受付票", "Receipt of the registration"),
    procurement=GOODS,
    table=CARD_FORM,
    steps=(PROCUREMENT_STEP, CARD_STEP, SEARCH_STEP, FORM_STEP, CONFIRM_STEP, DONE_STEP),
)
CHANGE = Procedure(
    kind=Kind.CHANGE,
    root="/change",
    entry="/change/pin",
    menu=_MENU,
    screens="change-",
    title=Text("利用者変更", "Change of the registration"),
    confirm_title=Text("変更内容確認", "Confirmation of the change"),
    submit=_CHANGE,
    done=Text("利用者変更完了です。", "The change is complete."),
    receipt=Text("利用者変更 受付票", "Receipt of the change"),
    procurement=GOODS,
    table=CARD_FORM,
    steps=(PROCUREMENT_STEP, CARD_STEP, FORM_STEP, CONFIRM_STEP, DONE_STEP),
)
RENEW = Procedure(
    kind=Kind.RENEW,
    root="/renewal",
    entry="/renewal/pin",
    menu=_MENU,
    screens="renew-",
    title=Text("ICカード更新", "Renewal of the IC card"),
    confirm_title=Text("更新内容確認", "Confirmation of the renewal"),
    submit=Text("更新", "Renew"),
    done=Text("ICカード更新完了です。", "The IC card is renewed."),
    receipt=Text("ICカード更新 受付票", "Receipt of the renewal"),
    procurement=GOODS,
    table=CARD_FORM,
    steps=(PROCUREMENT_STEP, CARD_STEP, NEW_CARD_STEP, FORM_STEP, CONFIRM_STEP, DONE_STEP),
)
USER_CHANGE = Procedure(
    kind=Kind.USER_CHANGE,
    root="/small",
    entry="/small/search",
    menu=_USER_MENU,
    screens="small-",
    title=Text("利用者変更", "Change of the user"),
    confirm_title=Text("変更内容確認", "Confirmation of the change"),
    submit=_CHANGE,
    done=Text("利用者登録完了です。", "The registration is complete."),
    receipt=Text("利用者登録 受付票", "Receipt of the registration"),
    procurement=SMALL_PURCHASES,
    table=USER_FORM,
    steps=(PROCUREMENT_STEP, USER_STEP, FORM_STEP, CONFIRM_STEP, DONE_STEP),
)
PROCEDURES = (REGISTER, CHANGE, RENEW, USER_CHANGE)
BY_KIND = {procedure.kind: procedure for procedure in PROCEDURES}


def procedure_at(path: str) -> Procedure:
    """Return the procedure that a path belongs to; 登録 where it belongs to none."""
    small = path.startswith(("/small/", "/procurement/small"))
    found = (p for p in PROCEDURES if path.startswith(p.root + "/"))
    return USER_CHANGE if small else next(found, REGISTER)
