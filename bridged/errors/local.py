"""What a person at a terminal is told; none of it goes over the wire."""

from __future__ import annotations

from dataclasses import dataclass

from bridged.errors.config_words import in_japanese
from bridged.errors.tree import LocalError


@dataclass(eq=False)
class ConfigError(LocalError):
    """The settings cannot be used."""

    file: str
    detail: str
    reason, code = "config-error", 4500
    en = "The settings in {file} are wrong: {detail}"
    ja = "設定ファイル {file} が正しくありません: {detail}"

    def messages(self) -> dict[str, str]:
        """Return the sentences, the detail in the language of each."""
        ja = self.ja.format(file=self.file, detail=in_japanese(self.detail))
        return super().messages() | {"ja": ja}


@dataclass(eq=False)
class AddressInUse(LocalError):
    """Something else listens on the port already."""

    port: int
    reason, code = "address-in-use", 4501
    en = "Port {port} is taken, perhaps by a bridged that already runs. End it or use --port."
    ja = "ポート{port}は使用中です。すでに動作中のbridgedを終了するか、--port を指定してください。"


@dataclass(eq=False)
class NotRunning(LocalError):
    """No daemon of this user answers on the port."""

    port: int
    reason, code = "not-running", 4502
    en = (
        "No bridged of yours runs on port {port}. Start it: systemctl --user start bridged, "
        "or bridged serve. If it runs on another port, name that with --port."
    )
    ja = (
        "ポート{port}であなたのbridgedが動作していません。systemctl --user start bridged または "
        "bridged serve で起動してください。別のポートで動作中なら --port で指定してください。"
    )


@dataclass(eq=False)
class NotAnOrigin(LocalError):
    """The text names no site."""

    text: str
    reason, code = "not-an-origin", 4505
    en = (
        "“{text}” is not a site such as https://portal.example (https, or http on loopback; "
        "no path, no slash at the end)."
    )
    ja = (
        "「{text}」はサイトの指定として正しくありません。https://portal.example のように"
        "指定してください（パスや末尾の / は付けません）。"
    )


@dataclass(eq=False)
class SiteSettled(LocalError):
    """The person cannot change what is decided elsewhere."""

    origin: str
    source: str
    reason, code = "site-settled", 4506
    en = (
        "{origin} is decided elsewhere ({source}): in /etc/bridged/policy.toml or in your settings."
    )
    ja = (
        "{origin} はほかで決められています（{source}）。/etc/bridged/policy.toml または"
        "設定ファイルで変更してください。"
    )


@dataclass(eq=False)
class PinAsArgument(LocalError):
    """A PIN stood in the arguments, where every program of the machine can read it."""

    reason, code = "pin-as-argument", 4503
    en = (
        "Other programs can read arguments, so a PIN is not taken from them. "
        "Write - in place of the JSON and give it on standard input."
    )
    ja = (
        "引数はほかのプログラムから読めるため、PINは引数では受け付けません。"
        "JSONの代わりに - と書き、JSONは標準入力から渡してください。"
    )


@dataclass(eq=False)
class FileUnusable(LocalError):
    """A file that was named cannot be read or written."""

    file: str
    detail: str
    reason, code = "file-unusable", 4520
    en = "{file} cannot be used: {detail}"
    ja = "{file} を使用できません: {detail}"


@dataclass(eq=False)
class CertificateAmbiguous(LocalError):
    """Several certificates could sign, and none was named."""

    certificates: str
    reason, code = "certificate-ambiguous", 4521
    en = "Several certificates can sign. Name one with --certificate: {certificates}"
    ja = "署名できる証明書が複数あります。--certificate で選んでください: {certificates}"
