"""Why a document was not signed."""

from __future__ import annotations

from dataclasses import dataclass

from bridged.errors.tree import BlockedError, CallerError, RetryableError


@dataclass(eq=False)
class DocumentMalformed(CallerError):
    """The document is not what its format needs, or more than can be read safely."""

    format: str
    detail: str
    reason, code = "document-malformed", 4600
    en = "The document cannot be signed ({format}): {detail}"
    ja = "この文書には署名できません（{format}）: {detail}"


@dataclass(eq=False)
class DocumentProtected(CallerError):
    """The PDF is encrypted, or certified against changes; signing it would break it."""

    reason, code = "document-protected", 4601
    en = "The document is protected by a password or against changes. Sign an unprotected copy."
    ja = (
        "文書がパスワードまたは変更の禁止で保護されています。保護していない文書に署名してください。"
    )


@dataclass(eq=False)
class TimestampNotConfigured(BlockedError):
    """A time-stamp was asked for, and the settings name no time-stamp authority."""

    reason, code = "timestamp-not-configured", 4602
    en = "No time-stamp authority is set up. Name one in the settings of bridged: [documents] tsa."
    ja = (
        "タイムスタンプ局が設定されていません。bridgedの設定（[documents] tsa）で指定してください。"
    )


@dataclass(eq=False)
class TimestampUnavailable(RetryableError):
    """The time-stamp authority gave no time-stamp that holds; the document was not signed."""

    detail: str
    reason, code = "timestamp-unavailable", 4603
    en = "The time-stamp authority gave no usable time-stamp ({detail}). Try again later."
    ja = "タイムスタンプを取得できませんでした（{detail}）。しばらくしてから、やり直してください。"
