"""Findings about browsers: their policies, and the one that shows the status page."""

from __future__ import annotations

from bridged.doctor.catalogue.entry import Entry, Severity, good

BROWSERS: dict[str, Entry] = {
    # ---- browsers ----
    "browser-policy-good": good(
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
    "page-connects": good(
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
    "page-asks": good(
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
