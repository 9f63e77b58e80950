/**
 * `<bridged-connect>`: tells the person what the browser is about to ask, then connects by a click.
 *
 * ```html
 * <bridged-connect grants="certificates sign" lang="ja"></bridged-connect>
 * ```
 *
 * @packageDocumentation
 */
import type { Bridge } from "./bridge.ts";
import { type ConnectOptions, connect } from "./connect.ts";
import { CONNECT_GUIDE, guideFor } from "./connect-button/guide.ts";
import { STYLE } from "./connect-button/style.ts";
import { explain } from "./errors.ts";
import { queryPermission } from "./permission.ts";
import type { Grant } from "./protocol.ts";
import { shadow } from "./shadow.ts";

/** What `bridge-open` carries: an open connection that holds the grants. */
export interface BridgeOpen {
  readonly bridge: Bridge;
}

// Where there is no document (a server that renders pages) the module can still be imported.
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * The explanation and its button.
 *
 * Attributes: `grants`, what the site needs, with spaces between (`certificates sign` unless
 * given), and `lang` (`ja` or `en`; the page's unless given). `options` go to `connect()`. On
 * success it dispatches `bridge-open` and hides itself; a failure is told with what to do.
 */
export class BridgedConnect extends Base {
  /** What `connect()` gets. */
  options: ConnectOptions = {};
  readonly #title = document.createElement("h2");
  readonly #steps = document.createElement("ol");
  readonly #note = document.createElement("p");
  readonly #button = document.createElement("button");
  readonly #status = document.createElement("p");

  constructor() {
    super();
    this.#button.type = "button";
    this.#button.addEventListener("click", () => void this.#connect());
    this.#note.className = "note";
    this.#status.setAttribute("role", "status");
    shadow(this, STYLE).append(this.#title, this.#steps, this.#note, this.#button, this.#status);
  }

  connectedCallback(): void {
    void this.#explain();
  }

  get #language(): "ja" | "en" {
    const holder = this.closest<HTMLElement>("[lang]");
    return /^ja\b/i.test(holder?.lang || navigator.language) ? "ja" : "en";
  }

  get #grants(): readonly Grant[] {
    const text = this.getAttribute("grants") ?? "certificates sign";
    return text.split(/\s+/).filter(Boolean) as Grant[];
  }

  /** Show what will be asked, by what the browser says already. */
  async #explain(): Promise<void> {
    const query = this.options.environment?.queryPermission ?? queryPermission;
    const language = this.#language;
    const guide = guideFor(await query());
    this.#title.textContent = CONNECT_GUIDE.title[language];
    this.#note.textContent = CONNECT_GUIDE.note[language];
    this.#button.textContent = CONNECT_GUIDE.button[language];
    this.#steps.replaceChildren(
      ...guide.map((step) => {
        const item = document.createElement("li");
        item.textContent = step[language];
        return item;
      }),
    );
  }

  async #connect(): Promise<void> {
    const language = this.#language;
    this.#button.disabled = true;
    this.#tell(CONNECT_GUIDE.waiting[language]);
    let bridge: Bridge | null = null;
    try {
      const onHint = this.options.onHint ?? ((hint) => this.#tell(hint[language]));
      bridge = await connect({ ...this.options, onHint });
      this.#tell(CONNECT_GUIDE.asking[language]);
      bridge.addEventListener("pin.prompting", ({ detail }) => this.#offerWindow(detail.url));
      await bridge.requestGrants(this.#grants);
      this.#tell("");
      this.hidden = true;
      this.dispatchEvent(new CustomEvent<BridgeOpen>("bridge-open", { detail: { bridge } }));
    } catch (error) {
      bridge?.close();
      this.#tell(explain(error, language), "error");
      await this.#explain();
    } finally {
      this.#button.disabled = false;
    }
  }

  /** Show where the question is, where it is in a window that the person has to open. */
  #offerWindow(url: string | null): void {
    if (url !== null) {
      const link = document.createElement("a");
      Object.assign(link, { href: url, target: "_blank", rel: "noopener" });
      link.textContent = CONNECT_GUIDE.open[this.#language];
      this.#status.replaceChildren(link);
    }
  }

  #tell(text: string, tone = "wait"): void {
    this.#status.textContent = text;
    this.#status.dataset["tone"] = tone;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "bridged-connect": BridgedConnect;
  }
  interface HTMLElementEventMap {
    "bridge-open": CustomEvent<BridgeOpen>;
  }
}

if (globalThis.customElements && !customElements.get("bridged-connect")) {
  customElements.define("bridged-connect", BridgedConnect);
}
