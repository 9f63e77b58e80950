"""Findings about the daemon and its computer: settings, records, service, clock, dialog."""

from __future__ import annotations

from bridged.doctor.catalogue.entry import Entry, Severity, good

DAEMON: dict[str, Entry] = {
    # ---- settings ----
    "settings-good": good("設定: {file}", "Settings: {file}"),
    "settings-none": good(
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
    "policy-good": good("管理者の設定: {file}", "The administrator's policy: {file}"),
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
    "audit-good": good("利用の記録: {count}件（改変なし）", "Records of use: {count}, unchanged"),
    "audit-changed": Entry(
        Severity.WARNING,
        "利用の記録が改変されているか、欠けています（{places}か所）",
        "Records of use were changed or are missing (places: {places})",
        "場所を確かめてください: bridged log verify （心当たりがなければ管理者に連絡してください）",
        "See where: bridged log verify. If you do not know why, tell your administrator.",
    ),
    # ---- the daemon ----
    "daemon-running": good(
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
    # ---- the computer ----
    "clock-behind": Entry(
        Severity.ERROR,
        "パソコンの時計（{now}）が遅れています",
        "The clock of this computer ({now}) is behind",
        "日付と時刻を自動設定にしてください: sudo timedatectl set-ntp true",
        "Set it by the network: sudo timedatectl set-ntp true",
    ),
    "dialog-good": good("PIN入力の画面: {program}", "The dialog for PINs: {program}"),
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
}
