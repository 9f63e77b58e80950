/** Screen 5: log in with the card. */
import { post } from "./api.js";
import { PinEntry } from "./pin-entry.js";

async function logIn(bridge, certificate, signal) {
  const { challenge } = await post("/api/challenge", {}, { signal });
  const token = await bridge.authenticate({ certificate: certificate.id, challenge, signal });
  const { chain } = certificate;
  const { location } = await post("/api/login", { challenge, token, chain }, { signal });
  return location;
}

new PinEntry({ usage: "authentication", act: logIn }).start();
