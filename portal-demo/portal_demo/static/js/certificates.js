/** Show the certificates that can be used, and let the person choose where there are several. */

import { language, say } from "./text.js";

const EXPIRING_DAYS = 30;
const list = document.getElementById("certificate-list");
const group = document.getElementById("certificates");
const legend = document.getElementById("certificates-legend");
const date = new Intl.DateTimeFormat(language === "en" ? "en-GB" : "ja-JP", { dateStyle: "long", timeZone: "Asia/Tokyo" });

/** Tell whether today lies outside a certificate's validity. */
export function outOfValidity({ x509 }) {
  const now = Date.now();
  return x509 !== null && (now > Date.parse(x509.notAfter) || now < Date.parse(x509.notBefore));
}

/** Return whom a certificate names: the company, the person, or nobody. */
export function holderOf({ x509 }) {
  return [x509?.holder.organization, x509?.holder.name].filter(Boolean);
}

/**
 * Show `certificates` with `chosen` selected; `choose(certificate)` is called on a change.
 *
 * Two cards of one holder look alike, so with several each tells which of the `readers` it is in.
 */
export function showCertificates(certificates, chosen, choose, readers) {
  const several = certificates.length > 1;
  group.hidden = certificates.length === 0;
  legend.textContent = several ? say("使用するICカードを選択してください", "Choose the IC card") : say("使用するICカード", "IC card");
  list.replaceChildren(
    ...certificates.map((certificate, index) => {
      const box = document.createElement(several ? "label" : "div");
      box.className = "certificate";
      box.append(several ? radio(certificate, index, chosen, choose) : cardIcon(), describe(certificate, several ? readers : []));
      return box;
    }),
  );
}

function radio(certificate, index, chosen, choose) {
  const input = document.createElement("input");
  Object.assign(input, { type: "radio", name: "certificate", id: `certificate-${index}`, value: certificate.id });
  input.checked = certificate.id === chosen?.id;
  input.addEventListener("change", () => choose(certificate));
  return input;
}

function cardIcon() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon big");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#i-card");
  svg.append(use);
  return svg;
}

function describe(certificate, readers) {
  const box = document.createElement("div");
  const { x509, label } = certificate;
  const reader = readers.find(({ id }) => id === certificate.reader);
  if (x509 === null) {
    box.append(line("strong", label), line("span", say("名義はPIN番号の入力後に確認できます", "The holder is shown after the PIN")));
    return box;
  }
  const { commonName, organization, rfc4514 } = x509.issuer;
  box.append(line("strong", holderOf(certificate).join("　") || label));
  box.append(line("span", `${say("発行者", "Issuer")} ${commonName ?? organization ?? rfc4514}`));
  box.append(line("span", `${say("有効期限", "Valid until")} ${date.format(new Date(x509.notAfter))}`));
  if (reader) {
    box.append(line("span", `${say("ICカードリーダー", "Reader")} ${reader.name}`));
  }
  if (outOfValidity(certificate)) {
    box.append(line("span", say("有効期間外のため使用できません", "Out of its validity"), "expired"));
  } else if (x509.expiresInDays < EXPIRING_DAYS) {
    box.append(line("span", say(`有効期限まで残り${x509.expiresInDays}日です。早めに更新してください`, `${x509.expiresInDays} days left: renew it soon`), "expiring"));
  }
  return box;
}

function line(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = className;
  return element;
}
