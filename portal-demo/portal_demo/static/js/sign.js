/** Screen 8: sign the application, with one card or (ICカード更新) with the new and the old one. */
import { fromBase64, toBase64 } from "/static/bridged/index.js";
import { post } from "./api.js";
import { PinEntry } from "./pin-entry.js";
import { say } from "./text.js";

const byId = (id) => document.getElementById(id);
const part = byId("card-part");
const { confirmation, procedure } = part.dataset;
const signers = part.dataset.signers.split(" ");
const PREFERRED = "RS256";
// What the person signs is Japanese in either language of the page.
const TITLES = { register: "利用者登録の申請", change: "利用者変更の申請", renew: "ICカード更新の申請" };

let proposal = null;
let signatures = [];

async function sign(bridge, certificate, signal) {
  const signer = { certificate: certificate.x509.der, chain: certificate.chain };
  proposal ??= await post("/api/application/document", { procedure, confirmation, ...signer }, { signal });
  const { algorithms } = certificate;
  const algorithm = algorithms.includes(PREFERRED) ? PREFERRED : algorithms[0];
  const [signature] = await bridge.signData({
    certificate: certificate.id,
    algorithm,
    data: [fromBase64(proposal.document)],
    title: TITLES[procedure],
    signal,
  });
  signatures.push({ algorithm, signature: toBase64(signature), ...signer });
  if (signatures.length < signers.length) {
    return null;
  }
  const { challenge } = proposal;
  const all = signatures;
  restart();
  // From here on the application may be stored, so the answer is waited for.
  const { location } = await post("/api/application", { procedure, confirmation, challenge, signatures: all });
  return location;
}

/** Forget what was signed: a refused signature has used its document up. */
function restart() {
  proposal = null;
  signatures = [];
}

const entry = new PinEntry({
  usage: "signature",
  act: sign,
  holder: () => signers[signatures.length],
  wanted,
  onStep: showSigners,
});

function wanted() {
  if (signers.length === 1) {
    return say("ログインしたICカードを挿入してください。", "Insert the IC card that logged in.");
  }
  return signatures.length === 0
    ? say("新しいICカードを挿入してください。", "Insert the new IC card.")
    : say("更新前のICカードに入れ替えてください。", "Put the old IC card in its place.");
}

function showSigners() {
  for (const item of document.querySelectorAll("#signers li")) {
    const index = Number(item.dataset.signer);
    item.dataset.ok = String(index < signatures.length);
    if (index === signatures.length) {
      item.setAttribute("aria-current", "step");
    } else {
      item.removeAttribute("aria-current");
    }
  }
}

function open() {
  byId("confirm-buttons").hidden = true;
  part.hidden = false;
  showSigners();
  byId("card-part-title").focus();
  part.scrollIntoView({ block: "nearest" });
  entry.start();
}

function close() {
  entry.cancel();
  restart();
  part.hidden = true;
  byId("confirm-buttons").hidden = false;
  byId("submit-application").focus();
}

byId("submit-application").addEventListener("click", open);
byId("pin-cancel").addEventListener("click", close);
// A click before this script has loaded would be lost, so the button waits for it.
byId("submit-application").disabled = false;
