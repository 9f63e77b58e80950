import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { suite, test } from "node:test";
import { WebSocket as WsWebSocket } from "ws";
import type { Bridge } from "../src/bridge.ts";
import { connect } from "../src/connect.ts";
import {
  BridgeError,
  ConnectError,
  type ErrorReason,
  explain,
  SigningFailure,
} from "../src/errors.ts";
import type { ClosedEvent } from "../src/events.ts";
import type { Progress } from "../src/rpc.ts";
import type { SocketConstructor } from "../src/socket.ts";
import { exchange, failure, GREETING, Replay, type Step } from "./replay.ts";

/** Play a conversation against a bridge and check that both ends saw all of it. */
async function converse(
  steps: readonly Step[],
  talk: (bridge: Bridge) => Promise<void>,
  WebSocket: SocketConstructor = globalThis.WebSocket,
): Promise<void> {
  await using replay = await Replay.start(...GREETING, ...steps);
  const talking = connect({ url: replay.url, environment: { WebSocket } }).then(talk);
  await Promise.all([talking, replay.finished]);
}

async function assertFails(call: Promise<unknown>, reason: ErrorReason): Promise<BridgeError> {
  const error = await call.then(
    () => assert.fail("the call succeeded"),
    (rejection: unknown) => rejection,
  );
  assert(error instanceof BridgeError, String(error));
  assert.equal(error.reason, reason);
  return error;
}

async function next<T>(bridge: Bridge, type: string): Promise<T> {
  const [event] = await once(bridge, type);
  return event.detail;
}

const LEASE = { id: "lease-1", key: "key-1", expiresInSeconds: 60 };
const CANCELLED = { code: 4401, message: "cancelled", data: { reason: "cancelled" } };
const FILTER = {
  issuers: ["CN=CA,C=JP"],
  keyUsage: ["nonRepudiation"],
  policies: ["1.2.392.1"],
  validOnly: true,
} as const;
const READER = { id: "r1", name: "Reader", state: "empty", pinpad: false, card: null };

suite("each method sends what the protocol says", () => {
  for (const [name, WebSocket] of [
    ["the WebSocket of Node", globalThis.WebSocket],
    ["ws", WsWebSocket],
  ] as const) {
    test(`readers over ${name}`, () =>
      converse(
        exchange(2, "reader.list", {}, { readers: [READER] }),
        async (bridge) => assert.deepEqual(await bridge.readers(), [READER]),
        WebSocket,
      ));
  }

  test("certificates, with the filter that was given", () =>
    converse(
      [
        ...exchange(2, "certificate.list", {}, { certificates: [] }),
        ...exchange(3, "certificate.list", { usage: "signature" }, { certificates: [] }),
        ...exchange(4, "certificate.list", FILTER, { certificates: [] }),
      ],
      async (bridge) => {
        assert.deepEqual(await bridge.certificates(), []);
        await bridge.certificates({ usage: "signature", reader: undefined });
        await bridge.certificates({
          ...FILTER,
          signal: AbortSignal.timeout(60_000),
        });
      },
    ));

  test("pinStatus", () => {
    const status = { label: "PIN", triesLeft: 3, blocked: false, verified: false };
    return converse(exchange(2, "pin.status", { key: "k" }, status), async (bridge) =>
      assert.deepEqual(await bridge.pinStatus("k"), status),
    );
  });

  test("verifyPin, which leaves out what was not given", () =>
    converse(exchange(2, "pin.verify", { key: "key-1" }, LEASE), async (bridge) => {
      const lease = await bridge.verifyPin({ key: "key-1" });
      assert.deepEqual([lease.id, lease.key, lease.expiresInSeconds], ["lease-1", "key-1", 60]);
      assert(lease.active);
    }));

  test("verifyPin with everything", () => {
    const params = { key: "key-1", pin: "123456", leaseSeconds: 30, acceptLastTry: true };
    return converse(exchange(2, "pin.verify", params, LEASE), async (bridge) => {
      await bridge.verifyPin({ ...params, signal: AbortSignal.timeout(60_000) });
    });
  });

  test("authenticate gives the token as it came", () => {
    const token = {
      unverifiedCertificate: "MIIB",
      algorithm: "RS256",
      signature: "c2ln",
      format: "web-eid:1.0",
      appVersion: "https://bridged.example/1.0.0",
    };
    const params = { certificate: "c", challenge: "x".repeat(44) };
    return converse(exchange(2, "authentication.create", params, token), async (bridge) =>
      assert.deepEqual(await bridge.authenticate(params), token),
    );
  });

  test("signDocument, which leaves out what was not given", () => {
    const params = { certificate: "c", format: "cades", content: "aGVsbG8=" } as const;
    const answer = { document: "MAA=" };
    return converse(exchange(2, "document.sign", params, answer), async (bridge) => {
      const content = new TextEncoder().encode("hello");
      const signed = await bridge.signDocument({ ...params, content, title: undefined });
      assert.deepEqual(signed, new Uint8Array([0x30, 0]));
    });
  });

  test("signDocument with everything", () => {
    const params = {
      certificate: "c",
      format: "xades",
      content: "aGVsbG8=",
      level: "B-T",
      detached: true,
      title: "入札書",
      fileName: "入札書.xml",
      reason: "r",
      location: "l",
    } as const;
    const content = new TextEncoder().encode("hello");
    return converse(
      failure(2, "document.sign", params, "document-malformed", { format: "xades", detail: "d" }),
      async (bridge) => {
        const error = await assertFails(
          bridge.signDocument({ ...params, content }),
          "document-malformed",
        );
        assert(error.is("document-malformed"));
        assert.equal(error.data.detail, "d");
      },
    );
  });

  test("sign, in base64 both ways", () => {
    const digests = [new Uint8Array(32).fill(255), new Uint8Array(32)];
    const params = {
      certificate: "c",
      algorithm: "ES256",
      digests: digests.map((digest) => Buffer.from(digest).toString("base64")),
      title: "利用者登録",
    };
    const answer = { signatures: ["AAEC/w==", "/w=="] };
    return converse(exchange(2, "signature.create", params, answer), async (bridge) => {
      const signatures = await bridge.sign({
        certificate: "c",
        algorithm: "ES256",
        digests,
        title: "利用者登録",
      });
      assert.deepEqual(signatures, [Uint8Array.of(0, 1, 2, 255), Uint8Array.of(255)]);
    });
  });

  for (const [algorithm, hash] of [
    ["RS256", "sha256"],
    ["PS384", "sha384"],
    ["ES512", "sha512"],
  ] as const) {
    test(`signData hashes with ${hash} for ${algorithm}`, () => {
      const data = ["一", "二"].map((text) => new TextEncoder().encode(text));
      const digests = data.map((one) => createHash(hash).update(one).digest("base64"));
      const params = { certificate: "c", algorithm, digests };
      const answer = { signatures: ["AA==", "AQ=="] };
      return converse(exchange(2, "signature.create", params, answer), async (bridge) => {
        const signatures = await bridge.signData({ certificate: "c", algorithm, data });
        assert.deepEqual(signatures, [Uint8Array.of(0), Uint8Array.of(1)]);
      });
    });
  }

  test("signData leaves the hashing to EdDSA", () => {
    const data = [new TextEncoder().encode("一")];
    const params = { certificate: "c", algorithm: "EdDSA", digests: ["5LiA"] };
    const answer = { signatures: ["AA=="] };
    return converse(exchange(2, "signature.create", params, answer), async (bridge) => {
      const request = { certificate: "c", algorithm: "EdDSA", data } as const;
      assert.deepEqual(await bridge.signData(request), [Uint8Array.of(0)]);
    });
  });
});

suite("a batch", () => {
  const request = {
    certificate: "c",
    algorithm: "RS256",
    digests: [new Uint8Array(32), new Uint8Array(32)],
  } as const;
  const zeros = Buffer.alloc(32).toString("base64");
  const params = { certificate: "c", algorithm: "RS256", digests: [zeros, zeros] };
  const progress = (id: number, done: number) => ({
    send: { jsonrpc: "2.0", method: "request.progress", params: { id, done, total: 2 } },
  });

  test("tells its own progress and not that of another call", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "signature.create", params } },
        progress(2, 1),
        progress(99, 2),
        progress(2, 2),
        { send: { jsonrpc: "2.0", id: 2, result: { signatures: ["AA==", "AQ=="], failures: [] } } },
      ],
      async (bridge) => {
        const told: Progress[] = [];
        await bridge.sign({ ...request, onProgress: (one) => told.push(one) });
        assert.deepEqual(told, [
          { done: 1, total: 2 },
          { done: 2, total: 2 },
        ]);
      },
    ));

  test("that was aborted tells no progress any more", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "signature.create", params } },
        progress(2, 1),
        progress(2, 2),
        ...exchange(3, "request.cancel", { id: 2 }, { cancelled: true }),
        { send: { jsonrpc: "2.0", id: 2, error: CANCELLED } },
        ...exchange(4, "reader.list", {}, { readers: [] }),
      ],
      async (bridge) => {
        const controller = new AbortController();
        const told: number[] = [];
        const onProgress = ({ done }: Progress) => {
          told.push(done);
          controller.abort();
        };
        const signing = bridge.sign({ ...request, onProgress, signal: controller.signal });
        await assertFails(signing, "aborted");
        await bridge.readers();
        assert.deepEqual(told, [1]);
      },
    ));

  test("that ended early brings the signatures that were made", () =>
    converse(
      failure(2, "signature.create", params, "card-removed", { signatures: ["AAEC"] }),
      async (bridge) => {
        const error = await assertFails(bridge.sign(request), "card-removed");
        assert.deepEqual(error.signatures, [Uint8Array.of(0, 1, 2)]);
        assert.deepEqual(error.data, {});
      },
    ));

  test("that goes on has a signature or the reason for each digest", () => {
    const messages = { ja: "カードがありません。", en: "No card." };
    const failures = [{ index: 0, reason: "card-fault", messages }];
    const result = { signatures: [null, "AA=="], failures };
    return converse(
      exchange(2, "signature.create", { ...params, onError: "continue" }, result),
      async (bridge) => {
        const [first, second] = await bridge.signEach(request);
        assert(first instanceof SigningFailure);
        assert.deepEqual({ ...first }, failures[0]);
        assert.equal(explain(first, "ja"), messages.ja);
        assert.deepEqual(second, Uint8Array.of(0));
      },
    );
  });

  test("with a signature missing and no reason is a bad reply", () =>
    converse(
      [
        ...exchange(2, "signature.create", params, { signatures: [null, "AA=="], failures: [] }),
        { closed: true },
      ],
      async (bridge) => {
        await assertFails(bridge.sign(request), "bad-reply");
      },
    ));
});

suite("a failure of the daemon", () => {
  test("keeps its reason, code, sentences and fields", () =>
    converse(
      failure(2, "pin.verify", { key: "k", pin: "9" }, "pin-incorrect", { triesLeft: 2 }),
      async (bridge) => {
        const error = await assertFails(bridge.verifyPin({ key: "k", pin: "9" }), "pin-incorrect");
        assert(error.is("pin-incorrect"));
        assert.equal(error.data.triesLeft, 2);
        assert.equal(error.code, 4321);
        assert.deepEqual(error.messages, {
          ja: "pin-incorrect の説明",
          en: "What pin-incorrect means",
        });
        assert.equal(error.message, "What pin-incorrect means");
        assert(!error.is("no-card"));
      },
    ));

  test("leaves the connection usable", () =>
    converse(
      [
        ...failure(2, "reader.list", {}, "busy"),
        ...exchange(3, "reader.list", {}, { readers: [] }),
      ],
      async (bridge) => {
        await assertFails(bridge.readers(), "busy");
        assert.deepEqual(await bridge.readers(), []);
      },
    ));

  test("without an id fails what is pending, for it names no request", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } },
        {
          send: {
            jsonrpc: "2.0",
            id: null,
            error: { code: -32700, message: "bad", data: { reason: "parse-error" } },
          },
        },
      ],
      async (bridge) => {
        await assertFails(bridge.readers(), "parse-error");
      },
    ));

  test("without a reason is a bad reply", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } },
        { send: { jsonrpc: "2.0", id: 2, error: { code: 1, message: "what?" } } },
      ],
      async (bridge) => {
        const error = await assertFails(bridge.readers(), "bad-reply");
        assert.match(String(error.cause), /what\?/);
      },
    ));
});

suite("answers", () => {
  test("may come in another order than the requests", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "pin.status", params: { key: "a" } } },
        { receive: { jsonrpc: "2.0", id: 3, method: "pin.status", params: { key: "b" } } },
        { send: { jsonrpc: "2.0", id: 3, result: { label: "b" } } },
        { send: { jsonrpc: "2.0", id: 2, result: { label: "a" } } },
      ],
      async (bridge) => {
        const both = await Promise.all([bridge.pinStatus("a"), bridge.pinStatus("b")]);
        assert.deepEqual(
          both.map(({ label }) => label),
          ["a", "b"],
        );
      },
    ));

  test("to nobody are ignored", () =>
    converse(
      [
        { send: { jsonrpc: "2.0", id: 99, result: {} } },
        { send: { jsonrpc: "2.0", id: 98, error: { code: 1, message: "late" } } },
        ...exchange(2, "reader.list", {}, { readers: [] }),
      ],
      async (bridge) => {
        await bridge.readers();
      },
    ));

  const unreadable: [string, object | string | Buffer][] = [
    ["no JSON", "{"],
    ["no object", "[]"],
    ["null", "null"],
    ["a binary frame", Buffer.from("{}")],
    ["neither response nor notification", { jsonrpc: "2.0" }],
    ["an error that is no object", { jsonrpc: "2.0", id: 2, error: "no" }],
    ["a notification without params", { jsonrpc: "2.0", method: "lease.ended" }],
    ["a result of the wrong shape", { jsonrpc: "2.0", id: 2, result: { signatures: 1 } }],
    ["a signature that is not base64", { jsonrpc: "2.0", id: 2, result: { signatures: ["*"] } }],
  ];
  for (const [name, send] of unreadable) {
    test(`that are ${name} fail the call and end the connection`, () => {
      const params = { certificate: "c", algorithm: "RS256", digests: [] } as const;
      return converse(
        [
          { receive: { jsonrpc: "2.0", id: 2, method: "signature.create", params } },
          { send },
          { closed: true },
        ],
        async (bridge) => {
          const closed = next<ClosedEvent>(bridge, "close");
          await assertFails(bridge.sign(params), "bad-reply");
          assert.equal((await closed).error?.reason, "connection-lost");
          await assertFails(bridge.readers(), "connection-lost");
        },
      );
    });
  }
});

suite("the end of a connection", () => {
  for (const [step, code, reason] of [
    [{ terminate: true }, 1006, "connection-lost"],
    [{ close: 1001 }, 1001, "going-away"],
    [{ close: 4403 }, 4403, "site-not-allowed"],
    [{ close: 4429 }, 4429, "too-many-requests"],
  ] as const) {
    test(`with ${code} fails every pending call and tells ${reason}`, () =>
      converse(
        [
          { receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } },
          { receive: { jsonrpc: "2.0", id: 3, method: "certificate.list", params: {} } },
          step,
        ],
        async (bridge) => {
          const closed = next<ClosedEvent>(bridge, "close");
          const calls = [bridge.readers(), bridge.certificates()];
          for (const outcome of await Promise.allSettled(calls)) {
            assert.equal(outcome.status, "rejected");
            const error = outcome.reason;
            assert(error instanceof BridgeError && error.is("connection-lost"));
            assert.equal(error.data.closeCode, code);
          }
          const detail = await closed;
          assert.equal(detail.code, code);
          assert(detail.error instanceof ConnectError);
          assert.equal(detail.error.reason, reason);
          assert(!bridge.open);
          await assertFails(bridge.readers(), "connection-lost");
        },
      ));
  }

  test("by the page fails pending calls and is no error", () =>
    converse(
      [{ receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } }, { closed: true }],
      async (bridge) => {
        const closed = next<ClosedEvent>(bridge, "close");
        const call = bridge.readers();
        bridge.close();
        await assertFails(call, "connection-lost");
        assert.deepEqual(await closed, { code: 1000, error: null, reconnecting: false });
      },
    ));
});

suite("a signal", () => {
  test("that has fired sends nothing", () =>
    converse([], async (bridge) => {
      const error = await assertFails(
        bridge.readers({ signal: AbortSignal.abort("enough") }),
        "aborted",
      );
      assert.equal(error.cause, "enough");
    }));

  test("ends the wait and leaves the connection usable", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } },
        ...exchange(3, "request.cancel", { id: 2 }, { cancelled: true }),
        { receive: { jsonrpc: "2.0", id: 4, method: "reader.list", params: {} } },
        { send: { jsonrpc: "2.0", id: 2, error: CANCELLED } },
        { send: { jsonrpc: "2.0", id: 4, result: { readers: [] } } },
      ],
      async (bridge) => {
        const controller = new AbortController();
        const call = bridge.readers({ signal: controller.signal });
        controller.abort();
        await assertFails(call, "aborted");
        assert.deepEqual(await bridge.readers(), []);
      },
    ));

  test("that fires after the answer cancels nothing", () =>
    converse(
      [
        ...exchange(2, "reader.list", {}, { readers: [] }),
        ...exchange(3, "reader.list", {}, { readers: [] }),
      ],
      async (bridge) => {
        const controller = new AbortController();
        await bridge.readers({ signal: controller.signal });
        controller.abort();
        await bridge.readers();
      },
    ));

  test("that fires after the end of the connection cancels nothing", () =>
    converse(
      [{ receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } }, { close: 1001 }],
      async (bridge) => {
        const controller = new AbortController();
        await assertFails(bridge.readers({ signal: controller.signal }), "connection-lost");
        controller.abort();
      },
    ));

  test("that fires before the PIN is verified gives the late lease back", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "pin.verify", params: { key: "key-1" } } },
        { receive: { jsonrpc: "2.0", id: 3, method: "request.cancel", params: { id: 2 } } },
        { receive: { jsonrpc: "2.0", id: 4, method: "reader.list", params: {} } },
        { send: { jsonrpc: "2.0", id: 2, result: LEASE } },
        { send: { jsonrpc: "2.0", id: 3, result: { cancelled: false } } },
        { send: { jsonrpc: "2.0", id: 4, result: { readers: [] } } },
        {
          receive: { jsonrpc: "2.0", id: 5, method: "lease.release", params: { lease: "lease-1" } },
        },
      ],
      async (bridge) => {
        const controller = new AbortController();
        const verifying = bridge.verifyPin({ key: "key-1", signal: controller.signal });
        controller.abort();
        await assertFails(verifying, "aborted");
        await bridge.readers();
      },
    ));
});

suite("notifications", () => {
  for (const method of ["reader.added", "reader.removed", "card.inserted", "card.removed"]) {
    test(`${method} is an event with the reader`, () =>
      converse(
        [
          { receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } },
          { send: { jsonrpc: "2.0", method, params: { reader: READER } } },
        ],
        async (bridge) => {
          const event = next(bridge, method);
          bridge.readers().catch(() => {});
          assert.deepEqual(await event, { reader: READER });
        },
      ));
  }

  test("of a newer daemon are ignored", () =>
    converse(
      [
        { receive: { jsonrpc: "2.0", id: 2, method: "reader.list", params: {} } },
        { send: { jsonrpc: "2.0", method: "close", params: {} } },
        { send: { jsonrpc: "2.0", method: "toString", params: {} } },
        { send: { jsonrpc: "2.0", id: 2, result: { readers: [] } } },
      ],
      async (bridge) => {
        const events: CustomEvent[] = [];
        bridge.addEventListener("close", (event) => events.push(event));
        await bridge.readers();
        assert.deepEqual(events, []);
      },
    ));
});
