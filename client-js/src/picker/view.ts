import type { Certificate } from "../protocol.ts";
import { day, remark } from "./certificate.ts";
import { type IconName, icon } from "./icons.ts";
import { describe, type Language, say } from "./text.ts";
import { certificatesOf, type Look, type ReaderLook, type Trouble } from "./watch.ts";

/** Names are Japanese in any language of the page, and need the glyphs of Japanese. */
const KANJI = { lang: "ja" };

/** Draw what there is to see; radio buttons have the `id` of their certificate as value. */
export function draw(look: Look, language: Language): Node[] {
  if (look.trouble) {
    return [state(look.trouble, language)];
  }
  const group = element("div", { class: "picker", role: "radiogroup" });
  group.setAttribute("aria-label", say("choose", language));
  group.append(...look.readers.map((one) => reader(one, language)));
  return [group];
}

/** Return what is there in one or two sentences, to be read out. */
export function summary(look: Look, language: Language): string {
  const certificates = certificatesOf(look);
  if (certificates.length > 0) {
    return say("found", language, { n: certificates.length });
  }
  const troubles = look.trouble ? [look.trouble] : look.readers.map(({ trouble }) => trouble);
  const sentences = troubles.flatMap((trouble) => {
    const { title, text } = describe(trouble ?? { reason: "looking", messages: null }, language);
    return `${title}${language === "ja" ? "。" : ". "}${text}`;
  });
  return [...new Set(sentences)].join(" ");
}

function reader({ reader, certificates, trouble }: ReaderLook, language: Language): Element {
  const name = reader.card ? `${reader.name} · ${reader.card.label}` : reader.name;
  const title = element("p", { class: "title" }, icon("reader"), element("span", {}, name));
  const content = trouble
    ? [state(trouble, language)]
    : certificates.map((one) => choice(one, language));
  return element("section", { class: "reader" }, title, ...content);
}

function state(trouble: Trouble, language: Language): Element {
  const { tone, icon: name, title, text } = describe(trouble, language);
  const words = element(
    "div",
    {},
    element("p", {}, element("strong", {}, title)),
    element("p", {}, text),
  );
  const attributes = { class: "state", "data-tone": tone, "data-state": trouble.reason };
  return element("div", attributes, icon(name satisfies IconName), words);
}

function choice(certificate: Certificate, language: Language): Element {
  const { id } = certificate;
  const noted = remark(certificate, language, new Date());
  const radio = element("input", {
    type: "radio",
    name: "certificate",
    value: id,
    "aria-labelledby": `name-${id}`,
    "aria-describedby": `more-${id}`,
  });
  radio.toggleAttribute("disabled", noted?.usable === false);
  const head = element(
    "div",
    { class: "head", id: `name-${id}` },
    ...heading(certificate, language),
  );
  if (noted) {
    head.append(" ", element("span", { class: "badge", "data-tone": noted.tone }, noted.badge));
  }
  const more = element("div", { id: `more-${id}` }, ...details(certificate, language));
  if (noted?.todo) {
    more.append(" ", element("p", { class: "note" }, noted.todo));
  }
  return element("label", { class: "certificate" }, radio, element("div", {}, head, more));
}

function heading({ x509, label, usage }: Certificate, language: Language): (Node | string)[] {
  const holder = x509?.holder.name ?? x509?.subject.commonName ?? label;
  const tag = element("span", { class: "tag" }, say(usage, language));
  return [element("span", { class: "holder", ...KANJI }, holder), " ", tag];
}

function details({ x509 }: Certificate, language: Language): (Node | string)[] {
  if (!x509) {
    return [element("p", { class: "note" }, say("locked", language))];
  }
  const { commonName, organization, rfc4514 } = x509.issuer;
  const rows = element(
    "dl",
    {},
    row("expiry", language, day(x509.notAfter, language)),
    row("issuer", language, element("span", KANJI, organization ?? commonName ?? rfc4514)),
  );
  const company = x509.holder.organization;
  const line = company ? [element("div", { class: "organization", ...KANJI }, company), " "] : [];
  return [...line, rows];
}

function row(word: "expiry" | "issuer", language: Language, value: Node | string): Element {
  const term = element("dt", {}, say(word, language));
  return element("div", {}, term, " ", element("dd", {}, value));
}

function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...children: (Node | string)[]
): HTMLElement {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    made.setAttribute(attribute, value);
  }
  made.append(...children);
  return made;
}
