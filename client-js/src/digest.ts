import type { Algorithm } from "./protocol.ts";

/**
 * Hash `data` as `algorithm` wants it; needs a secure context (https, or http on loopback).
 *
 * `EdDSA` hashes by itself: it signs the data as it is, 2048 bytes at most.
 */
export async function digestFor(
  algorithm: Algorithm,
  data: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  if (algorithm === "EdDSA") {
    return data;
  }
  const hash = `SHA-${algorithm.slice(2)}`;
  return new Uint8Array(await crypto.subtle.digest(hash, data));
}
