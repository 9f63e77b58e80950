/** Screen 8: sign the application with the card. */
import { fromBase64, toBase64 } from "/static/bridged/index.js";
import { post } from "./api.js";
import { PinEntry } from "./pin-entry.js";

const byId = (id) => document.getElementById(id);
const part = byId("card-part");
const PREFERRED = "RS256";
const TITLE = "利用者登録の申請";

async function register(bridge, certificate, signal) {
  const signer = { certificate: certificate.x509.der, chain: certificate.chain };
  const proposal = await post("/api/application/document", signer, { signal });
  const { algorithms } = certificate;
  const algorithm = algorithms.includes(PREFERRED) ? PREFERRED : algorithms[0];
  const [signature] = await bridge.signData({
    certificate: certificate.id,
    algorithm,
    data: [fromBase64(proposal.document)],
    title: TITLE,
    signal,
  });
  // From here on the application may be stored, so the answer is waited for.
  const { location } = await post("/api/application", {
    challenge: proposal.challenge,
    algorithm,
    signature: toBase64(signature),
    ...signer,
  });
  return location;
}

/** Propose the signature certificate of the card that logged in. */
function sameCard(certificates, all) {
  const login = all.find(({ x509 }) => x509?.sha256 === part.dataset.loginSha256);
  return certificates.find(({ card }) => card === login?.card);
}

const entry = new PinEntry({ usage: "signature", act: register, prefer: sameCard });

function open() {
  byId("confirm-buttons").hidden = true;
  part.hidden = false;
  byId("card-part-title").focus();
  part.scrollIntoView({ block: "nearest" });
  entry.start();
}

function close() {
  entry.cancel();
  part.hidden = true;
  byId("confirm-buttons").hidden = false;
  byId("submit-application").focus();
}

byId("submit-application").addEventListener("click", open);
byId("pin-cancel").addEventListener("click", close);
// A click before this script has loaded would be lost, so the button waits for it.
byId("submit-application").disabled = false;
