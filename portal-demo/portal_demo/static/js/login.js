/** Screen 5: log in with the card. */
import { post } from "./api.js";
import { PinEntry } from "./pin-entry.js";
import { say } from "./text.js";

const { procedure, purpose, oldSha256 } = document.getElementById("login").dataset;

async function logIn(bridge, certificate, signal) {
  const { challenge } = await post("/api/challenge", { purpose }, { signal });
  const token = await bridge.authenticate({ certificate: certificate.id, challenge, signal });
  const { chain } = certificate;
  const path = purpose === "login" ? "/api/login" : "/api/renewal/card";
  const { location } = await post(path, { procedure, challenge, token, chain }, { signal });
  return location;
}

new PinEntry({
  usage: "authentication",
  act: logIn,
  exclude: oldSha256,
  expired: procedure === "renew" && purpose === "login" ? "renewal-too-late" : undefined,
  wanted: () =>
    say(
      "更新前のICカードです。新しいICカードに入れ替えてください。",
      "This is the old IC card. Put the new one in its place.",
    ),
}).start();
