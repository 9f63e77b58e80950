/**
 * `<bridged-card-picker>`: shows readers, cards and certificates, and hands over the chosen one.
 *
 * ```html
 * <bridged-card-picker usage="signature" lang="ja"></bridged-card-picker>
 * ```
 *
 * @packageDocumentation
 */
import type { Bridge } from "./bridge.ts";
import { isUsable } from "./picker/certificate.ts";
import { STYLE } from "./picker/style.ts";
import type { Language } from "./picker/text.ts";
import { draw, summary } from "./picker/view.ts";
import { type Accepts, CardWatch, certificatesOf, type Look, narrowed } from "./picker/watch.ts";
import type { Certificate, Usage } from "./protocol.ts";
import type { CertificateSelection } from "./requests.ts";
import { shadow } from "./shadow.ts";

export type { Accepts, Look, ReaderLook, Trouble } from "./picker/watch.ts";

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
 * take, `accepts` what is not for this step. Where one certificate alone can be used, it is chosen.
 *
 * `certificate-change` tells of another choice. `look-change` comes after each look, with all
 * readers, and certificates or what stands in their way, in `detail`, accepted or not.
 */
export class BridgedCardPicker extends Base {
  static readonly observedAttributes = ["usage", "lang"];
  readonly #content = document.createElement("div");
  readonly #status = document.createElement("p");
  #bridge: Bridge | null = null;
  #filter: CertificateSelection = {};
  #watch: CardWatch | null = null;
  #accepts: Accepts = () => true;
  #seen = CONNECTING;
  #look = CONNECTING;
  #drawn = "";
  #certificate: Certificate | null = null;

  constructor() {
    super();
    this.#status.className = "unseen";
    this.#status.setAttribute("role", "status");
    this.#content.addEventListener("change", ({ target }) => {
      this.#choose((target as HTMLInputElement).value);
    });
    shadow(this, STYLE).append(this.#status, this.#content);
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

  /**
   * Which certificates this step is for: the others are left out, and a reader in which nothing
   * remains tells that another card is needed. Set it again when the answer changes.
   *
   * ```ts
   * picker.accepts = ({ card }) => card !== theOldOne;
   * ```
   */
  get accepts(): Accepts {
    return this.#accepts;
  }

  set accepts(accepts: Accepts) {
    this.#accepts = accepts;
    this.#show(this.#seen);
  }

  /** The certificate that is chosen now. */
  get certificate(): Certificate | null {
    return this.#certificate;
  }

  /**
   * List again: after a PIN, which may show a locked certificate or have used a try. Resolves once
   * that is shown.
   */
  async refresh(): Promise<void> {
    await this.#watch?.look();
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
      this.#watch = new CardWatch(this.#bridge, filter, (look) => {
        this.#show(look);
        this.dispatchEvent(new CustomEvent("look-change", { detail: look, bubbles: true }));
      });
      this.#watch.start();
    }
  }

  #show(look: Look): void {
    this.#seen = look;
    this.#look = narrowed(look, this.#accepts);
    this.#draw();
    if (look === LOOKING) {
      return;
    }
    const usable = certificatesOf(this.#look).filter(isUsable);
    const kept = usable.find(({ id }) => id === this.#certificate?.id);
    const only = usable.length === 1 ? usable[0] : undefined;
    this.#choose((kept ?? only)?.id ?? null);
  }

  #choose(id: string | null): void {
    const before = this.#certificate?.id ?? null;
    this.#certificate = certificatesOf(this.#look).find((one) => one.id === id) ?? null;
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
    "look-change": CustomEvent<Look>;
  }
}

if (globalThis.customElements && !customElements.get("bridged-card-picker")) {
  customElements.define("bridged-card-picker", BridgedCardPicker);
}
