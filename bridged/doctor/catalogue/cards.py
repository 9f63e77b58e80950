"""Findings about cards: PC/SC, readers, cards, PINs, certificates."""

from __future__ import annotations

from bridged.doctor.catalogue.entry import Entry, Severity, good

CARDS: dict[str, Entry] = {
    # ---- PC/SC ----
    "pcscd-good": good("ICカードのサービス（pcscd）", "The smart card service (pcscd)"),
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
    "card-good": good("{reader}: {card}", "{reader}: {card}"),
    "card-unread": good(
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
    "pin-good": good("{label}: 残り{tries}回", "{label}: {tries} tries left"),
    "pin-uncounted": good(
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
    "certificate-good": good(
        "{label}: {until} まで有効（{holder}）", "{label}: valid until {until} ({holder})"
    ),
    "certificate-locked": good(
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
}
