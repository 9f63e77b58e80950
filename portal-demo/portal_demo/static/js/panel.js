/** The card panel: one place that shows the state of the card, and reads it out. */
import { bridgeUrl } from "./api.js";
import { describe } from "./states.js";
import { say, sentence } from "./text.js";

const byId = (id) => document.getElementById(id);

/** States in which pressing the button can help. */
const RETRY = new Set(["permission", "not-running", "going-away", "connection-lost", "blocked", "unreached", "site-not-allowed", "consent-denied", "consent-unavailable", "user-timeout", "timeout", "version-mismatch", "too-many-connections", "too-many-requests", "misconfigured", "pcsc-unavailable", "card-mute", "card-unsupported", "card-in-use", "card-fault", "certificate-not-found", "internal-error", "bad-reply"]);

/** States of which the bridge's own page tells more: what is wrong on this computer, and what to do. */
const TOLD_THERE = new Set(["misconfigured", "pcsc-unavailable", "no-reader", "card-mute", "card-in-use"]);
const STATUS_PAGE = `http://${new URL(bridgeUrl).host}/`;

const ASK = say("このサイトの許可を求める", "Ask to allow this site");
const RETRY_LABELS = {
  permission: say("接続する", "Connect"),
  "site-not-allowed": ASK,
  "consent-denied": ASK,
  "user-timeout": ASK,
};

/** Call `action` when the person presses the panel's button. */
export function onRetry(action) {
  byId("card-retry").addEventListener("click", action);
}

/**
 * Show a state.
 *
 * `message` is the error's own sentence, `values` fill the text, `reason` is the portal's,
 * `tries` the number of tries left where it matters.
 */
export function show(name, { message = "", values = {}, reason = "", tries = null, hint = null, link = "" } = {}) {
  const { tone, icon, title, text } = describe(name, values, message);
  const panel = byId("card-panel");
  panel.dataset.state = name;
  panel.dataset.tone = tone;
  panel.dataset.reason = reason;
  byId("card-icon").firstElementChild.setAttribute("href", `#i-${icon}`);
  setText("card-title", title);
  setText("card-text", text);
  setText("card-hint", sentence(hint));
  byId("tries").hidden = tries === null;
  setText("tries-left", tries ?? "");
  byId("card-retry").hidden = !RETRY.has(name);
  setText("card-retry-label", RETRY_LABELS[name] ?? say("もう一度確認する", "Check again"));
  byId("card-link").hidden = link === "";
  byId("card-link").href = link || "#";
  byId("card-status").hidden = !TOLD_THERE.has(name);
  byId("card-status").href = STATUS_PAGE;
}

/** Change a text only where it differs, so that it is not read out again; empty is hidden. */
function setText(id, text) {
  const element = byId(id);
  if (element.textContent !== String(text)) {
    element.textContent = text;
  }
  element.hidden = text === "";
}
