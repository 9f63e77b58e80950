// The window in which the person is asked. Text is only ever set as text.
"use strict";

const key = document.querySelector('meta[name="ask-key"]').content;
const at = (id) => document.getElementById(id);
const pin = at("pin");
const again = at("again");
let shown = { number: 0 };
let words = { over: "", working: "", notTheSame: "" };
/** A click that was meant for what stood here before is no answer. */
const SETTLE_MS = 700;
let settled;

async function post(path, body, keepalive = false) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Bridged-Ask": key },
    body: JSON.stringify(body),
    keepalive,
  });
  return response.ok ? response.json() : { number: -1 };
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function fact([label, text, quoted]) {
  const row = document.createElement("div");
  const value = element("dd", text);
  if (quoted) {
    value.append(element("small", words.quoted));
  }
  row.append(element("dt", label), value);
  return row;
}

/** Say what was wrong with the answer before, if anything was. */
function tell(fault) {
  at("fault").textContent = fault;
  for (const field of [pin, again]) {
    field.setAttribute("aria-invalid", String(fault !== ""));
  }
}

function show(question) {
  const { wanted } = question;
  words = question.words;
  document.documentElement.lang = question.language;
  document.title = `${question.heading} - bridged`;
  at("shown-by").textContent = words.shownBy;
  at("heading").textContent = question.heading;
  tell(question.fault);
  at("facts").replaceChildren(...question.facts.map(fact));
  at("warnings").replaceChildren(...question.warnings.map((text) => element("li", text)));
  at("details").hidden = question.details.length === 0;
  at("details").querySelector("summary").textContent = words.details;
  at("details").querySelector("ol").replaceChildren(
    ...question.details.map((text) => element("li", text)),
  );
  at("fields").hidden = wanted === null;
  document.querySelector('label[for="pin"]').textContent = wanted?.label ?? "";
  document.querySelector('label[for="again"]').textContent = wanted?.again ?? "";
  document.querySelector('label[for="again"]').hidden = again.hidden = !wanted?.again;
  pin.inputMode = again.inputMode = wanted?.digits ? "numeric" : "text";
  pin.value = again.value = "";
  at("ok").textContent = question.ok;
  at("cancel").textContent = question.cancel;
  at("never").textContent = question.never;
  at("never").hidden = !question.never;
  at("notice").textContent = "";
  at("question").hidden = false;
  settle();
  (wanted === null ? at("cancel") : pin).focus();
}

function settle() {
  clearTimeout(settled);
  if (shown.wanted) {
    // A PIN that was typed was meant.
    at("ok").disabled = false;
    return;
  }
  at("ok").disabled = at("never").disabled = true;
  settled = setTimeout(() => {
    at("ok").disabled = at("never").disabled = false;
  }, SETTLE_MS);
}

function wait(text) {
  at("question").hidden = true;
  at("notice").textContent = text;
}

function answer(said) {
  const value = said === "yes" && shown.wanted ? pin.value : null;
  pin.value = again.value = "";
  wait(words.working);
  return post("/ask/answer", { number: shown.number, answer: said, pin: value });
}

at("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (at("ok").disabled) {
    return;
  }
  if (shown.wanted?.again && pin.value !== again.value) {
    pin.value = again.value = "";
    tell(words.notTheSame);
    pin.focus();
    return;
  }
  void answer("yes");
});
at("cancel").addEventListener("click", () => void answer("no"));
at("never").addEventListener("click", () => void answer("never"));
addEventListener("focus", settle);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !at("question").hidden) {
    void answer("no");
  }
});
addEventListener("pagehide", () => {
  void post("/ask/answer", { number: shown.number, answer: "no", pin: null }, true);
});

async function follow() {
  while (shown.number !== -1) {
    const next = await post("/ask/next", { number: shown.number }).catch(() => ({ number: -1 }));
    if (next.number === -1) {
      shown = next;
    } else if (next.number !== shown.number) {
      shown = next;
      show(shown);
    }
  }
  wait(words.over);
  close();
}

void follow();
