// Verifies a signature in the browser (Web Cryptography), with the key of its certificate.

const CURVES = { ES256: "P-256", ES384: "P-384", ES512: "P-521" };

export const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
export const decode = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

/** Return the SubjectPublicKeyInfo of a certificate: the seventh of its fields (RFC 5280, 4.1). */
export function publicKeyOf(der) {
  const read = (at) => {
    let [length, start] = [der[at + 1], at + 2];
    if (length & 0x80) {
      const more = length & 0x7f;
      length = der.subarray(start, start + more).reduce((sum, byte) => sum * 256 + byte, 0);
      start += more;
    }
    return { start, end: start + length };
  };
  let at = read(read(0).start).start;
  // The version may be left out: serial, signature, issuer, validity and subject come before the key.
  for (let skip = der[at] === 0xa0 ? 6 : 5; skip > 0; skip -= 1) at = read(at).end;
  return der.subarray(at, read(at).end);
}

function parameters(algorithm) {
  const hash = `SHA-${algorithm.slice(2)}`;
  if (algorithm === "EdDSA") return { name: "Ed25519" };
  if (algorithm.startsWith("ES")) return { name: "ECDSA", namedCurve: CURVES[algorithm], hash };
  if (algorithm.startsWith("PS")) return { name: "RSA-PSS", hash, saltLength: algorithm.slice(2) / 8 };
  return { name: "RSASSA-PKCS1-v1_5", hash };
}

/** Return whether the signature is right; null where this browser does not know the algorithm. */
export async function isRight(key, algorithm, text, signature) {
  const how = parameters(algorithm);
  try {
    const known = await crypto.subtle.importKey("spki", key, how, false, ["verify"]);
    return await crypto.subtle.verify(how, known, signature, new TextEncoder().encode(text));
  } catch (error) {
    if (error.name === "NotSupportedError") return null;
    throw error;
  }
}

/** Return what is signed of a text: its hash, or for EdDSA the text itself. */
export async function digestOf(algorithm, text) {
  const bytes = new TextEncoder().encode(text);
  return algorithm === "EdDSA" ? bytes : crypto.subtle.digest(`SHA-${algorithm.slice(2)}`, bytes);
}
