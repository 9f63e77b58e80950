/**
 * The card as this page sees it: keeps a connection to the bridge, follows readers and cards, and
 * lends a key for one act.
 *
 * `state.name` is `connecting`, `permission` (the browser is going to ask; call `check()` from a
 * click), `ready`, or the reason that stands in the way (`SCREENS.md`). A `change` event follows
 * every change of `state`. A `prompting` event tells in `detail` where the person is asked for a
 * PIN outside this page, and null once that is over.
 */
import { BridgeError, ConnectError, connect } from "/static/bridged/index.js";

/** States that end without telling anybody: look again by ourselves. */
const PASSING = new Set(["not-running", "going-away", "connection-lost", "pcsc-unavailable", "card-in-use", "card-leased", "busy"]);
const LOOK_AGAIN_MS = 3000;
const LEASE_S = 60;
const EVENTS = ["reader.added", "reader.removed", "card.inserted", "card.removed", "site.granted"];
/** What this site needs; a PIN that is typed in the page (`page-pin`) is a comfort only. */
const GRANTS = ["certificates", "sign"];
/** States in which the person has to let this site in, and can be asked to. */
export const ASKABLE = new Set(["site-not-allowed", "consent-denied", "consent-unavailable", "user-timeout"]);

export class CardWatch extends EventTarget {
  #url;
  #usage;
  #bridge = null;
  #looking = null;
  #again = false;
  #timer;
  #acting = false;
  #stopped = false;

  /** `usage` is `authentication`, `signature`, or undefined for both. */
  constructor({ url, usage }) {
    super();
    this.#url = url;
    this.#usage = usage;
    this.state = { name: "connecting", certificates: [], readers: null, hint: null, error: null };
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", ({ persisted }) => persisted && this.#resume());
  }

  /** Whether PINs can be typed in this page; else the bridge asks by itself. */
  get pinInPage() {
    return this.#bridge?.info.grants.includes("page-pin") ?? true;
  }

  /** Begin, without a click: where the browser would ask the person, wait for one. */
  async start() {
    if (await asksFirst()) {
      this.#become({ name: "permission" });
    } else {
      await this.check();
    }
  }

  /** Look at bridge, readers and cards now. */
  check() {
    clearTimeout(this.#timer);
    this.#again = this.#looking !== null;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
      if (this.#again) {
        void this.check();
      }
    });
    return this.#looking;
  }

  /** Do what can help in this state: ask the person to let the site in, or look again. */
  async retry() {
    if (!ASKABLE.has(this.state.name) || !this.#bridge?.open) {
      await this.check();
      return;
    }
    this.#become({ name: "consent-asking" });
    try {
      await this.#bridge.requestGrants(GRANTS);
      await this.check();
    } catch (error) {
      this.#become({ name: reasonOf(error), error });
    }
  }

  /**
   * Verify the PIN of a key, call `act(bridge, certificate)` while the key may be used, and give
   * the key back. A certificate that was locked is given to `act` unlocked.
   */
  async withKey(certificate, { pin, acceptLastTry, signal }, act) {
    const bridge = this.#bridge;
    if (!bridge?.open) {
      throw new ConnectError("not-running");
    }
    this.#acting = true;
    try {
      if (certificate.pin === null) {
        return await act(bridge, certificate);
      }
      const lease = await bridge.verifyPin({ key: certificate.id, pin, leaseSeconds: LEASE_S, acceptLastTry, signal });
      try {
        return await act(bridge, await unlocked(bridge, certificate, signal));
      } finally {
        await lease.release().catch(() => {});
      }
    } finally {
      this.#acting = false;
      await this.check();
    }
  }

  async #look() {
    try {
      const bridge = await this.#connected();
      const readers = await bridge.readers();
      const certificates = await bridge.certificates(this.#usage ? { usage: this.#usage } : {});
      this.#become({ name: certificates.length ? "ready" : "certificate-not-found", certificates, readers });
    } catch (error) {
      await this.#failed(error);
    }
  }

  async #connected() {
    if (this.#bridge?.open) {
      return this.#bridge;
    }
    this.#become({ name: "connecting" });
    const bridge = await connect({
      url: this.#url,
      onHint: (hint) => this.#become({ name: "connecting", hint }),
    });
    if (this.#stopped) {
      bridge.close();
      throw new ConnectError("aborted");
    }
    for (const event of EVENTS) {
      bridge.addEventListener(event, () => this.#acting || this.check());
    }
    bridge.addEventListener("pin.prompting", ({ detail }) => this.#prompt(detail));
    bridge.addEventListener("pin.prompted", () => this.#prompt(null));
    bridge.addEventListener("close", () => this.#stopped || this.#acting || this.check());
    this.#bridge = bridge;
    return bridge;
  }

  async #failed(error) {
    const reason = reasonOf(error);
    const readers = this.#bridge?.open ? await this.#bridge.readers().catch(() => null) : null;
    this.#become({ name: reason, error, readers });
    if (PASSING.has(reason) && !this.#stopped) {
      this.#timer = setTimeout(() => this.check(), LOOK_AGAIN_MS);
    }
  }

  #become(state) {
    // Looking again for a bridge that is not there must not make the page flicker.
    if (state.name === "connecting" && !state.hint && this.state.error) {
      return;
    }
    this.state = { certificates: [], readers: null, hint: null, error: null, ...state };
    this.dispatchEvent(new Event("change"));
  }

  #prompt(detail) {
    this.dispatchEvent(new CustomEvent("prompting", { detail }));
  }

  #stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
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

/** List a locked certificate again: its PIN has been verified, so the card shows it now. */
async function unlocked(bridge, certificate, signal) {
  if (!certificate.locked) {
    return certificate;
  }
  const { reader, usage } = certificate;
  const listed = await bridge.certificates({ reader, usage, signal });
  return listed.find(({ id }) => id === certificate.id) ?? listed[0];
}

/** Tell whether connecting would make the browser ask; on this computer itself it never does. */
async function asksFirst() {
  if (/^(localhost|127\.|\[::1\])/.test(location.hostname)) {
    return false;
  }
  for (const name of ["loopback-network", "local-network-access"]) {
    try {
      return (await navigator.permissions.query({ name })).state === "prompt";
    } catch {
      // The browser does not know this name.
    }
  }
  return false;
}
