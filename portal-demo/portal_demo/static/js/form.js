/** Help while typing: character counts, autosave, the first wrong field. The server decides. */
import { post } from "./api.js";
import { say, sentence } from "./text.js";

const AUTOSAVE_MS = 1500;
const byId = (id) => document.getElementById(id);
const form = byId("registration-form");

/** Count as the server does: characters, without white space around them. */
function count(counter) {
  const input = byId(counter.dataset.for);
  const length = [...input.value.replace(/^[ \u3000]+|[ \u3000]+$/g, "")].length;
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

document.querySelector("[aria-invalid=true]")?.focus();

function watchDraft() {
  let timer;
  let dirty = false;
  let sending = null;
  const saved = byId("saved");

  async function save(keepalive = false) {
    clearTimeout(timer);
    if (!dirty) {
      return;
    }
    dirty = false;
    sending = new AbortController();
    const { signal } = sending;
    const inputs = [...form.querySelectorAll("input[data-rule]")];
    const values = Object.fromEntries(inputs.map(({ name, value }) => [name, value.slice(0, 1000)]));
    const differenceAccepted = byId("accept-name-difference")?.checked ?? false;
    try {
      await post(form.dataset.autosave, { values, differenceAccepted }, { keepalive, signal });
      saved.textContent = say("入力内容を一時保存しました。", "Your input is saved.");
    } catch (error) {
      dirty ||= !signal.aborted;
      saved.textContent = sentence(error.messages);
    }
  }

  form.addEventListener("input", () => {
    dirty = true;
    saved.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(save, AUTOSAVE_MS);
  });
  form.addEventListener("submit", () => {
    // What is submitted is newer than anything still on its way.
    clearTimeout(timer);
    sending?.abort();
    dirty = false;
  });
  addEventListener("pagehide", () => void save(true));
}

function offerCopy() {
  const button = byId("copy-contact");
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const source of form.querySelectorAll("input[name^=contact_]")) {
      const target = byId(source.name.replace("contact_", "card_"));
      target.value = source.value;
      target.dispatchEvent(new Event("input", { bubbles: true }));
    }
  });
}

if (form) {
  watchDraft();
  offerCopy();
}
