/** One or two sentences for a person, which say what to do next. */
export interface Messages {
  readonly ja: string;
  readonly en: string;
}

/** What this client itself can report about a call, besides what the daemon reports. */
export const CALL_MESSAGES = {
  "connection-lost": {
    ja: "bridgedとの接続が切れました。ページを再読み込みして、やり直してください。",
    en: "The connection to bridged was lost. Reload the page and try again.",
  },
  aborted: {
    ja: "操作を取り消しました。",
    en: "The operation was cancelled.",
  },
  "bad-reply": {
    ja: "bridgedから正しくない応答がありました。bridgedを最新版に更新してください。",
    en: "bridged sent an answer that cannot be read. Update bridged to its latest version.",
  },
} as const satisfies Record<string, Messages>;

/** Why there is no connection. */
export const CONNECT_MESSAGES = {
  "not-running": {
    ja: "bridgedが動作していません。bridgedを起動してから、もう一度お試しください。インストールしていない場合は、先にインストールしてください。",
    en: "bridged is not running on this computer. Start it, or install it first, and try again.",
  },
  blocked: {
    ja: "ブラウザーの設定で、このサイトからICカードへの接続が拒否されています。アドレスバーの左のアイコンからサイトの設定を開き、「このデバイス上の他のアプリやサービスへのアクセス」を「許可」に変えて、ページを再読み込みしてください。",
    en: "The browser blocks this site from reaching the IC card. Open the site settings at the left of the address bar, set access to “other apps and services on this device” to “Allow”, and reload the page.",
  },
  unreached: {
    ja: "bridgedに接続できませんでした。ブラウザーの確認で「許可」が選ばれていないか、bridgedが動作していません。もう一度お試しのうえ、ブラウザーの確認が表示されたら「許可」を選んでください。表示されない場合は、bridgedを起動してください。",
    en: "bridged was not reached: the browser's question was not answered with “Allow”, or bridged is not running. Try again, and choose “Allow” if the browser asks. If it does not ask, start bridged.",
  },
  "site-not-allowed": {
    ja: "このサイトはbridgedで拒否されています。拒否した覚えがない場合は、bridgedの状態画面で取り消すか、管理者にお問い合わせください。",
    en: "This site is denied in bridged. If that was a mistake, take it back on the status page of bridged, or ask the administrator.",
  },
  "browser-unsupported": {
    ja: "このブラウザーでは、このページからbridgedに接続できません。Chrome、EdgeまたはFirefoxの最新版で開いてください。それでも接続できない場合は、サイトの管理者にお問い合わせください。",
    en: "This browser does not let the page reach bridged. Open it in the latest Chrome, Edge or Firefox. If that does not help, ask those who run the site.",
  },
  "version-mismatch": {
    ja: "bridgedのバージョンがこのサイトに対応していません。bridgedを最新版に更新してください。",
    en: "This version of bridged does not fit the site. Update bridged to its latest version.",
  },
  timeout: {
    ja: "bridgedから応答がありません。bridgedを再起動して、もう一度お試しください。",
    en: "bridged does not answer. Restart it and try again.",
  },
  "too-slow": {
    ja: "ページの処理が追いつかず、bridgedとの接続が切れました。ページを再読み込みしてください。",
    en: "The page was too slow and bridged closed the connection. Reload the page.",
  },
  "too-many-connections": {
    ja: "このサイトを開いている画面が多すぎます。使っていないタブを閉じて、もう一度お試しください。",
    en: "Too many pages of this site are open. Close the tabs you do not use and try again.",
  },
  "too-many-requests": {
    ja: "短い時間に要求が多すぎたため、接続が切れました。少し待ってから、ページを再読み込みしてください。",
    en: "There were too many requests in a short time. Wait a moment and reload the page.",
  },
  misconfigured: {
    ja: "bridgedの設定に誤りがあるため、利用できません。bridgedの状態画面で内容を確かめて直すか、管理者にお問い合わせください。",
    en: "The settings of bridged are wrong. See on the status page of bridged what is wrong and mend it, or ask the administrator.",
  },
  "going-away": {
    ja: "bridgedが終了しました。bridgedを起動してから、もう一度お試しください。",
    en: "bridged has ended. Start it and try again.",
  },
  "connection-lost": CALL_MESSAGES["connection-lost"],
  aborted: CALL_MESSAGES.aborted,
} as const satisfies Record<string, Messages>;

/** What to tell the person while the browser may be asking for permission. */
export const PERMISSION_HINT: Messages = {
  ja: "ブラウザーに確認が表示されたら、「許可」を選んでください。",
  en: "When the browser asks for permission, choose “Allow”.",
};

/** What to tell the person when something failed that this client knows nothing about. */
export const UNKNOWN_FAILURE: Messages = {
  ja: "予期しないエラーが発生しました。ページを再読み込みして、やり直してください。",
  en: "Something unexpected went wrong. Reload the page and try again.",
};
