import assert from "node:assert/strict";
import { afterEach, suite, test } from "node:test";
import { queryPermission } from "../src/permission.ts";

const original = Object.getOwnPropertyDescriptor(globalThis, "navigator");

function browserKnows(states: Record<string, PermissionState>): string[] {
  const queried: string[] = [];
  const query = async ({ name }: { name: string }) => {
    queried.push(name);
    const state = states[name];
    if (state === undefined) {
      throw new TypeError(`${name} is not a permission`);
    }
    return { state };
  };
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: { permissions: { query } },
  });
  return queried;
}

afterEach(() => {
  if (original) {
    Object.defineProperty(globalThis, "navigator", original);
  }
  Reflect.deleteProperty(globalThis, "location");
});

function pageOf(hostname: string): void {
  Object.defineProperty(globalThis, "location", { configurable: true, value: { hostname } });
}

suite("the permission to reach this device", () => {
  test("is asked for by its present name", async () => {
    const queried = browserKnows({
      "loopback-network": "denied",
      "local-network-access": "granted",
    });
    assert.equal(await queryPermission(), "denied");
    assert.deepEqual(queried, ["loopback-network"]);
  });

  test("is asked for by its old name where the browser knows that alone", async () => {
    browserKnows({ "local-network-access": "prompt" });
    assert.equal(await queryPermission(), "prompt");
  });

  test("is unknown where the browser knows neither name", async () => {
    browserKnows({});
    assert.equal(await queryPermission(), "unknown");
  });

  for (const hostname of ["localhost", "portal.localhost", "127.0.0.1", "127.8.0.1", "[::1]"]) {
    test(`is not wanted on ${hostname}, which is this computer itself`, async () => {
      pageOf(hostname);
      browserKnows({ "loopback-network": "prompt" });
      assert.equal(await queryPermission(), "granted");
    });

    test(`is told where the browser denies it to ${hostname} all the same`, async () => {
      pageOf(hostname);
      browserKnows({ "loopback-network": "denied" });
      assert.equal(await queryPermission(), "denied");
    });
  }

  for (const hostname of ["portal.example", "localhost.example", "127.0.0.1.example", "10.0.0.1"]) {
    test(`is wanted on ${hostname}`, async () => {
      pageOf(hostname);
      browserKnows({ "loopback-network": "prompt" });
      assert.equal(await queryPermission(), "prompt");
    });
  }

  test("is unknown where nothing can be asked", async () => {
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: {} });
    assert.equal(await queryPermission(), "unknown");
  });
});
