"""Every finding the doctor knows: how bad it is, in words for people, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is."""

    GOOD = 0
    HINT = 1
    WARNING = 2
    """Works, or will, but not as it should."""
    ERROR = 3
    """A page cannot use the card until this is mended."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of finding; the sentences are filled with the finding's fields."""

    severity: Severity
    ja: str
    en: str
    ja_advice: str = ""
    en_advice: str = ""


def _good(ja: str, en: str) -> Entry:
    return Entry(Severity.GOOD, ja, en)


CATALOGUE: dict[str, Entry] = {
    # ---- settings ----
    "settings-good": _good("設定: {file}", "Settings: {file}"),
    "settings-none": _good(
        "設定ファイルはありません（標準の設定で動作します）",
        "No settings file (the defaults apply)",
    ),
    "settings-wrong": Entry(
        Severity.ERROR,
        "設定ファイル {file} が正しくありません: {detail}",
        "The settings in {file} are wrong: {detail}",
        "その箇所を直してください。書き方は bridged config show で確かめられます。",
        "Mend that place. `bridged config show` prints every key.",
    ),
    "settings-unread": Entry(
        Severity.WARNING,
        "設定ファイルの変更はまだ反映されていません: {keys}",
        "The settings were changed and not taken up yet: {keys}",
        "反映してください: systemctl --user reload bridged",
        "Have them taken up: systemctl --user reload bridged",
    ),
    "settings-restart": Entry(
        Severity.WARNING,
        "次の設定の変更は、bridged を再起動すると反映されます: {keys}",
        "Settings were changed that hold after a restart only: {keys}",
        "再起動してください: systemctl --user restart bridged",
        "Restart it: systemctl --user restart bridged",
    ),
    "policy-good": _good("管理者の設定: {file}", "The administrator's policy: {file}"),
    "policy-wrong": Entry(
        Severity.ERROR,
        "管理者の設定 {file} が正しくありません: {detail}",
        "The administrator's policy in {file} is wrong: {detail}",
        "このままでは bridged は起動しません。管理者に修正を依頼してください。",
        "bridged does not start like this. Have the administrator mend it.",
    ),
    # ---- what is written down ----
    "records-unwritable": Entry(
        Severity.ERROR,
        "記録の保存先 {path} に書き込めません（{detail}）",
        "Nothing can be written in {path} ({detail})",
        "書き込めない間は署名できません。ディスクの空き容量と、フォルダーの所有者・権限を確かめてください。",
        "Nothing is signed like this. See whether the disk is full, and to whom the folder belongs.",
    ),
    "sites-broken": Entry(
        Severity.WARNING,
        "許可したサイトの一覧 {file} が壊れています（{detail}）",
        "The list of allowed sites, {file}, is broken ({detail})",
        "次に読み込むときに別名で保存されます。サイトが接続したときに、もう一度許可してください。",
        "It will be put aside. Allow the sites again when they ask.",
    ),
    "sites-put-aside": Entry(
        Severity.HINT,
        "壊れていた許可の一覧が {file} に残っています",
        "A broken list of allowed sites was put aside as {file}",
        "サイトが接続したときに、もう一度許可してください。このファイルは削除してかまいません。",
        "Allow the sites again when they ask. You may delete that file.",
    ),
    "audit-good": _good("利用の記録: {count}件（改変なし）", "Records of use: {count}, unchanged"),
    "audit-changed": Entry(
        Severity.WARNING,
        "利用の記録が改変されているか、欠けています（{places}か所）",
        "Records of use were changed or are missing (places: {places})",
        "場所を確かめてください: bridged log verify （心当たりがなければ管理者に連絡してください）",
        "See where: bridged log verify. If you do not know why, tell your administrator.",
    ),
    # ---- the daemon ----
    "daemon-running": _good(
        "bridged {version} がポート{port}で動作しています",
        "bridged {version} runs on port {port}",
    ),
    "daemon-stopped": Entry(
        Severity.WARNING,
        "bridged が動作していません（ポート{port}）",
        "bridged does not run (port {port})",
        "起動してください: systemctl --user start bridged.socket （または bridged serve）",
        "Start it: systemctl --user start bridged.socket, or bridged serve",
    ),
    "daemon-other-user": Entry(
        Severity.ERROR,
        "ポート{port}では、別の利用者の bridged が動作しています",
        "The bridged on port {port} belongs to another user",
        "その利用者がログアウトするか、bridged を終了してから、やり直してください。",
        "Let that user log out or end it, then try again.",
    ),
    "daemon-other-version": Entry(
        Severity.WARNING,
        "動作中の bridged は {running}、インストール済みは {installed} です",
        "The bridged that runs is {running}, the one installed is {installed}",
        "再起動してください: systemctl --user restart bridged",
        "Restart it: systemctl --user restart bridged",
    ),
    "port-taken": Entry(
        Severity.ERROR,
        "ポート{port}を別のプログラムが使用しています: {program}",
        "Another program has port {port}: {program}",
        "そのプログラムを終了するか、設定で port を変更してください（ポータル側の対応も必要です）。",
        "End that program, or set another port (the portal must know it).",
    ),
    # ---- PC/SC ----
    "pcscd-good": _good("ICカードのサービス（pcscd）", "The smart card service (pcscd)"),
    "pcscd-missing": Entry(
        Severity.ERROR,
        "ICカードのサービス（pcscd）がインストールされていません",
        "The smart card service (pcscd) is not installed",
        "インストールしてください: sudo apt install pcscd",
        "Install it: sudo apt install pcscd",
    ),
    "pcscd-stopped": Entry(
        Severity.ERROR,
        "ICカードのサービス（pcscd）が動作していません",
        "The smart card service (pcscd) does not run",
        "起動してください: sudo systemctl enable --now pcscd.socket",
        "Start it: sudo systemctl enable --now pcscd.socket",
    ),
    "pcscd-refuses": Entry(
        Severity.ERROR,
        "ICカードのサービス（pcscd）に接続を拒否されました",
        "The smart card service (pcscd) refuses this user",
        "画面にログインした端末で実行するか、管理者に polkit の規則"
        "（org.debian.pcsc-lite.access_pcsc）の追加を依頼してください。",
        "Run this in the session at the screen, or have a polkit rule for "
        "org.debian.pcsc-lite.access_pcsc added.",
    ),
    "pcscd-hangs": Entry(
        Severity.ERROR,
        "ICカードのサービス（pcscd）が応答しません",
        "The smart card service (pcscd) does not answer",
        "再起動してください: sudo systemctl restart pcscd",
        "Restart it: sudo systemctl restart pcscd",
    ),
    "pcsc-programs": Entry(
        Severity.HINT,
        "ほかにPC/SCを使用しているプログラム: {programs}",
        "Other programs that use PC/SC: {programs}",
    ),
    # ---- readers ----
    "reader-none": Entry(
        Severity.ERROR,
        "ICカードリーダーが接続されていません",
        "No card reader is connected",
        "リーダーをUSBポートに接続してください。",
        "Connect the reader.",
    ),
    "reader-without-driver": Entry(
        Severity.ERROR,
        "USBのICカードリーダー（{device}）が接続されていますが、pcscd が認識していません",
        "A USB card reader ({device}) is connected, but pcscd does not know it",
        "ドライバーをインストールしてください: sudo apt install libccid"
        "（対応外の機種は製造元のドライバーが必要です）",
        "Install its driver: sudo apt install libccid, or the maker's own",
    ),
    "reader-unavailable": Entry(
        Severity.ERROR,
        "{reader}: 使用できません",
        "{reader}: unavailable",
        "リーダーを接続し直してください。",
        "Disconnect the reader and connect it again.",
    ),
    "reader-empty": Entry(
        Severity.WARNING,
        "{reader}: ICカードが挿入されていません",
        "{reader}: no card",
        "ICカードを挿入してください。",
        "Insert the card.",
    ),
    # ---- cards ----
    "card-good": _good("{reader}: {card}", "{reader}: {card}"),
    "card-unread": _good(
        "{reader}: ICカードが挿入されています（サイトが使用するときに読み取ります）",
        "{reader}: a card is inserted (it is read when a site uses it)",
    ),
    "card-mute": Entry(
        Severity.ERROR,
        "{reader}: ICカードが応答しません",
        "{reader}: the card does not answer",
        "表裏と向きを確かめ、ICチップを乾いた布で拭いて、挿入し直してください。",
        "Check which way round it is, wipe the chip with a dry cloth, insert it again.",
    ),
    "card-unknown": Entry(
        Severity.ERROR,
        "{reader}: このICカードには対応していません",
        "{reader}: this card is not supported",
        "電子入札用のICカードを挿入してください。発行元のPKCS#11モジュールがあれば、"
        "設定の [pkcs11] に追加すると使用できます。",
        "Insert the card for electronic bidding. If its issuer gave you a PKCS#11 module, add it "
        "to [pkcs11] in the settings.",
    ),
    "card-in-use": Entry(
        Severity.ERROR,
        "{reader}: ほかのプログラムがICカードを占有しています",
        "{reader}: another program has the card for itself",
        "そのプログラムを終了してください（例: 電子入札補助アプリ、GnuPGの scdaemon）。",
        "End that program (GnuPG's scdaemon or a bidding helper, for example).",
    ),
    "card-fault": Entry(
        Severity.ERROR,
        "{reader}: ICカードを読み取れません（{detail}）",
        "{reader}: the card cannot be read ({detail})",
        "ICカードを挿入し直してください。続く場合は発行元にお問い合わせください。",
        "Insert the card again. If it goes on, ask the issuer.",
    ),
    "card-without-certificate": Entry(
        Severity.ERROR,
        "{reader}: 証明書が格納されていません",
        "{reader}: there is no certificate on the card",
        "発行元に、証明書が格納されたICカードか確認してください。",
        "Ask the issuer whether this card should carry certificates.",
    ),
    # ---- PINs ----
    "pin-good": _good("{label}: 残り{tries}回", "{label}: {tries} tries left"),
    "pin-uncounted": _good(
        "{label}: 残り回数を示さないICカードです", "{label}: the card does not tell its tries"
    ),
    "pin-last-try": Entry(
        Severity.WARNING,
        "{label}: 残り1回です",
        "{label}: one try is left",
        "次に間違えるとロックされます。PIN番号を確かめてから使用してください。",
        "A wrong PIN now blocks it. Make sure of the PIN before you use it.",
    ),
    "pin-blocked": Entry(
        Severity.ERROR,
        "{label}: ロックされています",
        "{label}: blocked",
        "発行元に解除を依頼してください。",
        "Have the issuer unblock it.",
    ),
    # ---- certificates ----
    "certificate-good": _good(
        "{label}: {until} まで有効（{holder}）", "{label}: valid until {until} ({holder})"
    ),
    "certificate-locked": _good(
        "{label}: PINの入力後に表示されます", "{label}: shown after its PIN"
    ),
    "certificate-unreadable": Entry(
        Severity.ERROR,
        "{label}: 証明書を読み取れません",
        "{label}: the certificate cannot be read",
        "発行元にお問い合わせください。",
        "Ask the issuer.",
    ),
    "certificate-expiring": Entry(
        Severity.WARNING,
        "{label}: あと{days}日で有効期限（{until}）です",
        "{label}: expires in {days} days ({until})",
        "入札の開札日まで有効か確かめ、発行元に更新を申し込んでください。",
        "Make sure that it lasts until the bids are opened, and order a new card.",
    ),
    "certificate-expired": Entry(
        Severity.ERROR,
        "{label}: 有効期限（{until}）が切れています",
        "{label}: expired on {until}",
        "発行元に新しいICカードを申し込んでください。",
        "Order a new card from the issuer.",
    ),
    "certificate-not-yet-valid": Entry(
        Severity.ERROR,
        "{label}: 有効期間の開始（{since}）前です",
        "{label}: not valid before {since}",
        "パソコンの日付が正しいか確かめてください。",
        "Check the date of this computer.",
    ),
    # ---- the computer ----
    "clock-behind": Entry(
        Severity.ERROR,
        "パソコンの時計（{now}）が遅れています",
        "The clock of this computer ({now}) is behind",
        "日付と時刻を自動設定にしてください: sudo timedatectl set-ntp true",
        "Set it by the network: sudo timedatectl set-ntp true",
    ),
    "dialog-good": _good("PIN入力の画面: {program}", "The dialog for PINs: {program}"),
    "dialog-missing": Entry(
        Severity.WARNING,
        "PIN入力の画面（pinentry）がインストールされていません",
        "There is no dialog for PINs (pinentry)",
        "インストールしてください: sudo apt install pinentry-qt（なくても、ブラウザーの別画面で入力できます）",
        "Install one: sudo apt install pinentry-qt (a window of the browser serves without it)",
    ),
    "dialog-no-display": Entry(
        Severity.HINT,
        "画面（ディスプレイ）のない環境です。PIN入力の画面は開けません",
        "There is no display here, so no dialog for PINs can open",
    ),
    # ---- browsers ----
    "browser-policy-good": _good(
        "{browser}: 確認なしで接続できるサイトが設定されています",
        "{browser}: sites that may connect unasked are set",
    ),
    "browser-asks": Entry(
        Severity.HINT,
        "{browser}: 最初の接続時に、ブラウザーが確認を表示します",
        "{browser}: asks once before a page may connect",
        "「許可」を選んでください。管理者はこの確認を省略できます: sudo bridged browsers allow https://…",
        "Choose Allow. An administrator can spare people the question: sudo bridged browsers allow https://…",
    ),
    "browser-policy-wrong": Entry(
        Severity.ERROR,
        "{browser}: ポリシーファイル {file} を読み取れません（{detail}）",
        "{browser}: the policy file {file} cannot be read ({detail})",
        "JSONの書式を直してください。",
        "Mend its JSON.",
    ),
    "browser-blocks": Entry(
        Severity.ERROR,
        "{browser}: ポリシー（{file}）が {pattern} からの接続を禁止しています",
        "{browser}: a policy ({file}) blocks {pattern}",
        "管理者に {policy} の変更を依頼してください。",
        "Ask the administrator to change {policy}.",
    ),
    # ---- the browser that shows the status page ----
    "page-connects": _good(
        "このブラウザー: bridged に接続できます", "This browser can connect to bridged"
    ),
    "page-blocked": Entry(
        Severity.ERROR,
        "このブラウザー: bridged への接続（WebSocket）が妨げられています",
        "This browser: something keeps it from connecting to bridged (WebSocket)",
        "拡張機能（広告ブロックなど）を無効にし、セキュリティ対策ソフトとプロキシの設定で 127.0.0.1 を"
        "対象外にしてから、この画面を再読み込みしてください。",
        "Switch extensions (ad blockers) off, exempt 127.0.0.1 in security software and proxy "
        "settings, then reload this page.",
    ),
    "page-permission-denied": Entry(
        Severity.ERROR,
        "このブラウザー: サイトからこのパソコンへの接続が禁止されています",
        "This browser: sites may not reach this computer",
        "アドレス欄の左のアイコンから「サイトの設定」を開き、ローカルネットワーク・このデバイスへの"
        "アクセスを「許可」にしてください。変更できない場合は管理者に依頼してください。",
        "Open the site settings left of the address and allow access to the local network and to "
        "apps on this device. Where that is locked, ask the administrator.",
    ),
    "page-asks": _good(
        "このブラウザー: サイトが初めて接続するときに確認を表示します（「許可」を選んでください）",
        "This browser asks when a site connects for the first time (choose Allow)",
    ),
    "page-proxied": Entry(
        Severity.WARNING,
        "このブラウザー: bridged との間にプロキシがあります",
        "This browser: a proxy stands between it and bridged",
        "プロキシの設定で、127.0.0.1 と localhost を対象外にしてください。",
        "Exempt 127.0.0.1 and localhost in the proxy settings.",
    ),
    "page-clock": Entry(
        Severity.WARNING,
        "このブラウザー: 時計がパソコンと{seconds}秒ずれています",
        "This browser: its clock is {seconds} s away from that of the computer",
        "別のパソコンや仮想環境のブラウザーではなく、このパソコンのブラウザーで開いてください。",
        "Use a browser of this computer, not of another or of a virtual machine.",
    ),
    "page-foreign": Entry(
        Severity.HINT,
        "このブラウザー: 拡張機能などがこの画面に{count}個の要素を追加しています",
        "This browser: extensions put {count} things of theirs into this page",
        "入札に使うブラウザーでは、必要のない拡張機能を無効にしてください。",
        "Switch off extensions that you do not need in the browser you bid with.",
    ),
}
