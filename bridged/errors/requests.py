"""What is wrong with a request as it stands, or with asking now."""

from __future__ import annotations

from dataclasses import dataclass

from bridged.errors.tree import CallerError, RetryableError


@dataclass(eq=False)
class ParseError(CallerError):
    """The frame is not one JSON value."""

    reason, code = "parse-error", -32700
    en = "The message is not valid JSON."
    ja = "メッセージが正しいJSONではありません。"


@dataclass(eq=False)
class InvalidRequest(CallerError):
    """The JSON is not a JSON-RPC 2.0 request."""

    detail: str
    reason, code = "invalid-request", -32600
    en = "The message is not a JSON-RPC 2.0 request: {detail}"
    ja = "メッセージがJSON-RPC 2.0の要求ではありません: {detail}"


@dataclass(eq=False)
class MethodNotFound(CallerError):
    """There is no such method in this version of the protocol."""

    method: str
    reason, code = "method-not-found", -32601
    en = "There is no method “{method}”."
    ja = "「{method}」というメソッドはありません。"


@dataclass(eq=False)
class InvalidParams(CallerError):
    """A parameter is missing, unknown, of the wrong type or out of bounds."""

    path: str
    detail: str
    reason, code = "invalid-params", -32602
    en = "The parameter {path} is wrong: {detail}"
    ja = "パラメーター {path} が正しくありません: {detail}"


@dataclass(eq=False)
class SiteNotAllowed(CallerError):
    """The origin lacks the grant that the method needs."""

    origin: str
    grant: str
    reason, code = "site-not-allowed", 4001
    en = (
        "{origin} is not allowed to do this (“{grant}”). Allow the site in the settings of bridged."
    )
    ja = "{origin} にはこの操作（{grant}）が許可されていません。bridgedの設定でサイトを許可してください。"


@dataclass(eq=False)
class ConsentDenied(CallerError):
    """The person said no to what the site asked for, now or a while ago."""

    origin: str
    reason, code = "consent-denied", 4002
    en = (
        "You did not allow {origin} to use the IC card. If that was a mistake, "
        "open the status page of bridged and take the refusal back."
    )
    ja = (
        "{origin} によるICカードの使用は許可されませんでした。誤って拒否した場合は、"
        "bridgedの状態画面で拒否を取り消してください。"
    )


@dataclass(eq=False)
class ConsentUnavailable(RetryableError):
    """The person has to agree, and there is no display, pinentry or window to ask at."""

    origin: str
    reason, code = "consent-unavailable", 4003
    en = (
        "Nobody could be asked whether {origin} may use the IC card: no dialog can be shown here. "
        "To allow it, run: bridged sites allow {origin}"
    )
    ja = (
        "確認の画面を表示できないため、{origin} によるICカードの使用の可否を確かめられませんでした。"
        "許可するには次を実行してください: bridged sites allow {origin}"
    )


@dataclass(eq=False)
class Busy(RetryableError):
    """Too much is waiting on this connection or card."""

    reason, code = "busy", 4400
    en = "Too many requests are waiting. Try again in a moment."
    ja = "処理待ちの要求が多すぎます。少し待ってから、やり直してください。"


@dataclass(eq=False)
class Cancelled(RetryableError):
    """The request ended before its work was done because its owner went away."""

    reason, code = "cancelled", 4401
    en = "The request was cancelled."
    ja = "要求は取り消されました。"


@dataclass(eq=False)
class RateLimited(RetryableError):
    """The site, or all sites together, ask for more than they may."""

    retry_after_seconds: int
    reason, code = "rate-limited", 4402
    en = "Too much was asked in a short time. Try again in {retry_after_seconds} seconds."
    ja = "短い時間に要求が集中しました。{retry_after_seconds}秒後に、やり直してください。"


@dataclass(eq=False)
class RecordFailed(RetryableError):
    """What has to be written down could not be, so it was not done; the log says which file."""

    reason, code = "record-failed", 4410
    en = (
        "bridged could not write its records, so nothing was done. Check that the disk is not full "
        "and look at the log: journalctl --user -u bridged"
    )
    ja = (
        "bridgedが記録を書き込めないため、処理を中止しました。ディスクの空き容量を確かめ、"
        "ログをご覧ください: journalctl --user -u bridged"
    )
