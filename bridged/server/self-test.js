// Signs a test text as any site would: by its own origin, with the person's permission and PIN.
// Whatever is shown comes as text, never as markup.
import { Bridge, Fault } from "./self-test-socket.js";
import { decode, digestOf, encode, isRight, publicKeyOf } from "./self-test-verify.js";

const byId = (id) => document.getElementById(id);
const words = byId("words").dataset;
const lang = document.documentElement.lang;
const OURS = { "Content-Type": "application/json", "X-Bridged": "status-page" };
const GRANTS = ["certificates", "sign"];
const STEPS = ["connect", "allow", "certificate", "sign", "verify"];

const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

// ---- the window in which the person is asked ----

let popup = null;
let bridge = null;
let info = null;

/** Open it in the click itself, or the browser keeps it shut; nothing where there is a dialog. */
function openWindow() {
  const [first] = info.pinEntry.filter((way) => way !== "pinpad");
  if (first !== "window") return;
  popup ??= window.open("about:blank", "_blank", "popup,width=520,height=720");
  if (popup === null) throw new Fault(words.popup);
}

/** Call what may ask the person; a window closes after its question, and the next needs a click. */
async function ask(method, params) {
  if (popup === null && info.pinEntry.find((way) => way !== "pinpad") === "window") {
    say(words.next);
    await clicked(byId("next"));
    openWindow();
    say(words.working);
  }
  return bridge.call(method, params);
}

function clicked(button) {
  button.hidden = false;
  button.focus();
  return new Promise((resolve) => {
    button.onclick = () => {
      button.hidden = true;
      resolve();
    };
  });
}

function onPrompt(method, { way, url } = {}) {
  if (method === "pin.prompting") {
    say(way === "pinpad" ? words.keypad : words.asked);
    if (url === null) popup?.close();
    else if (popup !== null) popup.location.href = url;
  } else if (method === "pin.prompted") {
    popup = null;
    say(words.working);
  }
}

// ---- what is shown ----

const say = (text) => {
  byId("now").textContent = text;
};

function step(name) {
  const at = STEPS.indexOf(name);
  for (const [index, each] of STEPS.entries()) {
    const item = byId(`step-${each}`);
    item.className = index < at ? "good" : index === at ? "doing" : "";
    if (index === at) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }
}

function stumble(error) {
  const doing = document.querySelector("#steps .doing");
  if (doing) doing.className = "bad";
  byId("fault").textContent = error instanceof Fault ? error.message : String(error);
  byId("fault").hidden = false;
  say("");
}

function verdict(id, right) {
  const place = byId(id);
  place.textContent = right === null ? words.unable : right ? words.right : words.wrong;
  place.className = right === null ? "" : right ? "good" : "bad";
}

function show({ certificate, algorithm, text, signature, took, byPage, byDaemon }) {
  const { holder, issuer, notBefore, notAfter, subject } = certificate.x509;
  const names = [holder.name, holder.organization].filter((name) => name);
  const day = (time) => new Date(time).toLocaleDateString(lang);
  byId("holder").textContent = names.join(" / ") || subject.rfc4514;
  byId("issuer").textContent = issuer.commonName ?? issuer.organization ?? issuer.rfc4514;
  byId("valid").textContent = `${day(notBefore)} – ${day(notAfter)}`;
  byId("algorithm").textContent = algorithm;
  byId("at").textContent = new Date().toLocaleString(lang);
  byId("took").textContent = new Intl.NumberFormat(lang, {
    style: "unit",
    unit: "second",
    maximumFractionDigits: 1,
  }).format(took / 1000);
  byId("text").textContent = text;
  byId("signature").textContent = `${hex(signature).slice(0, 32)}… (${signature.length} bytes)`;
  verdict("by-page", byPage);
  verdict("by-daemon", byDaemon);
  byId("result").hidden = false;
  byId("result").focus();
}

// ---- the test ----

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: OURS, body: JSON.stringify(body) });
  if (!answer.ok) throw new Fault(words.noConnection);
  return answer.status === 204 ? null : answer.json();
}

/** Return the certificate with its content, and the lease it took where the card hides it. */
async function unlocked(certificate) {
  if (!certificate.locked) return { certificate, lease: null };
  const lease = await ask("pin.verify", { key: certificate.id });
  const { certificates } = await bridge.call("certificate.list", { usage: "signature" });
  return { certificate: certificates.find(({ id }) => id === certificate.id), lease };
}

async function sign(chosen) {
  step("sign");
  const { certificate, lease } = await unlocked(chosen);
  const [algorithm] = certificate.algorithms;
  const random = hex(crypto.getRandomValues(new Uint8Array(16)));
  const text = `bridged self-test ${new Date().toISOString()} ${random}`;
  const digests = [encode(await digestOf(algorithm, text))];
  const began = performance.now();
  const request = { certificate: certificate.id, algorithm, digests, title: words.forSigning };
  const { signatures } = await ask("signature.create", request);
  const took = performance.now() - began;
  if (lease !== null) await bridge.call("lease.release", { lease: lease.id });
  step("verify");
  const signature = decode(signatures[0]);
  const key = publicKeyOf(decode(certificate.x509.der));
  const byPage = await isRight(key, algorithm, text, signature);
  const sent = { key: encode(key), algorithm, text, signature: signatures[0] };
  const byDaemon = (await post("/self-test/verify", sent)).right;
  if (byPage === false || !byDaemon) throw new Fault(words.badSignature);
  step();
  for (const each of STEPS) byId(`step-${each}`).className = "good";
  say("");
  show({ certificate, algorithm, text, signature, took, byPage, byDaemon });
}

let granted = false;

/** Take back what this page was allowed for the test. */
async function giveBack() {
  popup?.close();
  popup = null;
  if (!granted) return;
  granted = false;
  await post("/sites/forget", { origin: location.origin }).catch(() => null);
}

async function connect() {
  step("connect");
  bridge?.close();
  bridge = new Bridge(onPrompt, words, lang);
  info = await bridge.open();
  step();
  byId("step-connect").className = "good";
}

function choose(certificates) {
  const make = ({ id, label, x509 }, index) => {
    const [line, input] = [document.createElement("label"), document.createElement("input")];
    Object.assign(input, { type: "radio", name: "certificate", value: id, checked: index === 0 });
    const names = [x509?.holder.name, x509?.holder.organization].filter((name) => name);
    const small = document.createElement("small");
    const [title, ...more] = [...names, label];
    small.textContent = more.join(" / ");
    const text = document.createElement("span");
    text.append(title, small);
    line.append(input, text);
    return line;
  };
  byId("certificates").replaceChildren(...certificates.map(make));
  byId("choice").hidden = false;
  byId("choice").querySelector("input").focus();
  return new Promise((resolve, reject) => {
    byId("choice").onsubmit = (event) => {
      event.preventDefault();
      byId("choice").hidden = true;
      try {
        openWindow();
        resolve(certificates.find(({ id }) => id === byId("choice").elements.certificate.value));
      } catch (error) {
        reject(error);
      }
    };
  });
}

async function run() {
  if (bridge.closed) await connect();
  step("allow");
  const before = await bridge.call("site.status", { grants: GRANTS });
  if (before.missing.length > 0) {
    await ask("site.request", { grants: GRANTS });
    granted = true;
  }
  step("certificate");
  const { certificates } = await bridge.call("certificate.list", { usage: "signature" });
  if (certificates.length === 0) throw new Fault(words.none);
  if (certificates.length > 1) say("");
  await sign(certificates.length === 1 ? certificates[0] : await choose(certificates));
}

byId("start").addEventListener("click", async () => {
  const button = byId("start");
  byId("fault").hidden = byId("result").hidden = true;
  button.hidden = true;
  try {
    openWindow();
    say(words.working);
    await run();
  } catch (error) {
    stumble(error);
  } finally {
    await giveBack();
    byId("choice").hidden = byId("next").hidden = true;
    button.hidden = false;
    button.textContent = button.dataset.again;
    if (byId("result").hidden) button.focus();
  }
});

byId("origin").textContent = location.origin;
connect().then(() => {
  byId("start").disabled = false;
}, stumble);
