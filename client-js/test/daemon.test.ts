import assert from "node:assert/strict";
import { createHash, type KeyObject, randomBytes, verify, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { after, afterEach, before, beforeEach, suite, test } from "node:test";
import type { Bridge } from "../src/bridge.ts";
import { connect } from "../src/connect.ts";
import { BridgeError, type ErrorReason } from "../src/errors.ts";
import type { Certificate, Usage } from "../src/protocol.ts";
import { Daemon } from "./daemon.ts";

const ORIGIN = "http://localhost:1234";
const NO_PAGE_PIN = "http://localhost:1235";
const PIN = "123456";
const WRONG_PIN = "654321";

async function assertFails(call: Promise<unknown>, reason: ErrorReason): Promise<BridgeError> {
  const error = await call.then(
    () => assert.fail("the call succeeded"),
    (rejection: unknown) => rejection,
  );
  assert(error instanceof BridgeError, String(error));
  assert.equal(error.reason, reason);
  return error;
}

async function one(bridge: Bridge, usage: Usage): Promise<Certificate> {
  const [certificate, ...others] = await bridge.certificates({ usage });
  assert(certificate);
  assert.equal(others.length, 0);
  return certificate;
}

function publicKey(certificate: Certificate): KeyObject {
  assert(certificate.x509);
  return new X509Certificate(Buffer.from(certificate.x509.der, "base64")).publicKey;
}

suite("the daemon", () => {
  let daemon: Daemon;
  let bridge: Bridge;
  before(async () => {
    const grants = `${ORIGIN}=certificates,sign,page-pin`;
    daemon = await Daemon.start("ebid", grants, `${NO_PAGE_PIN}=certificates,sign`);
  });
  beforeEach(async () => {
    bridge = await connect(daemon.from(ORIGIN));
  });
  afterEach(() => bridge.close());
  after(() => daemon.stop());

  test("tells what it is and what this site may do", () => {
    assert.equal(bridge.info.origin, ORIGIN);
    assert.deepEqual([...bridge.info.grants].sort(), ["certificates", "page-pin", "sign"]);
    assert(bridge.info.methods.includes("signature.create"));
  });

  test("connects a site that nobody has met, which may do nothing until it is allowed", async () => {
    const stranger = await connect(daemon.from("https://other.example"));
    assert.deepEqual(stranger.info.grants, []);
    await assertFails(stranger.readers(), "site-not-allowed");
    assert.deepEqual((await stranger.siteStatus()).missing, ["certificates", "sign"]);
    await assertFails(stranger.requestGrants(["certificates"]), "consent-unavailable");
    stranger.close();
  });

  test("asks nobody for what a site may do already", async () => {
    const { held, missing } = await bridge.requestGrants(["sign", "page-pin"]);
    assert.deepEqual([held, missing], [["certificates", "page-pin", "sign"], []]);
  });

  test("looks as if it were not there to an origin that may never connect", async () => {
    await assert.rejects(connect(daemon.from("null")), { reason: "not-running" });
  });

  test("lists the reader and the card", async () => {
    await bridge.certificates();
    const [reader, ...others] = await bridge.readers();
    assert.equal(others.length, 0);
    assert.equal(reader?.state, "present");
    assert.equal(reader?.card?.type, "piv");
  });

  test("lists a certificate for each usage, with its holder and PIN", async () => {
    const certificates = await bridge.certificates();
    assert.deepEqual(
      certificates.map(({ usage }) => usage),
      ["authentication", "signature"],
    );
    for (const { x509, pin, locked } of certificates) {
      assert(!locked);
      assert(x509?.holder.name);
      assert(new Date(x509.notAfter) > new Date());
      assert.equal(pin?.triesLeft, 3);
    }
    const [reader] = await bridge.readers();
    const same = await bridge.certificates({ reader: reader?.id });
    assert.equal(same.length, certificates.length);
  });

  test("says which parameter is wrong", async () => {
    const { id: key } = await one(bridge, "signature");
    const error = await assertFails(bridge.verifyPin({ key, leaseSeconds: 301 }), "invalid-params");
    assert(error.is("invalid-params"));
    assert.equal(error.data.path, "leaseSeconds");
  });

  test("signs nothing without the PIN", async () => {
    const { id: certificate } = await one(bridge, "signature");
    const digests = [new Uint8Array(32)];
    const signing = bridge.sign({ certificate, algorithm: "RS256", digests });
    await assertFails(signing, "pin-required");
  });

  test("counts a wrong PIN, and a right one makes up for it", async () => {
    const { id: key } = await one(bridge, "signature");
    const error = await assertFails(bridge.verifyPin({ key, pin: WRONG_PIN }), "pin-incorrect");
    assert(error.is("pin-incorrect"));
    assert.equal(error.data.triesLeft, 2);
    assert.match(error.messages.ja, /残り回数は2回/);
    assert.equal((await bridge.pinStatus(key)).triesLeft, 2);
    const lease = await bridge.verifyPin({ key, pin: PIN });
    assert((await bridge.pinStatus(key)).verified);
    await lease.release();
    const { triesLeft, verified } = await bridge.pinStatus(key);
    assert.deepEqual([triesLeft, verified], [3, false]);
  });

  test("changes a PIN, and changes it back", async () => {
    const { id: key } = await one(bridge, "signature");
    const newPin = "654321";
    await bridge.changePin({ key, pin: PIN, newPin });
    await assertFails(bridge.verifyPin({ key, pin: PIN }), "pin-incorrect");
    await bridge.changePin({ key, pin: newPin, newPin: PIN });
    assert.equal((await bridge.pinStatus(key)).triesLeft, 3);
  });

  test("counts a wrong PUK, and a right one sets the PIN", async () => {
    const { id: key } = await one(bridge, "signature");
    const wrong = bridge.unblockPin({ key, puk: "00000000", newPin: PIN });
    await assertFails(wrong, "pin-incorrect");
    await bridge.unblockPin({ key, puk: "12345678", newPin: PIN });
    const lease = await bridge.verifyPin({ key, pin: PIN });
    await lease.release();
  });

  test("changes the PUK, and changes it back", async () => {
    const { id: key } = await one(bridge, "signature");
    const [puk, newPuk] = ["12345678", "87654321"];
    await bridge.changePuk({ key, puk, newPuk });
    await assertFails(bridge.changePuk({ key, puk, newPuk }), "pin-incorrect");
    await bridge.changePuk({ key, puk: newPuk, newPuk: puk });
  });

  test("does not send a PIN that breaks the card's rules", async () => {
    const { id: key } = await one(bridge, "signature");
    const error = await assertFails(bridge.verifyPin({ key, pin: "12" }), "pin-format");
    assert(error.is("pin-format"));
    assert.equal(error.data.minLength, 6);
    assert.equal((await bridge.pinStatus(key)).triesLeft, 3);
  });

  test("takes no PIN from a page that may not ask for it", async () => {
    const other = await connect(daemon.from(NO_PAGE_PIN));
    const { id: key } = await one(other, "signature");
    const error = await assertFails(other.verifyPin({ key, pin: PIN }), "site-not-allowed");
    assert(error.is("site-not-allowed"));
    assert.equal(error.data.grant, "page-pin");
    other.close();
  });

  test("makes a token that a server can verify", async () => {
    const certificate = await one(bridge, "authentication");
    const lease = await bridge.verifyPin({ key: certificate.id, pin: PIN });
    const challenge = randomBytes(33).toString("base64");
    const token = await bridge.authenticate({ certificate: certificate.id, challenge });
    await lease.release();
    assert.equal(token.format, "web-eid:1.0");
    assert.equal(token.algorithm, "RS256");
    assert.equal(token.unverifiedCertificate, certificate.x509?.der);
    const hash = (text: string) => createHash("sha256").update(text).digest();
    const signed = Buffer.concat([hash(ORIGIN), hash(challenge)]);
    const signature = Buffer.from(token.signature, "base64");
    assert(verify("sha256", signed, publicKey(certificate), signature));
  });

  test("signs documents in order, and no more once the lease is released", async () => {
    const certificate = await one(bridge, "signature");
    const lease = await bridge.verifyPin({ key: certificate.id, pin: PIN, leaseSeconds: 30 });
    assert.equal(lease.key, certificate.id);
    const data = ["一", "二", "三"].map((text) => new TextEncoder().encode(text));
    const request = { certificate: certificate.id, algorithm: "RS256", data } as const;
    const signatures = await bridge.signData({ ...request, title: "申請書" });
    assert.equal(signatures.length, data.length);
    for (const [index, document] of data.entries()) {
      const signature = signatures[index];
      assert(signature && verify("sha256", document, publicKey(certificate), signature));
    }
    await lease.release();
    await assertFails(bridge.signData(request), "pin-required");
  });

  test("gives one page at a time the card, and the next one when the first has gone", async () => {
    const { id: key } = await one(bridge, "signature");
    await bridge.verifyPin({ key, pin: PIN });
    const other = await connect(daemon.from(ORIGIN));
    await assertFails(other.verifyPin({ key, pin: PIN }), "card-leased");
    const closed = once(bridge, "close");
    bridge.close();
    await closed;
    await (await other.verifyPin({ key, pin: PIN })).release();
    other.close();
  });

  test("ends an earlier lease on the same card", async () => {
    const authentication = await one(bridge, "authentication");
    const signature = await one(bridge, "signature");
    const ended = once(bridge, "lease.ended");
    const earlier = await bridge.verifyPin({ key: authentication.id, pin: PIN });
    const later = await bridge.verifyPin({ key: signature.id, pin: PIN });
    const [event] = await ended;
    assert.deepEqual(event.detail, { lease: earlier.id, cause: "replaced" });
    assert.deepEqual([earlier.active, later.active], [false, true]);
  });

  test("keeps every PIN out of what it writes", async () => {
    bridge.close();
    await daemon.stop();
    assert.match(daemon.output, /listening on/);
    assert(!daemon.output.includes(PIN));
    assert(!daemon.output.includes(WRONG_PIN));
  });
});

suite("a daemon that ends", () => {
  test("tells its pages that it goes away", async () => {
    const daemon = await Daemon.start("ebid", ORIGIN);
    const bridge = await connect(daemon.from(ORIGIN));
    const closed = once(bridge, "close");
    await daemon.stop();
    const [event] = await closed;
    assert.equal(event.detail.code, 1001);
    assert.equal(event.detail.error.reason, "going-away");
    await assertFails(bridge.readers(), "connection-lost");
    await assert.rejects(connect(daemon.from(ORIGIN)), { reason: "not-running" });
  });
});
