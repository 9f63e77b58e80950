// Sign a text with the IC card in the reader: node examples/sign.mjs TEXT [PORT]
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
// From a project of your own: "@bridged/client".
import { connect, DEFAULT_PORT, explain, toBase64 } from "../client-js/dist/index.js";

const [text, port = DEFAULT_PORT] = process.argv.slice(2);
const { XDG_RUNTIME_DIR: runtime } = process.env;
const folder = runtime ? `${runtime}/bridged` : `${homedir()}/.local/state/bridged/run`;

/** A program sends no `Origin` as a page does; it brings the token of the daemon's own user. */
async function withToken() {
  const headers = { authorization: `Bearer ${await readFile(`${folder}/token-${port}`, "utf8")}` };
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, { protocols, headers });
    }
  };
}

async function ask(question) {
  process.stderr.write(question);
  const output = new Writable({ write: (_text, _encoding, done) => done() });
  const input = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY });
  return input.question("").finally(() => input.close());
}

try {
  const environment = { WebSocket: await withToken() };
  const bridge = await connect({ url: `ws://127.0.0.1:${port}/v1`, environment });
  const [certificate] = await bridge.certificates({ usage: "signature" });
  await bridge.verifyPin({ key: certificate.id, pin: await ask(`PIN (${certificate.label}): `) });
  const [signature] = await bridge.signData({
    certificate: certificate.id,
    algorithm: certificate.algorithms[0],
    title: text,
    data: [new TextEncoder().encode(text)],
  });
  bridge.close();
  console.log(toBase64(signature));
} catch (error) {
  console.error(error.code === "ENOENT" ? "bridgedが動作していません。起動してください。" : explain(error, "ja"));
  process.exit(1);
}
