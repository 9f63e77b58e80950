"""The audit grows line by line, and tells of every line that was changed or is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridged.audit import journal as journal_module
from bridged.audit.journal import Journal
from bridged.audit.reading import latest, records, verify
from bridged.errors import RecordFailed

from .conftest import full_after


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def written(folder: Path) -> Path:
    """The file of an audit of five lines."""
    journal = Journal(folder)
    for n in range(5):
        journal.append("key.used", {"origin": "https://portal.example", "title": f"入札書 {n}"})
    return journal.path


def faults(folder: Path) -> list[str]:
    return [fault.what for fault in verify(folder)[1]]


def test_lines_are_numbered_chained_and_for_their_user_alone(written: Path, folder: Path) -> None:
    lines = [json.loads(line) for line in written.read_bytes().splitlines()]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0]["prev"] == "0" * 64
    assert [line["prev"] for line in lines[1:]] == [line["hash"] for line in lines[:-1]]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert verify(folder) == (5, [])
    assert [record["title"] for record in records(folder)][4] == "入札書 4"


def test_an_audit_that_was_never_written_is_whole(folder: Path) -> None:
    assert verify(folder) == (0, [])


@pytest.mark.parametrize("taken", range(5))
def test_a_line_that_was_taken_out_shows(written: Path, folder: Path, taken: int) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join(lines[:taken] + lines[taken + 1 :]))
    (fault,) = faults(folder)
    assert "missing" in fault


@pytest.mark.parametrize("changed", range(5))
def test_a_line_that_was_changed_shows(written: Path, folder: Path, changed: int) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    lines[changed] = lines[changed].replace(b"portal.example", b"evil00.example")
    written.write_bytes(b"".join(lines))
    assert faults(folder) == [f"record {changed + 1} was changed"]


def test_a_line_that_was_sealed_anew_shows(written: Path, folder: Path) -> None:
    lines = written.read_bytes().splitlines()
    record = json.loads(lines[2])
    del record["hash"]
    lines[2] = journal_module.seal({**record, "title": "別の書類"})
    written.write_bytes(b"\n".join(lines) + b"\n")
    assert any("missing or moved" in fault for fault in faults(folder))


def test_the_last_line_sealed_anew_shows_by_the_head(written: Path, folder: Path) -> None:
    lines = written.read_bytes().splitlines()
    record = json.loads(lines[4])
    del record["hash"]
    lines[4] = journal_module.seal({**record, "title": "別の書類"})
    written.write_bytes(b"\n".join(lines) + b"\n")
    assert faults(folder) == ["record 5 is not the one that was written"]


def test_lines_that_changed_places_show(written: Path, folder: Path) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    written.write_bytes(b"".join(lines))
    assert faults(folder)


def test_an_audit_that_was_emptied_shows(written: Path, folder: Path) -> None:
    written.write_bytes(b"")
    assert faults(folder) == ["records are missing after 0: there were 5"]
    written.unlink()
    assert faults(folder) == ["records are missing after 0: there were 5"]


def test_a_head_that_is_gone_shows(written: Path, folder: Path) -> None:
    (folder / "audit.head").unlink()
    assert faults(folder) == ["the file is missing"]


def test_a_crash_between_line_and_head_is_no_fault(written: Path, folder: Path) -> None:
    head = (folder / "audit.head").read_bytes()
    Journal(folder).append("key.used", {})
    (folder / "audit.head").write_bytes(head)
    assert verify(folder) == (6, [])


def test_a_line_that_a_crash_cut_off_is_taken_back_and_told(written: Path, folder: Path) -> None:
    with written.open("ab") as file:
        file.write(b'{"seq":6,"at":"20')
    assert any("no record" in fault for fault in faults(folder))
    Journal(folder).append("key.used", {})
    assert verify(folder) == (7, [])
    assert [(r["event"], r.get("bytes")) for r in records(folder)][5] == ("log.repaired", 17)


def test_files_are_put_by_and_the_chain_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_BYTES", 500)
    monkeypatch.setattr(journal_module, "MAX_FILES", 3)
    journal = Journal(folder)
    for n in range(40):
        journal.append("key.used", {"n": n})
    files = journal_module.put_by(folder)
    assert len(files) == 3
    count, found = verify(folder)
    assert found == []
    assert [r["n"] for r in records(folder) if r["event"] == "key.used"][-1] == 39
    assert count < 40
    files[0].unlink()
    assert any("missing before" in fault for fault in faults(folder))


def test_a_file_that_was_put_by_and_is_gone_shows(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_BYTES", 500)
    journal = Journal(folder)
    for n in range(20):
        journal.append("key.used", {"n": n})
    journal_module.put_by(folder)[1].unlink()
    assert any("missing or moved" in fault for fault in faults(folder))


WRITER = """
import sys
from pathlib import Path
from bridged.audit.journal import Journal

for n in range(20):
    Journal(Path(sys.argv[1])).append("key.used", {"who": "process", "n": n})
"""


def test_processes_and_threads_that_write_at_once_keep_one_chain(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)]) as other:
        with ThreadPoolExecutor(2) as threads:
            for n in range(20):
                threads.submit(Journal(folder).append, "key.used", {"who": "thread", "n": n})
        assert other.wait(30) == 0
    assert verify(folder) == (40, [])


def test_what_cannot_be_written_is_an_error_that_names_no_path(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    journal = Journal(folder)
    journal.append("key.used", {})
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RecordFailed) as caught:
        journal.append("key.used", {})
    assert str(folder) not in str(caught.value)
    monkeypatch.undo()
    assert verify(folder) == (1, [])


def tried_on_a_full_disk(folder: Path, size: int) -> None:
    with full_after(size), pytest.raises(RecordFailed):
        Journal(folder).append("key.used", {"title": "no room"})


def test_after_a_full_disk_the_audit_goes_on_from_its_first_line(folder: Path) -> None:
    for _ in range(2):
        tried_on_a_full_disk(folder, 20)
    assert (folder / "audit.jsonl").stat().st_size == 20
    Journal(folder).append("key.used", {"title": "room again"})
    assert [(r["event"], r.get("bytes")) for r in records(folder)] == [
        ("log.repaired", 20),
        ("key.used", None),
    ]
    assert verify(folder) == (2, [])


def test_after_a_full_disk_a_new_file_goes_on_from_the_one_put_by(
    written: Path, folder: Path
) -> None:
    written.rename(folder / "audit-000000000005.jsonl")
    tried_on_a_full_disk(folder, 20)
    Journal(folder).append("key.used", {})
    assert [(r["seq"], r["event"]) for r in records(folder)][5:] == [
        (6, "log.repaired"),
        (7, "key.used"),
    ]
    assert verify(folder) == (7, [])


def test_a_line_that_would_not_fit_on_the_disk_is_taken_back(written: Path, folder: Path) -> None:
    before = written.stat().st_size
    for room in (0, 50):
        tried_on_a_full_disk(folder, before + room)
    Journal(folder).append("key.used", {})
    assert [r["event"] for r in records(folder)][5:] == ["log.repaired", "key.used"]
    assert verify(folder) == (7, [])


def test_a_record_that_is_too_long_is_refused_and_the_next_is_written(folder: Path) -> None:
    journal = Journal(folder)
    with pytest.raises(RecordFailed):
        journal.append("key.asked", {"title": "x" * journal_module.MAX_LINE})
    assert journal.path.read_bytes() == b""
    journal.append("key.asked", {})
    assert verify(folder) == (1, [])


@pytest.mark.parametrize(
    "end", [b"x" * (1 << 18), b"x" * (1 << 19) + b"\n", b"{}\n", b"\xff\n", b"\n", b"\n{"]
)
def test_an_end_that_nobody_wrote_stops_nothing_and_shows(
    written: Path, folder: Path, end: bytes
) -> None:
    with written.open("ab") as file:
        file.write(end)
    for _ in range(2):
        Journal(folder).append("key.used", {})
    added = [(r["seq"], r["event"]) for r in records(folder) if r.get("seq", 0) > 5]
    assert added == [(6, "log.broken"), (7, "key.used"), (8, "key.used")]
    count, found = verify(folder)
    assert count >= 9
    assert {fault.line for fault in found} == set(range(6, 6 + count - 8))
    assert all("no record" in fault.what for fault in found)


def test_a_new_file_goes_on_after_one_whose_end_nobody_wrote(written: Path, folder: Path) -> None:
    with written.open("ab") as file:
        file.write(b"{}\n")
    written.rename(folder / "audit-000000000005.jsonl")
    Journal(folder).append("key.used", {})
    assert [r["seq"] for r in records(folder) if "seq" in r] == [1, 2, 3, 4, 5, 6]
    (fault,) = faults(folder)
    assert "no record" in fault


def test_the_next_record_does_not_hide_that_some_are_gone(written: Path, folder: Path) -> None:
    lines = written.read_bytes().splitlines(keepends=True)
    written.write_bytes(b"".join(lines[:3]))
    Journal(folder).append("key.used", {})
    assert faults(folder) == ["records are missing or moved between 3 and 6"]


def test_the_next_record_does_not_hide_that_all_are_gone(written: Path, folder: Path) -> None:
    written.unlink()
    Journal(folder).append("key.used", {})
    assert faults(folder) == ["records are missing before 6"]


def test_the_next_record_does_not_hide_that_the_last_was_sealed_anew(
    written: Path, folder: Path
) -> None:
    lines = written.read_bytes().splitlines()
    record = json.loads(lines[4])
    del record["hash"]
    lines[4] = journal_module.seal({**record, "title": "別の書類"})
    written.write_bytes(b"\n".join(lines) + b"\n")
    Journal(folder).append("key.used", {})
    assert faults(folder) == ["records are missing or moved between 5 and 6"]


@pytest.mark.parametrize("head", [b"", b"000000000009 ", b"x" * 500, b"9" * 78 + b"\n"])
def test_a_head_that_cannot_be_read_stops_nothing(written: Path, folder: Path, head: bytes) -> None:
    (folder / "audit.head").write_bytes(head)
    Journal(folder).append("key.used", {})
    assert [record["seq"] for record in records(folder)] == [1, 2, 3, 4, 5, 6]


def test_a_drop_that_does_not_say_what_shows(written: Path, folder: Path) -> None:
    body = {"seq": 6, "at": "2026-01-01T00:00:00Z", "event": "log.dropped", "prev": "0" * 64}
    with written.open("ab") as file:
        file.write(journal_module.seal({**body, "upTo": "all"}) + b"\n")
    assert any("no record" in fault for fault in faults(folder))


def test_a_folder_that_others_can_write_to_is_refused(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(RecordFailed):
        Journal(folder).append("key.used", {})
    assert "other users can write" in caplog.text


def test_the_latest_come_first_over_the_ends_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridged.audit.journal.MAX_BYTES", 600)
    monkeypatch.setattr("bridged.audit.reading.TAIL", 500)
    for number in range(6):
        Journal(tmp_path).append("key.used", {"number": number})
    found = [record["number"] for record in latest(tmp_path)]
    assert len(list(tmp_path.glob("audit-*.jsonl"))) > 0
    assert found[:2] == [5, 4]
    assert found == sorted(found, reverse=True)
