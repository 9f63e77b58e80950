import type { Messages } from "../messages.ts";
import type { Permission } from "../permission.ts";

const BROWSER_ASKS: Messages = {
  ja: "ブラウザーが「このデバイス上の他のアプリやサービスへのアクセス」などの許可を求めたら、「許可」を選びます。このサイトがICカードリーダーを使うための確認で、ほかのアプリやファイルが見えるようになるものではありません。",
  en: "When the browser asks whether the site may access other apps and services on this device, choose “Allow”. It is how the site reaches the card reader; it does not open your other apps or files to it.",
};

const BROWSER_DENIED: Messages = {
  ja: "このブラウザーでは、このサイトからの接続が拒否されています。アドレスバーの左のアイコンからサイトの設定を開き、「このデバイス上の他のアプリやサービスへのアクセス」を「許可」に変えて、ページを再読み込みします。",
  en: "This browser blocks the site. Open the site settings at the left of the address bar, set access to “other apps and services on this device” to “Allow”, and reload the page.",
};

const BRIDGED_ASKS: Messages = {
  ja: "初めてのときはbridgedが、このサイトにICカードの使用を許可するかどうかを確認します。サイトのアドレスを確かめて、許可します。",
  en: "The first time, bridged asks whether this site may use your IC card. Check the address of the site, and allow it.",
};

/** The sentences around the steps, for pages that draw their own. */
export const CONNECT_GUIDE = {
  title: { ja: "ICカードに接続します", en: "Connect to your IC card" },
  note: {
    ja: "PIN番号がこの確認で尋ねられることはありません。",
    en: "Neither question asks for your PIN.",
  },
  button: { ja: "ICカードに接続", en: "Connect" },
  waiting: { ja: "接続しています…", en: "Connecting…" },
  asking: {
    ja: "bridgedの確認画面をご覧ください。",
    en: "Look for the question of bridged.",
  },
  open: { ja: "bridgedの確認画面を開く", en: "Open the question of bridged" },
} as const satisfies Record<string, Messages>;

/** Return what to tell the person before `connect()`: which questions come, and what to answer. */
export function guideFor(permission: Permission): readonly Messages[] {
  switch (permission) {
    case "granted":
      return [BRIDGED_ASKS];
    case "denied":
      return [BROWSER_DENIED, BRIDGED_ASKS];
    default:
      return [BROWSER_ASKS, BRIDGED_ASKS];
  }
}
