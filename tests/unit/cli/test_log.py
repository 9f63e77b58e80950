"""`bridged log`: what it takes, and what it says to what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridged.__main__ import main
from bridged.cli.log import since


def test_a_time_is_taken_by_the_calendar_or_as_so_long_ago() -> None:
    assert since("2026-04-01T09:00+09:00") == datetime(2026, 4, 1, tzinfo=UTC)
    before, taken, after = datetime.now(UTC), since("7d"), datetime.now(UTC)
    assert before <= taken + timedelta(days=7) <= after


@pytest.mark.parametrize("text", ["yesterday", "7w", ""])
def test_another_time_is_told_what_a_time_looks_like(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["log", "--since", text])
    assert ended.value.code == 2
    assert "is no time such as 2026-04-01, 2026-04-01T09:00, 30m, 12h or 7d" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("act", ["show", "verify"])
def test_a_folder_that_is_not_there_is_no_whole_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], act: str
) -> None:
    assert main(["log", act, "--folder", str(tmp_path / "nowhere")]) == 1
    assert "no such folder" in capsys.readouterr().err
