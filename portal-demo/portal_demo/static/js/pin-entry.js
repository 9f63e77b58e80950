/**
 * The PIN entry of screens 5 and 8: follows the card, takes the PIN, and hands both to `act`.
 *
 * The PIN leaves the field the moment OK is pressed and goes to the bridge alone.
 */
import { bridgeUrl } from "./api.js";
import { Card, reasonOf } from "./card.js";
import { CardChoice } from "./card-choice.js";
import { onRetry, show } from "./panel.js";
import { inputModeOf, nameOf, outOfValidity, PLACES, rulesOf } from "./pin-words.js";
import { say, sentence } from "./text.js";

const byId = (id) => document.getElementById(id);
const pin = byId("pin");
const ok = byId("pin-ok");
const lastTry = byId("last-try");
const accept = byId("accept-last-try");
const picker = byId("card-picker");

/** How soon to look whether another program has let go of the card: nothing tells of that. */
const LOOK_AGAIN_MS = 3000;

/** Outcomes that no other PIN can change. */
const FINAL = new Set(["pin-blocked", "certificate-expired"]);

export class PinEntry {
  #act;
  #wanted;
  #expired;
  #onStep;
  #card;
  #choice;
  #outcome = null;
  #abort = null;
  #timer;

  /**
   * `act(bridge, certificate, signal)` returns where to go next, or null if another card has its
   * turn now; `onStep` is called then. `holder()` is the fingerprint of the log-in certificate on
   * the card that has to be used, `exclude` of the one that must not; `wanted()` tells the person
   * which card to insert instead, and `expired` is the state of a card that has expired.
   */
  constructor({ usage, act, holder = () => "", exclude = "", wanted = () => "", expired = "certificate-expired", onStep = () => {} }) {
    this.#act = act;
    this.#wanted = wanted;
    this.#expired = expired;
    this.#onStep = onStep;
    this.#card = new Card({ url: bridgeUrl, picker });
    this.#choice = new CardChoice({ card: this.#card, picker, usage, holder, exclude });
    this.#card.addEventListener("change", () => this.#update());
    onRetry(() => {
      this.#outcome = null;
      void this.#card.retry();
    });
    this.#card.addEventListener("prompting", ({ detail }) => this.#prompting(detail));
    ok.addEventListener("click", () => this.#submit());
    pin.addEventListener("input", () => this.#enable());
    accept.addEventListener("change", () => this.#enable());
    pin.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing && !ok.disabled) {
        void this.#submit();
      }
    });
    addEventListener("pagehide", () => this.cancel());
  }

  /** Begin to follow the card. */
  start() {
    this.#choice.narrow();
    void this.#card.start();
  }

  /** End what is under way and forget what was typed. */
  cancel() {
    this.#abort?.abort();
    this.#outcome = null;
    pin.value = "";
    accept.checked = false;
    this.#choice.narrow();
    this.#update();
  }

  #update() {
    if (this.#abort) {
      return;
    }
    if (!this.#outcomeStands()) {
      this.#outcome = null;
    }
    clearTimeout(this.#timer);
    if (this.#outcome?.reason === "card-in-use") {
      this.#timer = setTimeout(() => this.#card.check(), LOOK_AGAIN_MS);
    }
    this.#choice.show();
    this.#showState();
    this.#showPin();
  }

  /** An outcome is shown until the card is another one; a removal, until a card is back. */
  #outcomeStands() {
    const { name, readers } = this.#card.state;
    if (this.#outcome?.reason === "card-removed") {
      return name !== "ready" && readers !== null;
    }
    if (this.#outcome?.reason === "card-in-use" && !readers?.some(({ state }) => state === "in-use")) {
      return false;
    }
    return this.#outcome !== null && name === "ready" && this.#outcome.card === this.#choice.certificate?.card;
  }

  /** What stands in the way of using the chosen card, though it is there. */
  #obstacle() {
    const status = this.#choice.certificate?.pin;
    if (this.#card.state.name !== "ready" || this.#choice.open) {
      return null;
    }
    if (!this.#choice.certificate) {
      return this.#choice.bound ? "wrong-card" : "certificate-not-found";
    }
    if (outOfValidity(this.#choice.certificate)) {
      return this.#expired;
    }
    if (status && (status.blocked || status.triesLeft === 0)) {
      return "pin-blocked";
    }
    if (this.#outcome) {
      return FINAL.has(this.#outcome.reason) ? this.#outcome.reason : null;
    }
    // Where the bridge asks for the PIN, it asks about the last try, too.
    return status?.triesLeft === 1 && this.#card.pinInPage ? "pin-last-try" : null;
  }

  #showState() {
    const { name, error, hint } = this.#card.state;
    const obstacle = this.#obstacle();
    const tries = this.#choice.certificate?.pin?.triesLeft ?? null;
    const values = { origin: location.origin, rules: rulesOf(this.#choice.certificate), wanted: this.#wanted() };
    if (obstacle) {
      show(obstacle, { values, tries: obstacle === "pin-last-try" ? tries : null });
    } else if (this.#outcome) {
      const { reason, portal, message } = this.#outcome;
      show(reason, { message, reason: portal, values, tries: reason === "pin-incorrect" ? tries : null });
    } else {
      show(name, { message: name === "ready" ? this.#whatNext() : sentence(error?.messages), values, hint });
    }
  }

  #whatNext() {
    if (this.#choice.open) {
      return say("使用するICカードを下から選択してください。", "Choose the card to use from the list below.");
    }
    return this.#card.pinInPage
      ? say("PIN番号を入力し、OKボタンをクリックしてください。", "Enter the PIN and press OK.")
      : say("OKボタンをクリックし、bridgedの画面でPIN番号を入力してください。", "Press OK, then enter the PIN where bridged asks for it.");
  }

  #showPin() {
    const obstacle = this.#obstacle();
    const pinInPage = this.#card.pinInPage;
    const usable = this.#choice.certificate !== null && (obstacle === null || obstacle === "pin-last-try");
    const rules = this.#choice.certificate?.pin?.rules;
    byId("pin-entry").hidden = !usable || !rules || !pinInPage;
    if (!pin.disabled && !usable) {
      pin.value = "";
    }
    const focus = pin.disabled && usable && document.activeElement !== picker;
    pin.disabled = !usable;
    if (rules) {
      byId("pin-label").textContent = nameOf(this.#choice.certificate.pin);
      byId("pin-rules").textContent = rulesOf(this.#choice.certificate);
      pin.inputMode = inputModeOf(rules);
    }
    const last = usable && pinInPage && this.#choice.certificate.pin?.triesLeft === 1;
    lastTry.hidden = !last;
    accept.checked &&= last;
    if (focus) {
      pin.focus();
    }
    this.#enable();
  }

  #enable() {
    const typed = byId("pin-entry").hidden || pin.value !== "";
    const agreed = lastTry.hidden || accept.checked;
    const usable = !pin.disabled && this.#choice.certificate !== null;
    ok.disabled = this.#abort !== null || !usable || !typed || !agreed;
  }

  async #submit() {
    const certificate = this.#choice.certificate;
    const upper = certificate.pin?.rules.alphabet === "upper-alphanumeric";
    const typed = upper ? pin.value.toUpperCase() : pin.value;
    const acceptLastTry = accept.checked;
    pin.value = "";
    pin.disabled = true;
    accept.checked = false;
    this.#outcome = null;
    const abort = new AbortController();
    this.#abort = abort;
    ok.disabled = true;
    show("working");
    try {
      const options = { pin: typed || undefined, acceptLastTry, signal: abort.signal };
      const next = await this.#card.withKey(certificate, options, (bridge, unlocked) =>
        this.#act(bridge, unlocked, abort.signal),
      );
      if (next === null) {
        this.#abort = null;
        this.#onStep();
        this.#choice.narrow();
        this.#update();
        return;
      }
      show("done");
      location.assign(next);
    } catch (error) {
      this.#abort = null;
      this.#failed(error, certificate, abort.signal.aborted);
    }
  }

  /** The bridge asks for the PIN by itself: say where, and offer its window where it is one. */
  #prompting(prompt) {
    if (this.#abort === null) {
      return;
    }
    const where = PLACES[prompt?.way] ?? PLACES.pinentry;
    show(prompt ? "pin-prompting" : "working", { values: { where }, link: prompt?.url ?? "" });
  }

  #failed(error, certificate, cancelled) {
    const reason = reasonOf(error);
    if (!cancelled) {
      this.#outcome = {
        reason,
        card: certificate.card,
        portal: reason === "portal" ? error.reason : "",
        message: sentence(error.messages),
      };
    }
    if (reason === "internal-error" && !error.messages) {
      reportError(error);
    }
    this.#update();
  }
}
