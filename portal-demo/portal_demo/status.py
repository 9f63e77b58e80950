"""The states of an application, as they are stored and printed."""

from __future__ import annotations

from enum import StrEnum

from portal_demo.language import Text


class Status(StrEnum):
    """What has become of an application."""

    PROVISIONAL = "仮登録"
    FINAL = "本登録"
    REJECTED = "不受理"
    CHANGED = "変更済"


STATUS_NAMES = {
    Status.PROVISIONAL: Text("仮登録", "Provisional (仮登録)"),
    Status.FINAL: Text("本登録", "Final (本登録)"),
    Status.REJECTED: Text("不受理", "Rejected (不受理)"),
    Status.CHANGED: Text("変更済", "Changed (変更済)"),
}
