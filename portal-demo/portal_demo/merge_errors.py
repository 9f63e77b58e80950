"""Why registration numbers are not merged."""

from __future__ import annotations

from dataclasses import dataclass

from portal_demo.errors import PersonError
from portal_demo.language import Text


@dataclass(eq=False)
class MergeEmpty(PersonError):
    """No number to merge is given."""

    reason = "merge-empty"
    title = Text("統合する登録番号がありません", "Nothing to merge")
    en = "Enter the registration numbers that are to be merged."
    ja = "統合前の登録番号を入力して下さい。"


@dataclass(eq=False)
class NumberMalformed(PersonError):
    """A registration number is not of 10 digits."""

    number: str
    reason = "number-malformed"
    title = Text("登録番号を確認してください", "Check the registration number")
    en = "“{number}” is no registration number: 10 half-width digits, please."
    ja = "「{number}」は登録番号ではありません。半角数字10文字で入力して下さい。"


@dataclass(eq=False)
class NumberUnknown(PersonError):
    """A number that is to be merged is not in the register."""

    number: str
    reason = "number-unknown"
    title = Text("登録番号を確認してください", "Check the registration number")
    en = "{number} is not in the qualification register."
    ja = "登録番号{number}は、資格審査情報に登録されていません。"


@dataclass(eq=False)
class NumberMergedAlready(PersonError):
    """A number that is to be merged has been merged before."""

    number: str
    new_number: str
    reason, status = "number-merged-already", 409
    title = Text("登録番号は統合済みです", "The number was merged already")
    en = "{number} has been merged into {new_number} already."
    ja = "登録番号{number}は、すでに{new_number}に統合されています。"


@dataclass(eq=False)
class NumberUsed(PersonError):
    """The number for the merged company is or was another one's."""

    number: str
    reason, status = "number-used", 409
    title = Text("新しい登録番号は使用できません", "The new number cannot be used")
    en = "{number} is or was a registration number. Enter one that has never been used."
    ja = "登録番号{number}は、使用中か、過去に使用されていました。一度も使用されていない登録番号を入力して下さい。"


@dataclass(eq=False)
class CompaniesDiffer(PersonError):
    """The numbers to be merged are those of companies with different names."""

    names: str
    reason, status = "companies-differ", 409
    title = Text("商号又は名称が異なります", "The companies have different names")
    en = "The numbers belong to different names ({names}). Check that it is one company, and confirm it."
    ja = "統合する登録番号の商号又は名称が異なります（{names}）。同じ企業であることを確認し、確認済みとして下さい。"


@dataclass(eq=False)
class UserIdsCollide(PersonError):
    """Two users of the merged company would have the same ID."""

    names: str
    reason, status = "user-ids-collide", 409
    title = Text("ユーザIDが重複しています", "User IDs are used twice")
    en = (
        "The user IDs {names} are used under more than one of the numbers. Have them changed first."
    )
    ja = "統合する登録番号に、同じユーザID（{names}）があります。先にユーザIDを変更して下さい。"
