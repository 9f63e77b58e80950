/**
 * The card as this page sees it: a connection to the bridge, what the card picker finds there, and
 * a key for one act. A portal can take this file as it is; how to is told in the README.
 *
 * ```js
 * const card = new Card({ url: "ws://127.0.0.1:24781/v1", picker: document.querySelector("bridged-card-picker") });
 * card.addEventListener("change", () => show(card.state));
 * await card.start();
 * ok.onclick = () => card.withKey(card.state.certificate, { pin: field.value }, (bridge, certificate) => …);
 * ```
 *
 * `state.name` is `connecting`, `permission` (the browser is going to ask; call `retry()` from a
 * click), `ready`, or the reason that stands in the way (`SCREENS.md`). A `change` event follows
 * every change of `state`. A `prompting` event tells in `detail` where the person is asked for a
 * PIN outside this page, and null once that is over.
 */
import { BridgeError, ConnectError, connect, openPromptWindow, queryPermission } from "/static/bridged/index.js";
import "/static/bridged/picker.js";

/** States that end without telling anybody: connect again by ourselves. */
const PASSING = new Set(["not-running", "going-away", "connection-lost"]);
const CONNECT_AGAIN_MS = 3000;
const LEASE_S = 60;
/** What this site needs; a PIN that is typed in the page (`page-pin`) is a comfort only. */
const GRANTS = ["certificates", "sign"];
/** States in which the person has to let this site in, and can be asked to. */
const ASKABLE = new Set(["site-not-allowed", "consent-denied", "consent-unavailable", "user-timeout"]);
const NOTHING = { certificates: [], certificate: null, readers: null, hint: null, error: null };

export class Card extends EventTarget {
  #url;
  #picker;
  #bridge = null;
  #connecting = null;
  #timer;
  #acting = false;
  #stopped = false;

  /** Takes the bridge's address and a `<bridged-card-picker>` that stands in the page. */
  constructor({ url, picker }) {
    super();
    this.#url = url;
    this.#picker = picker;
    this.state = { ...NOTHING, name: "connecting" };
    picker.addEventListener("look-change", ({ detail }) => this.#become(stateOf(detail)));
    picker.addEventListener("certificate-change", () => {
      if (this.state.name === "ready") {
        this.#become(this.state);
      }
    });
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#resume());
  }

  /** Whether PINs can be typed in this page; else the bridge asks by itself. */
  get pinInPage() {
    return this.#bridge?.info.grants.includes("page-pin") ?? true;
  }

  /** Begin, without a click: where the browser would ask the person, wait for one. */
  async start() {
    if ((await queryPermission()) === "prompt") {
      this.#become({ name: "permission" });
    } else {
      await this.check();
    }
  }

  /** Connect if need be, and look at readers and cards now. */
  async check() {
    if (this.#bridge?.open) {
      await this.#picker.refresh();
    } else {
      this.#connecting ??= this.#connect();
      await this.#connecting;
    }
  }

  /** Do what can help in this state: ask the person to let the site in, or look again. */
  async retry() {
    if (!ASKABLE.has(this.state.name) || !this.#bridge?.open) {
      await this.check();
      return;
    }
    this.#become({ name: "consent-asking" });
    const prompt = openPromptWindow(this.#bridge);
    try {
      await this.#bridge.requestGrants(GRANTS);
      await this.check();
    } catch (error) {
      this.#become({ name: reasonOf(error), error });
    } finally {
      prompt.close();
    }
  }

  /**
   * Call `act(bridge, certificate)` while a key may be used. Call this in the click itself.
   *
   * With a `pin` that was typed in this page the key is lent for the act and given back. Without
   * one the bridge asks for the PIN as soon as it signs, in a window that is opened here if it has
   * no better way. A certificate that only its PIN shows is unlocked before `act`.
   */
  async withKey(certificate, { pin, acceptLastTry, signal }, act) {
    const bridge = this.#bridge;
    if (!bridge?.open) {
      throw new ConnectError("not-running");
    }
    this.#acting = true;
    const prompt = pin ? null : openPromptWindow(bridge);
    try {
      if (!pin && !certificate.locked) {
        return await act(bridge, certificate);
      }
      const lease = await bridge.verifyPin({ key: certificate.id, pin, leaseSeconds: LEASE_S, acceptLastTry, signal });
      try {
        return await act(bridge, await unlocked(bridge, certificate, signal));
      } finally {
        await lease.release().catch(() => {});
      }
    } finally {
      prompt?.close();
      this.#acting = false;
      await this.check();
    }
  }

  async #connect() {
    clearTimeout(this.#timer);
    this.#become({ name: "connecting" });
    try {
      const bridge = await connect({
        url: this.#url,
        onHint: (hint) => this.#become({ name: "connecting", hint }),
      });
      if (this.#stopped) {
        bridge.close();
        return;
      }
      bridge.addEventListener("pin.prompting", ({ detail }) => this.#prompt(detail));
      bridge.addEventListener("pin.prompted", () => this.#prompt(null));
      bridge.addEventListener("close", () => this.#stopped || this.#acting || this.check());
      this.#bridge = bridge;
      this.#picker.bridge = bridge;
    } catch (error) {
      this.#become({ name: reasonOf(error), error });
      // Once a connection was open, the browser has let this page through.
      const passing = PASSING.has(this.state.name) || (this.#bridge && this.state.name === "unreached");
      if (passing && !this.#stopped) {
        this.#timer = setTimeout(() => this.check(), CONNECT_AGAIN_MS);
      }
    } finally {
      this.#connecting = null;
    }
  }

  #become(state) {
    // Looking again for a bridge that is not there must not make the page flicker.
    if (state.name === "connecting" && !state.hint && this.state.error) {
      return;
    }
    this.state = { ...NOTHING, ...state, certificate: this.#picker.certificate };
    this.dispatchEvent(new Event("change"));
  }

  #prompt(detail) {
    this.dispatchEvent(new CustomEvent("prompting", { detail }));
  }

  #stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#picker.bridge = null;
    this.#bridge?.close();
    this.#bridge = null;
  }

  #resume() {
    this.#stopped = false;
    void this.check();
  }
}

/** Return the reason of any failure of the bridge or the portal. */
export function reasonOf(error) {
  if (error instanceof BridgeError || error instanceof ConnectError) {
    return error.reason;
  }
  return error?.name === "PortalError" ? "portal" : "internal-error";
}

/** Return the state of a page whose picker sees this: any certificate, or what is most in the way. */
function stateOf({ trouble, readers }) {
  if (trouble) {
    return { name: trouble.reason, error: trouble, readers: trouble.reason === "no-reader" ? [] : null };
  }
  const certificates = readers.flatMap((one) => one.certificates);
  const troubles = readers.map((one) => one.trouble).filter(Boolean);
  const worst = troubles.find(({ reason }) => reason !== "no-card") ?? troubles[0];
  const present = readers.map(({ reader }) => reader);
  return certificates.length
    ? { name: "ready", certificates, readers: present }
    : { name: worst.reason, error: worst, readers: present };
}

/** List a locked certificate again: its PIN has been verified, so the card shows it now. */
async function unlocked(bridge, certificate, signal) {
  if (!certificate.locked) {
    return certificate;
  }
  const { reader, usage } = certificate;
  const listed = await bridge.certificates({ reader, usage, signal });
  return listed.find(({ id }) => id === certificate.id) ?? listed[0];
}
