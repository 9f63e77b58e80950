import { connect } from "@bridged/client";

/**
 * Sign a text with the card in the reader; the bridge forgets the PIN when it is closed.
 *
 * @param {string} text
 * @param {string} pin what the person typed
 * @param {import("@bridged/client").ConnectOptions} [options]
 */
export async function signText(text, pin, options) {
  const bridge = await connect(options);
  try {
    const [certificate] = await bridge.certificates({ usage: "signature" });
    const [algorithm] = certificate?.algorithms ?? [];
    if (!certificate || !algorithm) {
      throw new Error("The card has no key for signatures.");
    }
    await bridge.verifyPin({ key: certificate.id, pin });
    const [signature] = await bridge.signData({
      certificate: certificate.id,
      algorithm,
      title: text.slice(0, 40),
      data: [new TextEncoder().encode(text)],
    });
    return { certificate, algorithm, signature };
  } finally {
    bridge.close();
  }
}
