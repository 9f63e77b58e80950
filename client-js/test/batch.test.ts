import assert from "node:assert/strict";
import { randomBytes, verify, X509Certificate } from "node:crypto";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import type { Bridge } from "../src/bridge.ts";
import { connect } from "../src/connect.ts";
import { BridgeError, SigningFailure } from "../src/errors.ts";
import type { Lease } from "../src/lease.ts";
import { type Certificate, MAX_DIGESTS } from "../src/protocol.ts";
import type { Progress } from "../src/rpc.ts";
import { Daemon, recording } from "./daemon.ts";

const ORIGIN = "http://localhost:1234";
const PIN = "123456";
/** As many as one request may have: the end of a batch is far when its first progress is told. */
const TOTAL = MAX_DIGESTS;

function documents(count: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: count }, () => Uint8Array.from(randomBytes(16)));
}

async function digests(data: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array[]> {
  const hashes = data.map((one) => crypto.subtle.digest("SHA-256", one));
  return (await Promise.all(hashes)).map((hash) => new Uint8Array(hash));
}

suite("a batch on a card", () => {
  let daemon: Daemon;
  let bridge: Bridge;
  let certificate: Certificate;
  let lease: Lease;
  let received: object[];
  before(async () => {
    daemon = await Daemon.start("ebid", `${ORIGIN}=certificates,sign,page-pin`);
  });
  beforeEach(async () => {
    received = [];
    bridge = await connect(recording(daemon.from(ORIGIN), received));
    const [found] = await bridge.certificates({ usage: "signature" });
    assert(found);
    certificate = found;
    lease = await bridge.verifyPin({ key: certificate.id, pin: PIN });
  });
  afterEach(() => bridge.close());
  after(() => daemon.stop());

  const request = () => ({ certificate: certificate.id, algorithm: "RS256" }) as const;

  function assertVerifies(signature: Uint8Array | undefined, document: Uint8Array | undefined) {
    assert(certificate.x509 && signature && document);
    const { publicKey } = new X509Certificate(Buffer.from(certificate.x509.der, "base64"));
    assert(verify("sha256", document, publicKey, signature));
  }

  test("tells its progress, which never goes back and ends at the total", async () => {
    const total = 200;
    const data = documents(total);
    const told: Progress[] = [];
    const onProgress = (progress: Progress) => told.push(progress);
    const signatures = await bridge.signData({ ...request(), data, onProgress });
    assert.equal(signatures.length, total);
    for (const [index, signature] of signatures.entries()) {
      assertVerifies(signature, data[index]);
    }
    const done = told.map((progress) => progress.done);
    assert.deepEqual(
      done,
      [...new Set(done)].sort((a, b) => a - b),
    );
    assert.deepEqual(told.at(-1), { done: total, total });
  });

  test("stops when it is aborted, and leaves the card usable", async () => {
    const controller = new AbortController();
    const signing = bridge.signData({
      ...request(),
      data: documents(TOTAL),
      signal: controller.signal,
      onProgress: () => controller.abort("enough"),
    });
    await assert.rejects(signing, { name: "BridgeError", reason: "aborted", cause: "enough" });

    const data = documents(1);
    const [signature] = await bridge.signData({ ...request(), data });
    assertVerifies(signature, data[0]);
    const ended = received.find((message) => "error" in message) as
      | { error: { data: { reason: string; signatures: string[] } } }
      | undefined;
    assert.equal(ended?.error.data.reason, "cancelled");
    const { length } = ended.error.data.signatures;
    assert(length > 0 && length < TOTAL, `${length} were made`);
  });

  test("that ends early brings the signatures that were made", async () => {
    const data = documents(TOTAL);
    let releasing: Promise<void> | undefined;
    const onProgress = () => {
      releasing ??= lease.release();
    };
    const signing = bridge.signData({ ...request(), data, onProgress });
    const error = await signing.catch((rejection: unknown) => rejection);
    assert(error instanceof BridgeError && error.is("pin-required"), String(error));
    await releasing;
    const { length } = error.signatures;
    assert(length > 0 && length < TOTAL, `${length} were made`);
    for (const [index, signature] of error.signatures.entries()) {
      assertVerifies(signature, data[index]);
    }
  });

  test("goes on after a failure where it is asked to", async () => {
    const data = documents(TOTAL);
    let releasing: Promise<void> | undefined;
    const results = await bridge.signEach({
      ...request(),
      digests: await digests(data),
      onProgress: () => {
        releasing ??= lease.release();
      },
    });
    await releasing;
    assert.equal(results.length, TOTAL);
    const made = results.findIndex((result) => result instanceof SigningFailure);
    assert(made > 0, `the first failure is ${made}`);
    for (const [index, result] of results.entries()) {
      if (index < made) {
        assert(result instanceof Uint8Array);
        assertVerifies(result, data[index]);
      } else {
        assert(result instanceof SigningFailure);
        assert.deepEqual([result.index, result.reason], [index, "pin-required"]);
        assert.match(result.messages.ja, /PIN/);
        assert.match(result.messages.en, /PIN/);
      }
    }
  });

  test("without a failure is all signatures", async () => {
    const data = documents(2);
    const results = await bridge.signEach({ ...request(), digests: await digests(data) });
    for (const [index, result] of results.entries()) {
      assert(result instanceof Uint8Array);
      assertVerifies(result, data[index]);
    }
  });

  test("is described in the daemon's OpenRPC document", async () => {
    const { openrpc, methods } = await bridge.discover();
    assert.match(openrpc, /^1\.\d/);
    const described = new Set(methods.map(({ name }) => name));
    assert.deepEqual(
      bridge.info.methods.filter((method) => !described.has(method)),
      [],
    );
  });
});
