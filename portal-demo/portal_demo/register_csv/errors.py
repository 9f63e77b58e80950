"""Why a file for the register is not taken."""

from __future__ import annotations

from dataclasses import dataclass

from portal_demo.errors import PersonError
from portal_demo.language import Text


@dataclass(eq=False)
class FileTooLarge(PersonError):
    """The file is larger than any register."""

    most: int
    reason, status = "file-too-large", 413
    title = Text("ファイルが大きすぎます", "The file is too large")
    en = "The file is larger than {most} MB. Split it and import the parts."
    ja = "ファイルが{most}MBを超えています。分割して取り込んで下さい。"


@dataclass(eq=False)
class TooManyLines(PersonError):
    """The file has more lines than any register."""

    most: int
    reason, status = "too-many-lines", 413
    title = Text("行が多すぎます", "There are too many lines")
    en = "The file has more than {most} lines. Split it and import the parts."
    ja = "ファイルが{most}行を超えています。分割して取り込んで下さい。"


@dataclass(eq=False)
class TooManyColumns(PersonError):
    """The heading has more columns than make sense."""

    most: int
    reason = "too-many-columns"
    title = Text("列が多すぎます", "There are too many columns")
    en = "The file has more than {most} columns. Leave those of the register."
    ja = "ファイルの列が{most}を超えています。登録に使用する列だけにして下さい。"


@dataclass(eq=False)
class FileNotText(PersonError):
    """The file is no CSV file in UTF-8 or Shift_JIS."""

    reason = "file-not-text"
    title = Text("CSVファイルではありません", "This is no CSV file")
    en = "The file cannot be read as CSV. Save it as “CSV UTF-8 (comma delimited)” or in Shift_JIS."
    ja = "CSVファイルとして読み取れません。「CSV UTF-8（コンマ区切り）」またはShift_JISのCSVで保存して下さい。"


@dataclass(eq=False)
class FileEmpty(PersonError):
    """The file holds nothing."""

    reason = "file-empty"
    title = Text("ファイルが空です", "The file is empty")
    en = "The file is empty. Choose another one."
    ja = "ファイルに何も入っていません。別のファイルを選択して下さい。"


@dataclass(eq=False)
class HeaderMissing(PersonError):
    """The first line lacks headings."""

    names: Text
    reason = "header-missing"
    title = Text("見出しの行を確認してください", "Check the heading")
    en = "The first line lacks these headings: {names}."
    ja = "1行目に、次の見出しがありません: {names}"


@dataclass(eq=False)
class HeaderDuplicate(PersonError):
    """Two columns have the same heading."""

    name: str
    reason = "header-duplicate"
    title = Text("見出しの行を確認してください", "Check the heading")
    en = "The heading “{name}” stands there twice."
    ja = "見出し「{name}」が2つ以上あります。1つだけにして下さい。"


@dataclass(eq=False)
class ImportUnknown(PersonError):
    """There is no such import, or it is too old."""

    reason, status = "import-unknown", 404
    title = Text("取込内容が見つかりません", "The import was not found")
    en = "What was to be imported is no longer there. Choose the file again."
    ja = "取込内容が見つかりません。もう一度ファイルを選択して下さい。"


@dataclass(eq=False)
class ImportFaulty(PersonError):
    """The file has faults: nothing of it is applied."""

    reason, status = "import-faulty", 409
    title = Text("ファイルに誤りがあります", "The file has faults")
    en = "The file has faults; nothing of it was imported. Mend them and choose it again."
    ja = "ファイルに誤りがあるため、取り込みません。修正して、もう一度ファイルを選択して下さい。"


@dataclass(eq=False)
class ImportOutdated(PersonError):
    """The register has changed since the file was compared with it."""

    reason, status = "import-outdated", 409
    title = Text("登録内容が変わっています", "The register has changed")
    en = "The register was changed in the meantime. Choose the file again and look at the differences."
    ja = "確認の後で、登録内容が変更されました。もう一度ファイルを選択し、差分を確認して下さい。"
