import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, suite, test } from "node:test";
import { type ConnectOptions, connect } from "../src/connect.ts";
import { ConnectError, type ConnectReason } from "../src/errors.ts";
import type { Messages } from "../src/messages.ts";
import type { Permission } from "../src/permission.ts";
import { INFO, ScriptedBrowser, type ScriptedSocket } from "./browser.ts";

function start(browser: ScriptedBrowser, options: ConnectOptions = {}) {
  return connect({ ...options, environment: browser.environment });
}

async function assertFails(connecting: Promise<unknown>, reason: ConnectReason) {
  await assert.rejects(connecting, (error) => {
    assert(error instanceof ConnectError);
    assert.equal(error.reason, reason);
    return true;
  });
}

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

suite("a site that is allowed", () => {
  test("gets a bridge once the daemon has answered", async () => {
    const browser = new ScriptedBrowser("granted");
    const connecting = start(browser);
    const socket = await browser.sockets.take();
    assert.equal(socket.url, "ws://127.0.0.1:24781/v1");
    assert.deepEqual(socket.protocols, ["bridged.v1"]);
    socket.opens();
    const request = await socket.answers(INFO);
    assert.deepEqual(request, { jsonrpc: "2.0", id: 1, method: "bridge.info", params: {} });
    const bridge = await connecting;
    assert.deepEqual(bridge.info, INFO);
    assert(bridge.open);
    browser.finish();
  });

  test("is told to update where the daemon speaks another version only", async () => {
    const browser = new ScriptedBrowser("granted");
    const connecting = start(browser);
    const socket = await browser.sockets.take();
    socket.opens();
    await socket.answers({ ...INFO, protocols: ["bridged.v2"] });
    await assertFails(connecting, "version-mismatch");
    assert(socket.closed);
  });

  test("is told to update where something else answers", async () => {
    const browser = new ScriptedBrowser("granted");
    const connecting = start(browser);
    const socket = await browser.sockets.take();
    socket.opens();
    await socket.requests.take();
    socket.receives("220 mail.example ESMTP");
    await assertFails(connecting, "version-mismatch");
    assert(socket.closed);
  });
});

suite("a socket that does not open", () => {
  const closes = (code: number) => (socket: ScriptedSocket) => {
    socket.fails();
    socket.closes(code);
  };
  const silent = (socket: ScriptedSocket) => {
    socket.fails();
    mock.timers.tick(250);
  };
  type Row = [string, Permission, Permission, (socket: ScriptedSocket) => void, ConnectReason];
  // What happened, permission before and after, how the socket ends, the reason.
  const rows: Row[] = [
    ["denied while it waited", "prompt", "denied", closes(1006), "blocked"],
    ["denied while it was granted", "granted", "denied", closes(1006), "blocked"],
    ["denied without a close", "prompt", "denied", silent, "blocked"],
    ["still to be asked", "prompt", "prompt", closes(1006), "unreached"],
    ["to be asked again", "granted", "prompt", closes(1006), "unreached"],
    ["granted all along", "granted", "granted", closes(1006), "not-running"],
    ["a browser that asks nothing", "unknown", "unknown", closes(1006), "not-running"],
    ["TLS that failed", "unknown", "unknown", closes(1015), "browser-unsupported"],
    ["an error without a close", "unknown", "unknown", silent, "browser-unsupported"],
    ["a reason at once", "granted", "granted", closes(4409), "too-many-connections"],
  ];
  for (const [name, before, after, end, reason] of rows) {
    test(`${name} is ${reason}`, async () => {
      const browser = new ScriptedBrowser(before, after);
      const connecting = start(browser);
      const socket = await browser.sockets.take();
      end(socket);
      await assertFails(connecting, reason);
      assert(socket.closed);
      browser.finish();
    });
  }

  test("is not tried where the permission is denied", async () => {
    const browser = new ScriptedBrowser("denied");
    await assertFails(start(browser), "blocked");
    browser.finish();
  });

  test("is tried once more when the person has said Allow", async () => {
    const browser = new ScriptedBrowser("prompt", "granted");
    const connecting = start(browser);
    (await browser.sockets.take()).closes(1006);
    const second = await browser.sockets.take();
    second.opens();
    await second.answers(INFO);
    await connecting;
    browser.finish();
  });

  test("is tried only once more", async () => {
    const browser = new ScriptedBrowser("prompt", "granted", "granted");
    const connecting = start(browser);
    (await browser.sockets.take()).closes(1006);
    (await browser.sockets.take()).closes(1006);
    await assertFails(connecting, "not-running");
    browser.finish();
  });

  test("of a constructor that throws keeps what it threw", async () => {
    const browser = new ScriptedBrowser("unknown", "unknown");
    const cause = new DOMException("The operation is insecure.", "SecurityError");
    browser.refusal = cause;
    await assert.rejects(start(browser), { reason: "browser-unsupported", cause });
  });
});

suite("a browser that refuses ws", () => {
  const secureUrl = "wss://localhost:24782/v1";

  test("gets wss where the page knows an address", async () => {
    const browser = new ScriptedBrowser("unknown", "unknown");
    browser.refusal = new DOMException("The operation is insecure.", "SecurityError");
    const connecting = start(browser, { secureUrl });
    const socket = await browser.sockets.take();
    assert.equal(socket.url, secureUrl);
    socket.opens();
    await socket.answers(INFO);
    await connecting;
    browser.finish();
  });

  test("is unsupported where wss fails too", async () => {
    const browser = new ScriptedBrowser("unknown", "unknown");
    const connecting = start(browser, { secureUrl });
    (await browser.sockets.take()).closes(1015);
    (await browser.sockets.take()).closes(1006);
    await assertFails(connecting, "browser-unsupported");
    browser.finish();
  });
});

suite("a socket that opens and closes", () => {
  const codes: [number, ConnectReason][] = [
    [1001, "going-away"],
    [1006, "connection-lost"],
    [4400, "version-mismatch"],
    [4403, "site-not-allowed"],
    [4408, "too-slow"],
    [4409, "too-many-connections"],
    [4429, "too-many-requests"],
    [4500, "misconfigured"],
  ];
  for (const [code, reason] of codes) {
    test(`with ${code} is ${reason}`, async () => {
      const browser = new ScriptedBrowser("granted");
      const connecting = start(browser);
      const socket = await browser.sockets.take();
      socket.opens();
      await socket.requests.take();
      socket.closes(code);
      await assertFails(connecting, reason);
      browser.finish();
    });
  }
});

suite("waiting", () => {
  test("hints at the browser's question after 600 ms, once", async () => {
    const hints: Messages[] = [];
    const browser = new ScriptedBrowser("prompt", "prompt");
    const connecting = start(browser, { onHint: (hint) => hints.push(hint) });
    const socket = await browser.sockets.take();
    mock.timers.tick(599);
    assert.equal(hints.length, 0);
    mock.timers.tick(1);
    assert.equal(hints.length, 1);
    assert.match(hints[0]?.ja ?? "", /許可/);
    assert.match(hints[0]?.en ?? "", /Allow/);
    socket.closes(1006);
    await assertFails(connecting, "unreached");
    mock.timers.tick(10_000);
    assert.equal(hints.length, 1);
  });

  test("hints at nothing where the permission is there or the socket opens", async () => {
    const hints: Messages[] = [];
    const onHint = (hint: Messages) => hints.push(hint);
    const granted = new ScriptedBrowser("granted");
    const connecting = start(granted, { onHint });
    const slow = await granted.sockets.take();
    mock.timers.tick(5000);
    slow.opens();
    await slow.answers(INFO);
    await connecting;
    const asking = new ScriptedBrowser("prompt");
    const again = start(asking, { onHint });
    const fast = await asking.sockets.take();
    mock.timers.tick(100);
    fast.opens();
    await fast.requests.take();
    mock.timers.tick(5000);
    fast.receives({ jsonrpc: "2.0", id: 1, result: INFO });
    await again;
    assert.deepEqual(hints, []);
  });

  for (const [permission, ms] of [
    ["prompt", 300_000],
    ["unknown", 300_000],
    ["granted", 10_000],
  ] as const) {
    test(`ends after ${ms} ms where the permission is ${permission}`, async () => {
      const browser = new ScriptedBrowser(permission, permission);
      const connecting = start(browser);
      const socket = await browser.sockets.take();
      mock.timers.tick(ms - 1);
      assert(!socket.closed);
      mock.timers.tick(1);
      await assertFails(connecting, "timeout");
      assert(socket.closed);
    });
  }

  test("ends after 10 s where the socket opens and nothing answers", async () => {
    const browser = new ScriptedBrowser("granted");
    const connecting = start(browser);
    const socket = await browser.sockets.take();
    socket.opens();
    await socket.requests.take();
    mock.timers.tick(10_000);
    await assertFails(connecting, "timeout");
    assert(socket.closed);
  });
});

suite("a signal", () => {
  test("that has fired opens no socket", async () => {
    const browser = new ScriptedBrowser("granted");
    await assertFails(start(browser, { signal: AbortSignal.abort() }), "aborted");
    browser.finish();
  });

  test("closes a socket that is opening", async () => {
    const browser = new ScriptedBrowser("prompt", "prompt");
    const controller = new AbortController();
    const connecting = start(browser, { signal: controller.signal });
    const socket = await browser.sockets.take();
    controller.abort("the person left");
    await assert.rejects(connecting, { reason: "aborted", cause: "the person left" });
    assert(socket.closed);
  });

  test("closes a socket that waits for its first answer", async () => {
    const browser = new ScriptedBrowser("granted");
    const controller = new AbortController();
    const connecting = start(browser, { signal: controller.signal });
    const socket = await browser.sockets.take();
    socket.opens();
    await socket.requests.take();
    controller.abort();
    await assertFails(connecting, "aborted");
    assert(socket.closed);
  });
});
