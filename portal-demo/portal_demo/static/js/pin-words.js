/** What a page says about a certificate's PIN, and whether the certificate can be used. */
import { say } from "./text.js";

const ALPHABETS = {
  digits: [say("数字", "digits"), "numeric"],
  "upper-alphanumeric": [say("英数字（英字は大文字）", "letters (upper case) and digits"), "text"],
  ascii: [say("半角英数字・記号", "half-width letters, digits and signs"), "text"],
};

/** Where a PIN is typed outside this page. */
export const PLACES = {
  pinpad: say("ICカードリーダーのキーパッドで", "on the keypad of the card reader"),
  pinentry: say("bridgedの入力画面で", "in the dialog of bridged"),
  window: say("bridgedの入力画面で（開いていないときは、下のボタンで開けます）", "in the window of bridged (if it is not open, open it below)"),
};

/** Return what a card calls its PIN. */
export function nameOf({ label }) {
  return label === "PIN" ? say("PIN番号", "PIN") : say(`PIN番号（${label}）`, `PIN (${label})`);
}

/** Return the keyboard that a telephone shows for a PIN. */
export function inputModeOf({ alphabet }) {
  return ALPHABETS[alphabet]?.[1] ?? "text";
}

/** Tell whether today lies outside a certificate's validity. */
export function outOfValidity({ x509 }) {
  const now = Date.now();
  return x509 !== null && (now > Date.parse(x509.notAfter) || now < Date.parse(x509.notBefore));
}

/** Tell whether a certificate can be used at all. */
export function isUsable(certificate) {
  return !outOfValidity(certificate) && !certificate.pin?.blocked;
}

/** Return the PIN's rules as words: `4桁の数字`, `4 digits`. */
export function rulesOf(certificate) {
  const rules = certificate?.pin?.rules;
  if (!rules) {
    return "";
  }
  const { minLength: min, maxLength: max, alphabet } = rules;
  const [what] = ALPHABETS[alphabet] ?? [say("文字", "characters")];
  const length = min === max ? min : say(`${min}～${max}`, `${min} to ${max}`);
  return say(`${length}${alphabet === "digits" ? "桁" : "文字"}の${what}`, `${length} ${what}`);
}
