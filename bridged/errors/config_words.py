"""What is wrong with a settings file, said in Japanese.

The sentences come from the parsers (tomllib, msgspec) and from what uses a setting, and are English; a
part that is not known here stays as it is.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable

_TYPES = {
    "int": "整数",
    "float": "小数",
    "str": '文字列（"…"）',
    "bool": "true か false",
    "array": "配列（[…]）",
    "object": "表（[名前] か {…}）",
}
_SYSTEM = {
    errno.EACCES: "アクセスする権限がありません",
    errno.EPERM: "アクセスする権限がありません",
    errno.EISDIR: "ファイルではなくフォルダーです",
    errno.ENOENT: "ファイルがありません",
    errno.ELOOP: "リンクがたどれません",
}


def _types(match: re.Match[str]) -> str:
    wanted = " か ".join(_TYPES[each] for each in match["wanted"].split(" | ") if each in _TYPES)
    got = _TYPES.get(match["got"], match["got"]).partition("（")[0]
    return f"値は {wanted} で書きます（今は{got}です）"


def _system(match: re.Match[str]) -> str:
    return _SYSTEM.get(int(match[1]), match[0])


Replacement = str | Callable[[re.Match[str]], str]

_WORDS: tuple[tuple[str, Replacement], ...] = (
    # msgspec
    (r"Object contains unknown field (`[^`]*`)", r"\1 という項目はありません"),
    (r"Object missing required field (`[^`]*`)", r"\1 がありません"),
    (r"Expected `(?P<wanted>[\w |]+)`, got `(?P<got>[\w |]+)`", _types),
    (r"Expected `\w+` >= (\S+)", r"\1 以上にします"),
    (r"Expected `\w+` <= (\S+)", r"\1 以下にします"),
    (r"Expected `\w+` of length >= (\d+)", r"\1 文字（個）以上にします"),
    (r"Expected `\w+` of length <= (\d+)", r"\1 文字（個）以下にします"),
    (r"Expected `str` matching regex ('.*?')(?=$| - )", r"\1 に合う文字列にします"),
    (r"Invalid enum value ('[^']*'|\S+)", r"\1 は使えません"),
    (r" - at `(?:\$\.?)?([^`]*)`", r"（`\1`）"),
    # What we say of the place and of what was meant.
    (r"; did you mean (`[^`]*`)\?", r"。もしかして: \1"),
    (r"; known here: (.*?)(?= \(at line|$)", r"。ここに書ける項目: \1"),
    (r"; one of: (.*?)(?= \(at line|$)", r"。使える値: \1"),
    (r" ?\(at line (\d+), column (\d+)\)", r"（\1行目の\2文字目）"),
    (r" ?at line (\d+), column (\d+)", r"（\1行目の\2文字目）"),
    # tomllib
    (r"Invalid value", "値の書き方が正しくありません"),
    (r"Invalid statement", "行の書き方が正しくありません"),
    (r"Invalid initial character for a key part", "項目の名前の書き方が正しくありません"),
    (r"Invalid (?:date or datetime|hex value)", "値の書き方が正しくありません"),
    (r"Expected '=' after a key in a key/value pair", "項目の名前の後に = がありません"),
    (
        r"Expected '(\]\]?)' at the end of an? (?:table|array) declaration",
        r"見出しの終わりに \1 がありません",
    ),
    (r"Expected newline or end of document after a statement", "項目の後に余分な文字があります"),
    (r"Expected '(.)'", r"\1 がありません"),
    (r"Cannot overwrite a value", "同じ項目が2回書かれています"),
    (r"Cannot declare (\(.*?\)) twice", r"\1 という見出しが2回書かれています"),
    (r"Cannot (?:mutate immutable|redefine) namespace (\(.*?\))", r"\1 はすでに書かれています"),
    (r"Duplicate inline table key ('[^']*')", r"\1 が2回書かれています"),
    (r"Unclosed (?:array|inline table)", "閉じる括弧がありません"),
    (r"Unterminated string", "文字列の終わりの引用符がありません"),
    (r"Unescaped '\\\\?' in a string", r"文字列の中の \\ は \\\\ と書きます"),
    (r"(?:Illegal|Found invalid) character ('.*?')", r"\1 は使えない文字です"),
    # The system
    (r"\[Errno (\d+)\] [^:]*(?:: '.*')?", _system),
    (r"'utf-8' codec can't decode .*", "文字コードがUTF-8ではありません"),
    (r"there is no such file", "ファイルがありません"),
    (r"Permission denied|PermissionError", _SYSTEM[errno.EACCES]),
    (r"No space left on device", "ディスクの空き容量がありません"),
    (r"Read-only file system", "読み取り専用の場所です"),
    (r"IsADirectoryError|Not a directory|File exists", "ファイルとフォルダーが違っています"),
    # JSON
    (r"Expecting value", "値がありません"),
    (r"Expecting (.+?)(?=: line)", r"\1 がありません"),
    (r"Extra data", "余分な文字があります"),
    (r": line (\d+) column (\d+) \(char \d+\)", r"（\1行目の\2文字目）"),
    (r"no JSON object", "JSONのオブジェクトではありません"),
    # What uses the settings
    (
        r"('[^']*') is not an origin such as (\S+) \(http on loopback only, no path, no slash at the end\)",
        r"\1 はサイトのアドレスではありません。\2 のように書きます（httpはこのパソコン自身だけ、パスと末尾の / は不要です）",
    ),
    (
        r"('[^']*') is no origin and no pattern such as (\S+)",
        r"\1 はサイトのアドレスでも、\2 のような書き方でもありません",
    ),
    (r"other users can write to this folder", "ほかの利用者が書き込めるフォルダーです"),
    (r"(\S+) is not an absolute path", r"\1 は / から始まるパスではありません"),
    (r"(\S+) is not a file", r"\1 はファイルではありません"),
    (r"(\S+) cannot be read: .*?(?= \(at line|$)", r"\1 を読み取れません"),
    (r"(\S+) belongs to another user", r"\1 はほかの利用者のものです"),
    (r"every user may write to (\S+)", r"\1 にはだれでも書き込めます"),
    (r"a group of users may write to (\S+)", r"\1 にはグループの利用者が書き込めます"),
    (r"('[^']*') does not begin with (https://)", r"\1 は \2 で始まっていません"),
    (
        r"a ListenStream= is not 127\.0\.0\.1:PORT or \[::1\]:PORT",
        "ListenStream= が 127.0.0.1:ポート番号 でも [::1]:ポート番号 でもありません",
    ),
    (r"no such profile; there are (.*)", r"そのような仮想カードはありません。使えるもの: \1"),
)


def in_japanese(detail: str) -> str:
    """Return the `detail` of a `ConfigError` with what is known of it in Japanese."""
    for pattern, words in _WORDS:
        detail = re.sub(pattern, words, detail)
    return detail
