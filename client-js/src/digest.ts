import type { Algorithm } from "./protocol.ts";

/** Hash `data` as `algorithm` wants it; needs a secure context (https, or http on loopback). */
export async function digestFor(
  algorithm: Algorithm,
  data: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const hash = `SHA-${algorithm.slice(2)}`;
  return new Uint8Array(await crypto.subtle.digest(hash, data));
}
