"""The register from a CSV file: read whatever comes, told line by line, applied whole or not."""

from __future__ import annotations

import asyncio
import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from portal_demo import register
from portal_demo.cli import main
from portal_demo.demo import fill_register
from portal_demo.errors import PersonError
from portal_demo.language import Text
from portal_demo.merging import merge
from portal_demo.models import Company, RegisterChange
from portal_demo.register_csv import importing, reading
from portal_demo.register_csv.columns import COLUMNS, MAX_COLUMNS
from portal_demo.register_csv.comparing import Effect, changes
from portal_demo.register_csv.errors import (
    FileEmpty,
    FileNotText,
    FileTooLarge,
    HeaderDuplicate,
    HeaderMissing,
    ImportFaulty,
    ImportOutdated,
    ImportUnknown,
    TooManyColumns,
    TooManyLines,
)
from portal_demo.register_csv.importing import SHOWN_FAULTS, apply, find, preview
from portal_demo.register_csv.models import RegisterImport, RegisterImportRow
from portal_demo.register_csv.writing import csv_line, register_lines

HEADING = [column.label.ja for column in COLUMNS]
COMPANY = {
    "登録番号": "2000000001",
    "入札参加許可番号": "20260001",
    "商号又は名称": "株式会社新規",
    "企業郵便番号": "380-0001",
    "企業住所": "長野県長野市架空町1-1",
    "代表者名": "新規　太郎",
    "代表者役職": "代表取締役",
    "代表電話番号": "026-000-0001",
    "代表FAX番号": "026-000-0002",
    "地域区分コード": "長野県内に本店を有する",
    "資格の種類": "物品",
    "支店名等": "本店",
}


def line(**changes: str) -> list[str]:
    return list({**COMPANY, **changes}.values())


def text_of(*rows: list[str], heading=HEADING) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([heading, *rows])
    return text.getvalue()


@pytest.fixture
def file(tmp_path):
    def write(*rows, encoding="utf-8", raw=None, **more):
        path = tmp_path / "register.csv"
        path.write_bytes(raw if raw is not None else text_of(*rows, **more).encode(encoding))
        return path

    return write


@pytest.fixture
async def filled(database):
    async with database.transaction() as db:
        await fill_register(db)
    return database


async def run(database, digest, clock):
    async with database.transaction() as db:
        return await apply(db, digest, clock())


async def numbers(database) -> set[str]:
    async with database.transaction() as db:
        return set(await db.scalars(select(Company.number)))


async def as_file(database) -> str:
    async with database.transaction() as db:
        return "".join([one async for one in register_lines(db)])


async def test_a_preview_tells_what_would_change_and_changes_nothing(filled, file, clock):
    async with filled.transaction() as db:
        kept = await db.get_one(Company, "1234567891")
    known = [getattr(kept, column.name) for column in COLUMNS]
    moved = [*known[:4], "長野県松本市架空町9-9", *known[5:]]
    moved[0] = "1234567892"
    seen = await preview(filled, file(line(), known, moved), clock)
    assert (seen.added, seen.changed, seen.unchanged, seen.faults) == (1, 1, 1, 0)
    async with filled.transaction() as db:
        one = await find(db, seen.digest)
        (added,) = await changes(db, one.id, Effect.ADDED)
        (changed,) = await changes(db, one.id, Effect.CHANGED)
        (unchanged,) = await changes(db, one.id, Effect.UNCHANGED)
        assert await changes(db, one.id, Effect.ADDED, after_line=2) == []
    assert (added.line, added.number, added.before) == (2, "2000000001", None)
    assert added.after["representative_name"] == "新規　太郎"
    assert (changed.line, changed.before["address"]) == (4, "長野県松本市架空町2-2")
    assert changed.after["address"] == "長野県松本市架空町9-9"
    assert "address" in changed.differences
    assert unchanged.differences == ()
    assert "2000000001" not in await numbers(filled)


async def test_applying_writes_all_once_and_leaves_others_alone(filled, file, clock):
    seen = await preview(filled, file(line(), line(登録番号="1234567892")), clock)
    before = await numbers(filled)
    done, now_done = await run(filled, seen.digest, clock)
    assert now_done
    assert done.applied == clock()
    assert await numbers(filled) == before | {"2000000001"}
    async with filled.transaction() as db:
        company = await db.get_one(Company, "1234567892")
        assert (company.name, company.fax) == ("株式会社新規", "026-000-0002")
        assert await db.scalar(select(func.count()).select_from(RegisterImportRow)) == 0
    again, now_done = await run(filled, seen.digest, clock)
    assert (again, now_done) == (done, False)
    seen = await preview(filled, file(line(), line(登録番号="1234567892")), clock)
    assert (seen.added, seen.changed, seen.unchanged) == (0, 0, 2)


async def test_the_same_preview_applied_at_once_is_applied_once(filled, file, clock):
    seen = await preview(filled, file(line()), clock)
    ended = await asyncio.gather(*(run(filled, seen.digest, clock) for _ in range(3)))
    assert sorted(now_done for _, now_done in ended) == [False, False, True]
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterChange)) == 1


async def test_the_same_file_read_at_once_is_one_preview(filled, file, clock):
    path = file(line())
    seen = await asyncio.gather(*(preview(filled, path, clock) for _ in range(3)))
    assert len({one.digest for one in seen}) == 1
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterImport)) == 1
        assert await db.scalar(select(func.count()).select_from(RegisterImportRow)) == 1


async def test_what_was_compared_with_another_register_is_not_applied(filled, file, clock):
    first = await preview(filled, file(line()), clock)
    second = await preview(filled, file(line(登録番号="2000000002")), clock)
    await run(filled, first.digest, clock)
    with pytest.raises(ImportOutdated):
        await run(filled, second.digest, clock)
    assert "2000000002" not in await numbers(filled)
    third = await preview(filled, file(line(登録番号="2000000003")), clock)
    async with filled.transaction() as db:
        await merge(db, ["1234567894"], "3000000001", portal="http://portal.test", now=clock())
    with pytest.raises(ImportOutdated):
        await run(filled, third.digest, clock)


async def test_of_two_files_applied_at_once_one_is_looked_at_again(filled, file, clock):
    numbers_ = ("2000000001", "2000000002")
    seen = [await preview(filled, file(line(登録番号=n)), clock) for n in numbers_]
    ended = await asyncio.gather(
        *(run(filled, one.digest, clock) for one in seen), return_exceptions=True
    )
    refused = [one for one in ended if isinstance(one, ImportOutdated)]
    assert len(refused) == 1
    there = [n in await numbers(filled) for n in numbers_]
    assert there == [not isinstance(one, ImportOutdated) for one in ended]


async def test_an_unknown_or_forgotten_preview_is_not_applied(filled, file, clock):
    with pytest.raises(ImportUnknown):
        await run(filled, "0" * 64, clock)
    seen = await preview(filled, file(line()), clock)
    clock.advance(hours=25)
    await preview(filled, file(line(登録番号="2000000002")), clock)
    with pytest.raises(ImportUnknown):
        await run(filled, seen.digest, clock)
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterImportRow)) == 1


# ---- encodings ----


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp932", "cp932"), ("shift_jis", "cp932")],
)
async def test_the_encoding_is_found_out(filled, file, clock, encoding, told):
    seen = await preview(filled, file(line(), encoding=encoding), clock)
    assert (seen.encoding, seen.added, seen.faults) == (told, 1, 0)
    await run(filled, seen.digest, clock)
    async with filled.transaction() as db:
        assert (await db.get_one(Company, "2000000001")).name == "株式会社新規"


async def test_both_encodings_of_a_file_mean_the_same(filled, file, clock):
    windows = line(企業住所="長野市1－1～3", 商号又は名称="髙﨑工業株式会社")
    for encoding in ("cp932", "utf-8"):
        seen = await preview(filled, file(windows, encoding=encoding), clock)
        assert seen.faults == 0
        await run(filled, seen.digest, clock)
    assert (seen.changed, seen.unchanged) == (0, 1)
    async with filled.transaction() as db:
        company = await db.get_one(Company, "2000000001")
    assert (company.name, company.address) == ("髙﨑工業株式会社", "長野市1−1〜3")


async def test_a_line_that_is_not_of_the_encoding_is_told(filled, file, clock):
    raw = text_of(line(), line(登録番号="2000000002")).encode()
    raw = raw.replace("株式会社新規".encode(), b"\xff\xfe", 1)
    seen = await preview(filled, file(raw=raw), clock)
    (fault,) = seen.first_faults
    assert (fault.line, seen.added) == (2, 1)
    assert "UTF-8" in fault.reason.ja


# ---- faults ----


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("登録番号", "", "登録番号を入力して下さい。"),
        ("登録番号", "123456789", "半角数字10文字"),
        ("登録番号", "1.23E+09", "半角数字10文字"),
        ("商号又は名称", "", "商号又は名称を入力して下さい。"),
        ("商号又は名称", "㈱新規", "「㈱」"),
        ("商号又は名称", "ｱﾙﾌﾟｽ", "「アルプス」"),
        ("商号又は名称", "あ" * 61, "60文字以内"),
        ("商号又は名称", "あ\x07い", "U+0007"),
        ("企業郵便番号", "3800001", "例:123-4567"),
        ("企業住所", "長" * 121, "120文字以内"),
        ("代表電話番号", "0260000001", "例:03-0000-0000"),
        ("代表FAX番号", "fax", "例:03-0000-0000"),
        ("支店名等", "支" * 31, "30文字以内"),
        *(("企業住所", f"{start}1+1", "計算式") for start in "=+-@＝＋－−＠"),
        ("企業住所", " \u3000=1+1", "計算式"),
        ("企業住所", "\u200b=1+1", "U+200B"),
        ("代表者名", "@SUM(A1)", "計算式"),
    ],
)
async def test_a_fault_is_told_with_its_line_and_column(filled, file, clock, column, value, told):
    right = line(登録番号="2000000009")
    seen = await preview(filled, file(right, line(**{column: value})), clock)
    (fault,) = seen.first_faults
    assert (fault.line, fault.column.ja) == (3, column)
    assert told in fault.reason.ja
    assert fault.reason.en.isascii() or "“" in fault.reason.en
    with pytest.raises(ImportFaulty):
        await run(filled, seen.digest, clock)
    assert "2000000009" not in await numbers(filled)


async def test_half_width_fields_are_converted_and_may_be_empty_where_nobody_has_them(
    filled, file, clock
):
    full = line(
        登録番号="２０００００００１１",
        代表電話番号="０２６ー０００ー０００１",
        代表FAX番号="",
        支店名等="",
    )
    seen = await preview(filled, file(full), clock)
    assert seen.faults == 0
    await run(filled, seen.digest, clock)
    async with filled.transaction() as db:
        company = await db.get_one(Company, "2000000011")
    assert (company.phone, company.fax, company.branch) == ("026-000-0001", "", "")


async def test_a_number_that_stands_twice_or_was_merged_is_told(filled, file, clock):
    rows = [line(), line(登録番号="0000000123"), line(登録番号="2000000002"), line(), line()]
    seen = await preview(filled, file(*rows), clock)
    told = [(fault.line, fault.reason.ja) for fault in seen.first_faults]
    assert [number for number, _ in told] == [3, 5, 6]
    assert "1234567890に統合されています" in told[0][1]
    assert all("2行目にもあります" in reason for _, reason in told[1:])


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ('2000000001,"株式会社', "引用符"),
        ('2000000001,"株"式,x', "引用符"),
        ("2000000001,株式会社", "列の数（2）"),
        (",".join(line()) + ",x", "列の数（13）"),
        ("あ" * (reading.MAX_LINE_BYTES // 3 + 1), "行が長すぎます"),
        ("a" * (reading.MAX_LINE_BYTES * 3 + 17), "行が長すぎます"),
        ("a\rb" + ",x" * 11, "引用符"),
    ],
)
async def test_a_spoilt_line_spoils_itself_alone(filled, file, clock, spoilt, told):
    raw = text_of(line(), line(登録番号="2000000002")).splitlines(keepends=True)
    raw.insert(2, spoilt + "\r\n")
    seen = await preview(filled, file(raw="".join(raw).encode()), clock)
    (fault,) = seen.first_faults
    assert (fault.line, fault.column) == (3, Text("", ""))
    assert told in fault.reason.ja
    assert seen.added == 2


async def test_many_faults_are_counted_and_the_first_are_told(filled, file, clock):
    count = SHOWN_FAULTS + 50
    seen = await preview(filled, file(*[line(登録番号="x")] * count), clock)
    assert seen.faults == count
    assert [fault.line for fault in seen.first_faults] == list(range(2, SHOWN_FAULTS + 2))


async def test_empty_lines_columns_in_any_order_and_others_are_no_faults(filled, file, clock):
    heading = ["備\x1b考", *reversed(HEADING)]
    heading[heading.index("地域区分コード")] = "地域区分"
    heading[heading.index("代表FAX番号")] = "代表ＦＡＸ番号 "
    rows = [["", *[""] * 12], ["=1+1", *reversed(line())], ["", *[" "] * 12]]
    seen = await preview(filled, file(*rows, heading=heading), clock)
    assert (seen.added, seen.faults, seen.ignored) == (1, 0, ("備考",))


# ---- files that are none ----


def bomb() -> bytes:
    return text_of(line()).encode() + b"\0" * 1000


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", FileEmpty),
        (b"\xef\xbb\xbf", HeaderMissing),
        (b"\n\n", HeaderMissing),
        (b"PK\x03\x04\0\0", FileNotText),
        (text_of(line()).encode("utf-16"), FileNotText),
        (bomb(), FileNotText),
        (b'"unclosed\n', FileNotText),
        (b"a" * 100_000, FileNotText),
        (b"1,2,3\n", HeaderMissing),
        (text_of(line(), heading=HEADING[:-1]).encode(), HeaderMissing),
        (text_of(line(), heading=[*HEADING, "登録番号"]).encode(), HeaderDuplicate),
        (",".join(["x"] * (MAX_COLUMNS + 1)).encode(), TooManyColumns),
    ],
)
async def test_what_is_no_register_is_refused_and_leaves_nothing(filled, file, clock, raw, error):
    with pytest.raises(error) as caught:
        await preview(filled, file(raw=raw), clock)
    assert caught.value.message().ja
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterImport)) == 0


async def test_missing_headings_are_named(filled, file, clock):
    with pytest.raises(HeaderMissing) as caught:
        await preview(filled, file(heading=HEADING[2:]), clock)
    assert "登録番号、入札参加許可番号" in caught.value.message().ja
    assert "Registration number, Bidding permit number" in caught.value.message().en


async def test_a_file_that_is_too_large_is_refused(filled, file, clock, monkeypatch):
    rows = [line(登録番号=f"20000{n:05d}") for n in range(3000)]
    path = file(*rows)
    monkeypatch.setattr(reading, "MAX_LINES", 2999)
    with pytest.raises(TooManyLines):
        await preview(filled, path, clock)
    monkeypatch.setattr(reading, "MAX_LINES", 3000)
    assert (await preview(filled, path, clock)).added == 3000
    monkeypatch.setattr(reading, "MAX_BYTES", 100_000)
    with pytest.raises(FileTooLarge):
        await preview(filled, path, clock)
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterImportRow)) == 3000


def test_a_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "register.csv"
    row = ",".join(line()) + "\n"
    with path.open("w", encoding="utf-8") as f:
        f.write(",".join(HEADING) + "\n")
        f.writelines(row for _ in range(30_000))
    tracemalloc.start()
    try:
        seen = reading.survey(path)
        with path.open("rb") as f:
            count = sum(1 for _ in reading.Reader(f, seen.encoding))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 30_000
    assert path.stat().st_size > 5_000_000
    assert peak < 4_000_000


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "cp932"]), st.booleans())
def test_whatever_is_in_a_file_is_a_line_a_fault_or_a_refusal(raw, encoding, headed):
    file = io.BytesIO((text_of().encode(encoding) if headed else b"") + raw)
    try:
        found = list(reading.Reader(file, encoding))
    except PersonError:
        return
    for one in found:
        faults = one if isinstance(one, list) else []
        assert all(fault.reason.ja and fault.line > 1 for fault in faults)
        assert faults or set(one.values) == {column.name for column in COLUMNS}


async def test_a_preview_that_fails_midway_leaves_nothing(filled, file, clock, monkeypatch):
    async def fail(*_arguments: object) -> None:
        raise RuntimeError("the power is gone")

    monkeypatch.setattr(importing, "_compare", fail)
    with pytest.raises(RuntimeError, match="power"):
        await preview(filled, file(line()), clock)
    async with filled.transaction() as db:
        assert await db.scalar(select(func.count()).select_from(RegisterImportRow)) == 0
        assert await register.last_change(db) == 0


# ---- writing, and the command ----


async def test_the_register_written_and_read_again_is_unchanged(filled, file, clock):
    text = await as_file(filled)
    assert text.startswith("\ufeff登録番号,入札参加許可番号,")
    seen = await preview(filled, file(raw=text.encode()), clock)
    assert (seen.added, seen.changed, seen.unchanged, seen.faults) == (0, 0, 6, 0)


# OWASP, CSV Injection: the signs, their full-width forms, and white space that hides one.
STARTS = "=+-@＝＋－−＠\t\r\n"


@pytest.mark.parametrize("start", STARTS)
def test_a_cell_that_would_be_a_formula_is_written_as_text(start):
    (cells,) = csv.reader(io.StringIO(csv_line([f"{start}cmd|' /C calc'!A0", "普通"]), newline=""))
    assert cells == [f"'{start}cmd|' /C calc'!A0", "普通"]


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'cli.sqlite3'}"


def test_the_command_tells_imports_and_writes(file, url, tmp_path, capsys):
    path = str(file(line(), heading=HEADING, encoding="cp932"))
    asked = ["import", path, "--database", url, "--language", "en"]
    assert main([*asked, "--preview"]) == 0
    assert capsys.readouterr().out == "cp932: 1 new, 0 changed, 0 unchanged, 0 faults\n"
    assert main(asked) == 0
    assert capsys.readouterr().out.endswith("imported\n")
    assert main(asked) == 0
    assert "0 new, 0 changed, 1 unchanged" in capsys.readouterr().out
    written = tmp_path / "out.csv"
    assert main(["export", str(written), "--database", url]) == 0
    assert capsys.readouterr().out == "1 companies\n"
    assert "株式会社新規" in written.read_text("utf-8-sig")
    assert main(["export", str(written), "--database", url]) == 1


@pytest.mark.parametrize(
    ("language", "told", "refusal"),
    [
        ("ja", "3行目: 登録番号は半角数字10文字で", "誤りがあるため、取り込みません"),
        ("en", "line 3: Registration number: 10 half-width", "nothing of it was imported"),
    ],
)
def test_the_command_names_faults_and_imports_nothing(file, url, capsys, language, told, refusal):
    path = file(["", *line()], ["", *line(登録番号="x")], heading=["備考", *HEADING])
    asked = ["import", str(path), "--database", url, "--language", language]
    assert main(asked) == 1
    shown = capsys.readouterr()
    assert told in shown.err
    assert refusal in shown.err
    assert "備考" in shown.out
    assert main([*asked, "--preview"]) == 1
