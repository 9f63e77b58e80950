import type { Certificate } from "../protocol.ts";
import { type Language, say } from "./text.ts";

/** A certificate that ends in fewer days than this is told so. */
const SOON_DAYS = 30;

/** What is unusual about a certificate: a badge, what to do, and whether it can be chosen. */
export interface Remark {
  readonly tone: "warn" | "bad";
  readonly badge: string;
  readonly todo: string | null;
  readonly usable: boolean;
}

/** Return the remark a person needs most; null for a certificate without any. */
export function remark(certificate: Certificate, language: Language, now: Date): Remark | null {
  return (
    validityRemark(certificate, language, now) ??
    pinRemark(certificate, language) ??
    expiryRemark(certificate, language)
  );
}

/** Whether a certificate can be used at all. */
export function isUsable(certificate: Certificate): boolean {
  return remark(certificate, "en", new Date())?.usable ?? true;
}

/** Return a day as people write it. */
export function day(timestamp: string, language: Language): string {
  // Day before month, which nobody mistakes: 24 November 2028.
  const locale = language === "en" ? "en-GB" : language;
  return new Intl.DateTimeFormat(locale, { dateStyle: "long" }).format(new Date(timestamp));
}

function validityRemark({ x509 }: Certificate, language: Language, now: Date): Remark | null {
  if (!x509) {
    return null;
  }
  if (new Date(x509.notAfter) < now) {
    const todo = say("renew", language);
    return { tone: "bad", badge: say("expired", language), todo, usable: false };
  }
  if (new Date(x509.notBefore) > now) {
    const badge = say("notYetValid", language, { date: day(x509.notBefore, language) });
    return { tone: "warn", badge, todo: null, usable: false };
  }
  return null;
}

function pinRemark({ pin }: Certificate, language: Language): Remark | null {
  if (pin?.blocked) {
    const todo = say("unblock", language);
    return { tone: "bad", badge: say("blocked", language), todo, usable: false };
  }
  if (pin?.triesLeft === 1) {
    return { tone: "warn", badge: say("lastTry", language), todo: null, usable: true };
  }
  return null;
}

function expiryRemark({ x509 }: Certificate, language: Language): Remark | null {
  if (!x509 || x509.expiresInDays >= SOON_DAYS) {
    return null;
  }
  const word = x509.expiresInDays < 1 ? "expiresToday" : "expiresSoon";
  const badge = say(word, language, { n: x509.expiresInDays });
  return { tone: "warn", badge, todo: say("renew", language), usable: true };
}
