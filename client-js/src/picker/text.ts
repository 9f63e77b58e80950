import { type Messages, UNKNOWN_FAILURE } from "../messages.ts";
import type { IconName } from "./icons.ts";
import type { Trouble } from "./watch.ts";

export type Language = "ja" | "en";

/** How a state looks: something to wait for, to do, or that went wrong. */
export type Tone = "wait" | "todo" | "error";

/** A state as a person sees it. */
export interface Description {
  readonly tone: Tone;
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
}

type Row = readonly [Tone, IconName, Messages, Messages | null];

/** Each state: tone, icon, title, what to do; null takes the sentence of the error itself. */
const STATES: Readonly<Record<string, Row>> = {
  connecting: [
    "wait",
    "wait",
    {
      ja: "bridgedに接続しています",
      en: "Connecting to bridged",
    },
    {
      ja: "ブラウザーに確認が表示されたら、「許可」を選んでください。",
      en: "If the browser asks for permission, choose “Allow”.",
    },
  ],
  looking: [
    "wait",
    "wait",
    {
      ja: "ICカードを読み取っています",
      en: "Reading the IC card",
    },
    {
      ja: "ICカードを抜かないでください。",
      en: "Leave the card in the reader.",
    },
  ],
  reconnecting: [
    "wait",
    "wait",
    {
      ja: "bridgedに接続し直しています",
      en: "Connecting to bridged again",
    },
    {
      ja: "続かない場合は、bridgedが動作していることを確かめてください。",
      en: "If this takes long, check that bridged is running.",
    },
  ],
  closed: [
    "error",
    "plug",
    {
      ja: "bridgedとの接続を終了しました",
      en: "The connection to bridged is closed",
    },
    {
      ja: "続けるには、ページを再読み込みしてください。",
      en: "To go on, reload the page.",
    },
  ],
  "connection-lost": [
    "error",
    "plug",
    {
      ja: "bridgedとの接続が切れました",
      en: "The connection to bridged was lost",
    },
    {
      ja: "bridgedが動作していることを確かめて、ページを再読み込みしてください。",
      en: "Check that bridged is running, and reload the page.",
    },
  ],
  "going-away": [
    "error",
    "plug",
    {
      ja: "bridgedが終了しました",
      en: "bridged has ended",
    },
    {
      ja: "bridgedを起動して、ページを再読み込みしてください。",
      en: "Start bridged, and reload the page.",
    },
  ],
  "site-not-allowed": [
    "error",
    "shield",
    {
      ja: "このサイトは許可されていません",
      en: "This site is not allowed",
    },
    null,
  ],
  "pcsc-unavailable": [
    "error",
    "reader",
    {
      ja: "ICカードのサービスが動作していません",
      en: "The smart card service is not running",
    },
    null,
  ],
  "no-reader": [
    "todo",
    "reader",
    {
      ja: "ICカードリーダーがありません",
      en: "No card reader",
    },
    {
      ja: "ICカードリーダーをパソコンに接続してください。",
      en: "Connect the card reader to the computer.",
    },
  ],
  "reader-unavailable": [
    "error",
    "reader",
    {
      ja: "ICカードリーダーを使用できません",
      en: "The card reader cannot be used",
    },
    {
      ja: "ICカードリーダーをいったん外し、接続し直してください。",
      en: "Unplug the card reader and connect it again.",
    },
  ],
  "no-card": [
    "todo",
    "card",
    {
      ja: "ICカードが挿入されていません",
      en: "No card in the reader",
    },
    {
      ja: "ICカードをリーダーに挿入してください。",
      en: "Insert the IC card.",
    },
  ],
  "card-removed": [
    "todo",
    "card",
    {
      ja: "ICカードが抜かれました",
      en: "The IC card was removed",
    },
    {
      ja: "もう一度ICカードを挿入してください。",
      en: "Insert the IC card again.",
    },
  ],
  "card-mute": [
    "error",
    "card",
    {
      ja: "ICカードが応答しません",
      en: "The IC card does not answer",
    },
    {
      ja: "ICカードの表裏と向きを確かめて、挿入し直してください。",
      en: "Check which way round the card is, and insert it again.",
    },
  ],
  "card-unsupported": [
    "error",
    "card",
    {
      ja: "このICカードには対応していません",
      en: "This card is not supported",
    },
    {
      ja: "電子入札用のICカードまたはマイナンバーカードを挿入してください。",
      en: "Insert a card for electronic bidding or an Individual Number Card.",
    },
  ],
  "card-in-use": [
    "todo",
    "card",
    {
      ja: "ほかのプログラムがICカードを使用しています",
      en: "Another program is using the card",
    },
    {
      ja: "そのプログラムを終了してください。終了すると、自動的に表示されます。",
      en: "Close that program. The card then appears here.",
    },
  ],
  "card-leased": [
    "todo",
    "card",
    {
      ja: "ほかの画面がICカードを使用しています",
      en: "Another page is using the card",
    },
    {
      ja: "そちらの操作を終えてください。終わると、自動的に表示されます。",
      en: "Finish there. The card then appears here.",
    },
  ],
  "card-fault": [
    "error",
    "card",
    {
      ja: "ICカードを読み取れませんでした",
      en: "The card could not be read",
    },
    null,
  ],
  "other-card": [
    "todo",
    "card",
    {
      ja: "別のICカードです",
      en: "Another card",
    },
    {
      ja: "この操作には、ほかのICカードを使用します。",
      en: "This step needs a different card.",
    },
  ],
  "certificate-not-found": [
    "error",
    "card",
    {
      ja: "使用できる証明書がありません",
      en: "No certificate that can be used",
    },
    {
      ja: "この操作に使用できるICカードを挿入してください。",
      en: "Insert a card with a certificate for this purpose.",
    },
  ],
};

const UNKNOWN: Row = [
  "error",
  "warning",
  {
    ja: "ICカードを使用できません",
    en: "The IC card cannot be used",
  },
  null,
];

/** The words around certificates. */
export const WORDS = {
  choose: { ja: "証明書を選んでください", en: "Choose a certificate" },
  found: { ja: "証明書が{n}件見つかりました。", en: "Certificates found: {n}." },
  authentication: { ja: "認証用", en: "Log-in" },
  signature: { ja: "署名用", en: "Signing" },
  issuer: { ja: "発行元", en: "Issuer" },
  expiry: { ja: "有効期限", en: "Valid until" },
  locked: {
    ja: "証明書の内容は、PIN番号の入力後に確認できます。",
    en: "The card shows this certificate after its PIN.",
  },
  expired: { ja: "有効期限切れ", en: "Expired" },
  expiresToday: { ja: "本日まで", en: "Expires today" },
  expiresSoon: { ja: "あと{n}日", en: "{n} days left" },
  notYetValid: { ja: "{date}から有効", en: "Valid from {date}" },
  blocked: { ja: "PINロック中", en: "PIN blocked" },
  lastTry: { ja: "PIN残り1回", en: "1 PIN try left" },
  renew: {
    ja: "発行元に新しいICカードを申し込んでください。",
    en: "Ask the issuer for a new card.",
  },
  unblock: {
    ja: "発行元にロックの解除を依頼してください。",
    en: "Ask the issuer to unblock the card.",
  },
} as const satisfies Record<string, Messages>;

/** Return what to show for a state. */
export function describe({ reason, messages }: Trouble, language: Language): Description {
  const [tone, icon, title, text] = STATES[reason] ?? UNKNOWN;
  const sentence = text ?? messages ?? UNKNOWN_FAILURE;
  return { tone, icon, title: title[language], text: sentence[language] };
}

/** Return a word, with `{name}` filled in. */
export function say(
  word: keyof typeof WORDS,
  language: Language,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return WORDS[word][language].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}
