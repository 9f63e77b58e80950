import type { Bridge } from "./bridge.ts";

/** What `openPromptWindow` needs of a browser's window. */
type Opener = Pick<Window, "open">;

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
  readonly #opener: Opener;
  #window: Window | null;

  /** @internal */
  constructor(bridge: Bridge, opener: Opener) {
    this.#bridge = bridge;
    this.#opener = opener;
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
    }
  };
}

/**
 * Get a window ready for the daemon's questions about the next call; call it in the click itself.
 *
 * Nothing is opened where the daemon has a better way to ask.
 */
export function openPromptWindow(bridge: Bridge, opener: Opener = window): PromptWindow {
  return new PromptWindow(bridge, opener);
}
