/** Help while typing: counts, half-width characters, addresses, autosave. The server decides. */
import { watchDraft } from "./draft.js";
import "./once.js";
import { offerAddresses } from "./postal.js";
import { say } from "./text.js";

const byId = (id) => document.getElementById(id);

/** Count as the server does: characters, without white space around them. */
function count(counter) {
  const input = byId(counter.dataset.for);
  const length = [...input.value.replace(/^[ \u3000]+|[ \u3000]+$/g, "").normalize("NFC")].length;
  const max = Number(input.dataset.max);
  counter.textContent = say(`${length} / ${max}文字`, `${length} / ${max}`);
  counter.classList.toggle("over", length > max);
}

for (const counter of document.querySelectorAll(".count")) {
  byId(counter.dataset.for).addEventListener("input", () => count(counter));
  count(counter);
}

/** Half-width fields: convert full-width characters when the person leaves the field. */
function toHalfWidth({ target }) {
  target.value = target.value
    .replace(/[！-～]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0))
    .replace(/[‐-―−ーｰ]/g, "-")
    .trim();
}

for (const input of document.querySelectorAll("input[data-rule]:not([data-rule=text])")) {
  input.addEventListener("change", toHalfWidth);
}

for (const input of document.querySelectorAll("input[data-rule=postal]")) {
  offerAddresses(input, byId(input.id.replace("_postal", "_address")));
}

document.querySelector("[aria-invalid=true]")?.focus();

/** Copy the main contact into the other one. */
function offerCopy(form) {
  const button = byId("copy-contact");
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const source of form.querySelectorAll("input[name^=contact_]")) {
      const target = byId(source.name.replace("contact", form.dataset.copyTo));
      target.value = source.value;
      target.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
}

const form = byId("registration-form");
if (form) {
  watchDraft(form, byId("saved"));
  offerCopy(form);
}
