import type { Bridge } from "./bridge.ts";

/** What stands in for the browser, and what to do where it opens no window. */
export interface PromptWindowOptions {
  /** What opens windows; the page's own `window` unless given. */
  readonly opener?: Pick<Window, "open"> | undefined;
  /**
   * Called with the address that the browser opened no window for, because the last click is too
   * long ago: show it as a link that opens a new window, and the person's click opens it.
   */
  readonly onBlocked?: ((url: string) => void) | undefined;
}

const FEATURES = "popup,width=520,height=720";

/**
 * Where the person is asked by the daemon's own page, when the desktop has no dialog.
 *
 * ```ts
 * button.onclick = async () => {
 *   const prompt = openPromptWindow(bridge); // in the click: later browsers block it
 *   try {
 *     await bridge.sign({ ... });
 *   } finally {
 *     prompt.close();
 *   }
 * };
 * ```
 */
export class PromptWindow {
  readonly #bridge: Bridge;
  readonly #opener: Pick<Window, "open">;
  readonly #onBlocked: (url: string) => void;
  #window: Window | null;

  /** @internal */
  constructor(bridge: Bridge, { opener = window, onBlocked = () => {} }: PromptWindowOptions) {
    this.#bridge = bridge;
    this.#opener = opener;
    this.#onBlocked = onBlocked;
    const [first] = bridge.info.pinEntry.filter((way) => way !== "pinpad");
    this.#window = first === "window" ? opener.open("about:blank", "_blank", FEATURES) : null;
    bridge.addEventListener("pin.prompting", this.#prompting);
  }

  /** Close the window, and listen no more. */
  close(): void {
    this.#bridge.removeEventListener("pin.prompting", this.#prompting);
    this.#window?.close();
    this.#window = null;
  }

  readonly #prompting = ({ detail }: CustomEvent<{ readonly url: string | null }>) => {
    if (detail.url === null) {
      this.#window?.close();
      this.#window = null;
    } else if (this.#window && !this.#window.closed) {
      this.#window.location.href = detail.url;
    } else {
      this.#window = this.#opener.open(detail.url, "_blank", FEATURES);
      if (this.#window === null) {
        this.#onBlocked(detail.url);
      }
    }
  };
}

/**
 * Get a window ready for the daemon's question about the next call; call it in the click itself.
 *
 * Nothing is opened where the daemon has a better way to ask. One click opens one window: it closes
 * with its question, so ask for grants in one click and sign in another, or give `onBlocked`.
 */
export function openPromptWindow(bridge: Bridge, options: PromptWindowOptions = {}): PromptWindow {
  return new PromptWindow(bridge, options);
}
