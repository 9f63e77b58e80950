/** Which of the certificates that are there is for this step, and which the person has chosen. */
import { isUsable } from "./pin-words.js";
import { say } from "./text.js";

const byId = (id) => document.getElementById(id);

export class CardChoice {
  #card;
  #picker;
  #usage;
  #holder;
  #exclude;

  /**
   * `holder()` is the fingerprint of the log-in certificate on the card that has to be used,
   * `exclude` of the one that must not; both are empty where any card will do.
   */
  constructor({ card, picker, usage, holder, exclude }) {
    this.#card = card;
    this.#picker = picker;
    this.#usage = usage;
    this.#holder = holder;
    this.#exclude = exclude;
  }

  /** Have the picker offer what is for this step: another card may have its turn now. */
  narrow() {
    this.#picker.accepts = (certificate, all) => this.#accepts(certificate, all);
  }

  /** Whether not every card will do. */
  get bound() {
    return this.#holder() !== "" || this.#exclude !== "";
  }

  /** The certificate that is chosen, or where none can be the one that tells why. */
  get certificate() {
    const mine = this.#mine;
    return this.#picker.certificate ?? (mine.some(isUsable) ? null : (mine[0] ?? null));
  }

  /** Whether the person has to choose before anything else. */
  get open() {
    return this.#card.state.name === "ready" && this.certificate === null && this.#mine.length > 0;
  }

  /** Show the picker where there is something to pick. */
  show() {
    const { length } = this.#mine;
    byId("certificates").hidden = length === 0;
    byId("certificates-title").textContent =
      length > 1 ? say("使用するICカードを選択してください", "Choose the IC card") : say("使用するICカード", "IC card");
  }

  /** The certificates that are for this step, whether they can be used or not. */
  get #mine() {
    const { certificates } = this.#card.state;
    return certificates.filter((certificate) => this.#accepts(certificate, certificates));
  }

  /** Tell whether a certificate is of the right usage, on the right card. */
  #accepts({ usage, card }, all) {
    const cardOf = (sha256) => all.find(({ x509 }) => x509?.sha256 === sha256)?.card;
    const holder = this.#holder();
    return (
      usage === this.#usage &&
      (holder === "" || card === cardOf(holder)) &&
      (this.#exclude === "" || card !== cardOf(this.#exclude))
    );
  }
}
