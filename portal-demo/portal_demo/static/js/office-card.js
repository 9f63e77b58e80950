/** An officer's card, for the log-in or to be registered: where it goes stands on the page. */
import { post } from "./api.js";
import { PinEntry } from "./pin-entry.js";

const { action } = document.getElementById("card-action").dataset;

async function answer(bridge, certificate, signal) {
  const { challenge } = await post("/api/office/challenge", {}, { signal });
  const token = await bridge.authenticate({ certificate: certificate.id, challenge, signal });
  const { chain } = certificate;
  const { location } = await post(action, { challenge, token, chain }, { signal });
  return location;
}

new PinEntry({ usage: "authentication", act: answer }).start();
