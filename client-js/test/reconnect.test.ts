import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, mock, suite, test } from "node:test";
import type { Bridge } from "../src/bridge.ts";
import { connect } from "../src/connect.ts";
import type { ClosedEvent, OpenedEvent } from "../src/events.ts";
import type { Permission } from "../src/permission.ts";
import { INFO, ScriptedBrowser, type ScriptedSocket } from "./browser.ts";
import { Daemon } from "./daemon.ts";

const ORIGIN = "http://localhost:1234";
const PIN = "123456";

async function next<T>(bridge: Bridge, type: "open" | "close"): Promise<T> {
  const [event] = await once(bridge, type);
  return event.detail;
}

async function open(browser: ScriptedBrowser, reconnect = true) {
  const connecting = connect({ reconnect, environment: browser.environment });
  const socket = await accept(browser);
  return { bridge: await connecting, socket };
}

async function accept(browser: ScriptedBrowser): Promise<ScriptedSocket> {
  const socket = await browser.sockets.take();
  socket.opens();
  await socket.answers(INFO);
  return socket;
}

function granted(queries: number): Permission[] {
  return Array<Permission>(queries).fill("granted");
}

suite("a bridge that connects again", () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    mock.method(Math, "random", () => 1);
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  for (const code of [1001, 1006, 4408]) {
    test(`does so after ${code}`, async () => {
      const browser = new ScriptedBrowser(...granted(2));
      const { bridge, socket } = await open(browser);
      const closed = next<ClosedEvent>(bridge, "close");
      const call = bridge.readers();
      await socket.requests.take();
      socket.closes(code);
      await assert.rejects(call, { reason: "connection-lost" });
      assert((await closed).reconnecting);
      assert(!bridge.open);
      await assert.rejects(bridge.readers(), { reason: "connection-lost" });

      const opened = next<OpenedEvent>(bridge, "open");
      mock.timers.tick(250);
      const second = await accept(browser);
      assert.deepEqual(await opened, { info: INFO });
      assert(bridge.open);
      assert.equal(second.requests.size, 0, "a call was sent again");
      browser.finish();
    });
  }

  for (const code of [1000, 1002, 4400, 4403, 4409, 4429, 4500]) {
    test(`does not after ${code}`, async () => {
      const browser = new ScriptedBrowser("granted");
      const { bridge, socket } = await open(browser);
      const closed = next<ClosedEvent>(bridge, "close");
      socket.closes(code);
      assert(!(await closed).reconnecting);
      mock.timers.tick(60_000);
      browser.finish();
    });
  }

  test("does not where it was not asked to", async () => {
    const browser = new ScriptedBrowser("granted");
    const { bridge, socket } = await open(browser, false);
    const closed = next<ClosedEvent>(bridge, "close");
    socket.closes(1001);
    assert(!(await closed).reconnecting);
    mock.timers.tick(60_000);
    browser.finish();
  });

  test("waits longer each time, and ten seconds at the most", async () => {
    const delays = [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000];
    const browser = new ScriptedBrowser(...granted(2 + 2 * delays.length));
    const { bridge, socket } = await open(browser);
    socket.closes(1006);
    for (const delay of delays) {
      await settled();
      mock.timers.tick(delay - 1);
      await settled();
      assert.equal(browser.sockets.size, 0, `tried before ${delay} ms`);
      mock.timers.tick(1);
      (await browser.sockets.take()).closes(1006);
    }
    await settled();
    mock.timers.tick(10_000);
    await accept(browser);
    assert(bridge.open);
    browser.finish();
  });

  test("waits longer too where connections do not last, and begins anew after one that did", async () => {
    const browser = new ScriptedBrowser(...granted(4));
    const { socket } = await open(browser);
    socket.closes(1006);
    mock.timers.tick(250);
    const second = await accept(browser);
    await settled();
    second.closes(1006);
    mock.timers.tick(499);
    await settled();
    assert.equal(browser.sockets.size, 0);
    mock.timers.tick(1);
    const third = await accept(browser);
    await settled();
    browser.clock = 10_000;
    third.closes(1006);
    mock.timers.tick(250);
    await accept(browser);
    browser.finish();
  });

  test("varies the wait, lest all pages come at the same time", async () => {
    mock.method(Math, "random", () => 0);
    const browser = new ScriptedBrowser(...granted(2));
    const { socket } = await open(browser);
    socket.closes(1006);
    mock.timers.tick(125);
    await accept(browser);
    browser.finish();
  });

  test("ends where the browser blocks the page meanwhile", async () => {
    const browser = new ScriptedBrowser("granted", "denied");
    const { bridge, socket } = await open(browser);
    socket.closes(1006);
    const closed = next<ClosedEvent>(bridge, "close");
    mock.timers.tick(250);
    const { error, reconnecting } = await closed;
    assert.deepEqual([error?.reason, reconnecting], ["blocked", false]);
    mock.timers.tick(60_000);
    browser.finish();
  });

  test("ends where the daemon allows the site no longer", async () => {
    const browser = new ScriptedBrowser(...granted(2));
    const { bridge, socket } = await open(browser);
    socket.closes(1006);
    mock.timers.tick(250);
    const second = await browser.sockets.take();
    second.opens();
    await second.requests.take();
    const closed = next<ClosedEvent>(bridge, "close");
    second.closes(4403);
    assert.equal((await closed).error?.reason, "site-not-allowed");
    browser.finish();
  });

  test("ends when the page closes it", async () => {
    const browser = new ScriptedBrowser(...granted(2));
    const { bridge, socket } = await open(browser);
    socket.closes(1006);
    const closed = next<ClosedEvent>(bridge, "close");
    bridge.close();
    assert.deepEqual(await closed, { code: 1006, error: null, reconnecting: false });
    mock.timers.tick(60_000);
    assert.equal(browser.sockets.size, 0);
  });

  test("ends when the page closes it in the middle of an attempt", async () => {
    const browser = new ScriptedBrowser(...granted(2));
    const { bridge, socket } = await open(browser);
    socket.closes(1006);
    mock.timers.tick(250);
    const second = await browser.sockets.take();
    second.opens();
    const { id } = await second.requests.take();
    const closed = next<ClosedEvent>(bridge, "close");
    bridge.close();
    assert.equal((await closed).error, null);
    assert(second.closed);
    second.receives({ jsonrpc: "2.0", id, result: INFO });
    assert(!bridge.open);
  });
});

suite("a daemon that was killed", () => {
  test("is found again when it is back, and its events come to the same bridge", async () => {
    const daemon = await Daemon.start("ebid", `${ORIGIN}=certificates,sign,page-pin`);
    const bridge = await connect({ ...daemon.from(ORIGIN), reconnect: true });
    const lease = await verify(bridge);
    const closed = next<ClosedEvent>(bridge, "close");
    await daemon.kill();
    const { code, reconnecting } = await closed;
    assert.deepEqual([code, reconnecting, lease.active], [1006, true, false]);

    const opened = next<OpenedEvent>(bridge, "open");
    await daemon.restart();
    assert.equal((await opened).info.origin, ORIGIN);
    assert.equal((await bridge.readers()).length, 1);
    const ended = once(bridge, "lease.ended");
    const { id } = await verify(bridge);
    await verify(bridge);
    const [event] = await ended;
    assert.deepEqual(event.detail, { lease: id, cause: "replaced" });
    bridge.close();
    await daemon.stop();
  });
});

/** Let everything run that waits for no timer. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function verify(bridge: Bridge) {
  const [certificate] = await bridge.certificates({ usage: "signature" });
  assert(certificate);
  return bridge.verifyPin({ key: certificate.id, pin: PIN });
}
