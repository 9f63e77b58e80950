import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Bridge } from "../src/bridge.ts";
import { connect } from "../src/connect.ts";
import type { LeaseEnd } from "../src/protocol.ts";
import { INFO, ScriptedBrowser, type ScriptedSocket } from "./browser.ts";

async function open(): Promise<{ bridge: Bridge; socket: ScriptedSocket }> {
  const browser = new ScriptedBrowser("granted");
  const connecting = connect({ environment: browser.environment });
  const socket = await browser.sockets.take();
  socket.opens();
  await socket.answers(INFO);
  return { bridge: await connecting, socket };
}

async function verify(bridge: Bridge, socket: ScriptedSocket, id = "lease-1") {
  const verifying = bridge.verifyPin({ key: "key-1", pin: "123456" });
  await socket.answers({ id, key: "key-1", expiresInSeconds: 60 });
  return verifying;
}

function ended(lease: string, cause: LeaseEnd = "card-removed") {
  return { jsonrpc: "2.0", method: "lease.ended", params: { lease, cause } };
}

function fail(id: number, reason: string) {
  return { jsonrpc: "2.0", id, error: { code: 1, message: reason, data: { reason } } };
}

suite("a lease", () => {
  test("is released once, however often it is asked", async () => {
    const { bridge, socket } = await open();
    const lease = await verify(bridge, socket);
    const releasing = Promise.all([lease.release(), lease.release()]);
    const request = await socket.answers({});
    assert.deepEqual([request.method, request.params], ["lease.release", { lease: "lease-1" }]);
    await releasing;
    assert(!lease.active);
    assert.equal(socket.requests.size, 0);
  });

  test("is released at the end of its block", async () => {
    const { bridge, socket } = await open();
    const block = async () => {
      await using lease = await verify(bridge, socket);
      assert(lease.active);
    };
    const running = block();
    assert.equal((await socket.answers({})).method, "lease.release");
    await running;
  });

  test("that ended is told, and not released again", async () => {
    const { bridge, socket } = await open();
    const lease = await verify(bridge, socket);
    const details: unknown[] = [];
    bridge.addEventListener("lease.ended", ({ detail }) => details.push(detail));
    socket.receives(ended("lease-1"));
    assert.deepEqual(details, [{ lease: "lease-1", cause: "card-removed" }]);
    assert(!lease.active);
    await lease.release();
    assert.equal(socket.requests.size, 0);
  });

  test("that ends in the same moment as it begins is not active", async () => {
    const { bridge, socket } = await open();
    const verifying = bridge.verifyPin({ key: "key-1" });
    const { id } = await socket.requests.take();
    const result = { id: "lease-1", key: "key-1", expiresInSeconds: 60 };
    socket.receives({ jsonrpc: "2.0", id, result });
    socket.receives(ended("lease-1"));
    assert(!(await verifying).active);
  });

  test("is replaced by a later one on the same card", async () => {
    const { bridge, socket } = await open();
    const earlier = await verify(bridge, socket, "lease-1");
    const verifying = bridge.verifyPin({ key: "key-2" });
    socket.receives(ended("lease-1", "replaced"));
    await socket.answers({ id: "lease-2", key: "key-2", expiresInSeconds: 60 });
    const later = await verifying;
    assert.deepEqual([earlier.active, later.active], [false, true]);
  });

  test("ends with the connection, and releasing it is no error", async () => {
    const { bridge, socket } = await open();
    const lease = await verify(bridge, socket);
    socket.closes(1006);
    assert(!lease.active);
    await lease.release();
  });

  test("whose connection ends while it is released is released", async () => {
    const { bridge, socket } = await open();
    const lease = await verify(bridge, socket);
    const releasing = lease.release();
    await socket.requests.take();
    socket.closes(1006);
    await releasing;
  });

  test("that the daemon has ended already is released", async () => {
    const { bridge, socket } = await open();
    const lease = await verify(bridge, socket);
    const releasing = lease.release();
    const { id } = await socket.requests.take();
    socket.receives(fail(id, "lease-ended"));
    await releasing;
  });

  test("that cannot be released for another reason says so", async () => {
    const { bridge, socket } = await open();
    const lease = await verify(bridge, socket);
    const releasing = lease.release();
    const { id } = await socket.requests.take();
    socket.receives(fail(id, "internal-error"));
    await assert.rejects(releasing, { reason: "internal-error" });
  });
});
