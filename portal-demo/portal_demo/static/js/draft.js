/** Keep what is typed on the server while somebody types; passwords are never sent here. */
import { post } from "./api.js";
import { say, sentence } from "./text.js";

const AUTOSAVE_MS = 1500;

/** Save `form` after every pause, and tell so in `saved`. */
export function watchDraft(form, saved) {
  const revision = form.elements.namedItem("revision");
  let timer;
  let dirty = false;
  let sending = null;

  function body() {
    const inputs = [...form.querySelectorAll("input[data-rule]:not([data-secret])")];
    const values = Object.fromEntries(inputs.map(({ name, value }) => [name, value.slice(0, 1000)]));
    const differenceAccepted = form.elements.namedItem("accept-name-difference")?.checked ?? false;
    return { procedure: form.dataset.procedure, revision: revision.value, values, differenceAccepted };
  }

  async function send(keepalive) {
    dirty = false;
    try {
      ({ revision: revision.value } = await post(form.dataset.autosave, body(), { keepalive }));
      saved.textContent = say("入力内容を一時保存しました。", "Your input is saved.");
    } catch (error) {
      dirty = true;
      saved.textContent = sentence(error.messages);
    }
  }

  /** Save what is not saved yet; one save at a time, for each follows the revision of the last. */
  async function save({ keepalive = false } = {}) {
    clearTimeout(timer);
    await sending;
    if (dirty) {
      sending = send(keepalive);
      await sending;
    }
  }

  form.addEventListener("input", ({ target }) => {
    if (target.dataset.secret !== undefined) {
      return;
    }
    dirty = true;
    saved.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(save, AUTOSAVE_MS);
  });

  let saving = true;
  form.addEventListener(
    "submit",
    (event) => {
      clearTimeout(timer);
      dirty = false;
      if (saving && sending) {
        // A save on its way changes the revision that this page is about to send.
        event.preventDefault();
        saving = false;
        void sending.finally(() => form.requestSubmit(event.submitter));
      }
    },
    { capture: true },
  );

  // The language's switch leaves this page for the same one: nothing typed may be lost by it.
  const language = document.querySelector("form.language");
  let switching = false;
  language.addEventListener(
    "submit",
    (event) => {
      if (!switching && (dirty || sending)) {
        event.preventDefault();
        switching = true;
        void save().finally(() => language.requestSubmit(event.submitter));
      }
    },
    { capture: true },
  );
  addEventListener("pagehide", () => void save({ keepalive: true }));
}
