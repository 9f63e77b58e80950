/**
 * `<bridged-card-picker>`: shows readers, cards and certificates, and hands over the chosen one.
 *
 * ```html
 * <bridged-card-picker usage="signature" lang="ja"></bridged-card-picker>
 * ```
 *
 * @packageDocumentation
 */
import type { Bridge, CertificateSelection } from "./bridge.ts";
import { isUsable } from "./picker/certificate.ts";
import { STYLE } from "./picker/style.ts";
import type { Language } from "./picker/text.ts";
import { draw, summary } from "./picker/view.ts";
import { CardWatch, type Look } from "./picker/watch.ts";
import type { Certificate, Usage } from "./protocol.ts";

/** What `certificate-change` carries; null where the chosen one is gone. */
export interface CertificateChange {
  readonly certificate: Certificate | null;
}

// Where there is no document (a server that renders pages) the module can still be imported.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

const CONNECTING: Look = { trouble: { reason: "connecting", messages: null }, readers: [] };
const LOOKING: Look = { trouble: { reason: "looking", messages: null }, readers: [] };

/**
 * The picker. Give it an open `bridge`; it follows readers and cards by itself.
 *
 * Attributes: `usage` (`authentication` or `signature`; both unless given) and `lang` (`ja` or
 * `en`; the page's unless given). The property `filter` leaves out what the portal does not
 * take. Where one certificate alone can be used, it is chosen.
 */
export class BridgedCardPicker extends Base {
  static readonly observedAttributes = ["usage", "lang"];
  readonly #content = document.createElement("div");
  readonly #status = document.createElement("p");
  #bridge: Bridge | null = null;
  #filter: CertificateSelection = {};
  #watch: CardWatch | null = null;
  #look = CONNECTING;
  #drawn = "";
  #certificate: Certificate | null = null;

  constructor() {
    super();
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [style];
    this.#status.className = "unseen";
    this.#status.setAttribute("role", "status");
    this.#content.addEventListener("change", ({ target }) => {
      this.#choose((target as HTMLInputElement).value);
    });
    root.append(this.#status, this.#content);
  }

  /** The connection whose cards are shown; null while there is none. */
  get bridge(): Bridge | null {
    return this.#bridge;
  }

  set bridge(bridge: Bridge | null) {
    this.#bridge = bridge;
    this.#restart();
  }

  /** What a certificate must say to be shown: issuers, key usage, policies. */
  get filter(): CertificateSelection {
    return this.#filter;
  }

  set filter(filter: CertificateSelection) {
    this.#filter = filter;
    this.#restart();
  }

  /** The certificate that is chosen now. */
  get certificate(): Certificate | null {
    return this.#certificate;
  }

  /** List again: after a PIN, which may show a locked certificate or have used a try. */
  refresh(): void {
    this.#watch?.look();
  }

  /** @internal */
  connectedCallback(): void {
    this.#restart();
  }

  /** @internal */
  disconnectedCallback(): void {
    this.#watch?.stop();
    this.#watch = null;
  }

  /** @internal */
  attributeChangedCallback(name: string): void {
    if (name === "usage") {
      this.#restart();
    } else {
      this.#draw();
    }
  }

  #restart(): void {
    this.#watch?.stop();
    this.#watch = null;
    if (!this.isConnected) {
      return;
    }
    this.#show(this.#bridge ? LOOKING : CONNECTING);
    if (this.#bridge) {
      const usage = (this.getAttribute("usage") || undefined) as Usage | undefined;
      const filter = { ...this.#filter, usage };
      this.#watch = new CardWatch(this.#bridge, filter, (look) => this.#show(look));
      this.#watch.start();
    }
  }

  #show(look: Look): void {
    this.#look = look;
    this.#draw();
    if (look === LOOKING) {
      return;
    }
    const usable = this.#certificates().filter(isUsable);
    const kept = usable.find(({ id }) => id === this.#certificate?.id);
    const only = usable.length === 1 ? usable[0] : undefined;
    this.#choose((kept ?? only)?.id ?? null);
  }

  #certificates(): readonly Certificate[] {
    return this.#look.readers.flatMap(({ certificates }) => certificates);
  }

  #choose(id: string | null): void {
    const before = this.#certificate?.id ?? null;
    this.#certificate = this.#certificates().find((one) => one.id === id) ?? null;
    this.#check();
    if (before !== id) {
      const detail: CertificateChange = { certificate: this.#certificate };
      this.dispatchEvent(new CustomEvent("certificate-change", { detail, bubbles: true }));
    }
  }

  #check(): void {
    for (const radio of this.#content.querySelectorAll("input")) {
      radio.checked = radio.value === this.#certificate?.id;
    }
  }

  /** Draw anew where something differs, and leave the focus where it was. */
  #draw(): void {
    const language = this.#language();
    const drawn = JSON.stringify([language, this.#look]);
    if (drawn === this.#drawn) {
      return;
    }
    this.#drawn = drawn;
    const focused = this.shadowRoot?.activeElement?.getAttribute("value");
    this.#content.lang = language;
    this.#status.lang = language;
    this.#content.replaceChildren(...draw(this.#look, language));
    this.#check();
    for (const radio of this.#content.querySelectorAll("input")) {
      if (radio.value === focused) {
        radio.focus();
      }
    }
    this.#status.textContent = summary(this.#look, language);
  }

  #language(): Language {
    const said = this.closest<HTMLElement>("[lang]")?.lang || navigator.language;
    return /^ja\b/i.test(said) ? "ja" : "en";
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "bridged-card-picker": BridgedCardPicker;
  }
  interface HTMLElementEventMap {
    "certificate-change": CustomEvent<CertificateChange>;
  }
}

if (globalThis.customElements && !customElements.get("bridged-card-picker")) {
  customElements.define("bridged-card-picker", BridgedCardPicker);
}
