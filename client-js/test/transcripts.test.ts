import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { fromBase64, toBase64 } from "../src/base64.ts";
import type { Bridge } from "../src/bridge.ts";
import { connect } from "../src/connect.ts";
import { BridgeError, SigningFailure } from "../src/errors.ts";
import type { Lease } from "../src/lease.ts";
import type { Methods } from "../src/protocol.ts";
import type { Progress } from "../src/rpc.ts";
import { INFO as INFO_OF_NOW, ScriptedBrowser, type ScriptedSocket } from "./browser.ts";

/** A step of `tests/protocol/client.json`; its README says what each means. */
interface Step {
  readonly id: number;
  readonly call?: keyof Methods;
  // biome-ignore lint/suspicious/noExplicitAny: as wide as the wire
  readonly params?: any;
  readonly receive?: { readonly id: number; readonly method: string; readonly params: object };
  // biome-ignore lint/suspicious/noExplicitAny: as wide as the wire
  readonly send?: any;
  readonly result?: unknown;
  readonly failure?: {
    readonly reason: string;
    readonly data: object;
    readonly signatures?: string[];
  };
  readonly event?: { readonly method: string; readonly params: object };
  readonly progress?: Progress;
  readonly abort?: number;
  readonly close?: number;
  readonly reason?: string;
  readonly lost?: number;
}

interface Transcript {
  readonly name: string;
  readonly steps: readonly Step[];
}

const FILE = new URL("../../tests/protocol/client.json", import.meta.url);
const TRANSCRIPTS: readonly Transcript[] = JSON.parse(await readFile(FILE, "utf8"));
const MESSAGES = { ja: "説明", en: "explanation" };
/** `connect()` has asked for `bridge.info` by then, as its first request. */
const GREETED = 1;

/** A call under way. */
interface Call {
  readonly answer: Promise<unknown>;
  readonly caller: AbortController;
  readonly progress: Progress[];
}

/** One client and the socket that plays the daemon. */
class Stage {
  readonly bridge: Bridge;
  readonly socket: ScriptedSocket;
  readonly calls = new Map<number, Call>();
  readonly events: { method: string; params: unknown }[] = [];
  lease: Lease | undefined;

  constructor(bridge: Bridge, socket: ScriptedSocket) {
    this.bridge = bridge;
    this.socket = socket;
    const dispatch = bridge.dispatchEvent.bind(bridge);
    bridge.dispatchEvent = (event: Event) => {
      this.events.push({ method: event.type, params: (event as CustomEvent).detail });
      return dispatch(event);
    };
  }

  call(id: number, method: keyof Methods, params: never): void {
    const caller = new AbortController();
    const progress: Progress[] = [];
    const options = { signal: caller.signal, onProgress: (told: Progress) => progress.push(told) };
    const answer = this.#ask(method, params, options);
    answer.catch(() => {});
    this.calls.set(id, { answer, caller, progress });
  }

  /** Call what stands for a method in this client; return its result as it stands on the wire. */
  // biome-ignore lint/suspicious/noExplicitAny: as wide as the wire
  async #ask(method: keyof Methods, params: any, options: any): Promise<unknown> {
    const { bridge } = this;
    const all = { ...params, ...options };
    switch (method) {
      case "bridge.info":
        // What connect() asks for; the bridge itself has no other way to ask.
        return bridge.info;
      case "site.status":
        return bridge.siteStatus(params.grants, options);
      case "site.request":
        return bridge.requestGrants(params.grants, options);
      case "reader.list":
        return { readers: await bridge.readers(options) };
      case "certificate.list":
        return { certificates: await bridge.certificates(all) };
      case "pin.status":
        return bridge.pinStatus(params.key, options);
      case "pin.verify": {
        this.lease = await bridge.verifyPin(all);
        const { id, key, expiresInSeconds } = this.lease;
        return { id, key, expiresInSeconds };
      }
      case "pin.change":
        return (await bridge.changePin(all)) ?? {};
      case "pin.unblock":
        return (await bridge.unblockPin(all)) ?? {};
      case "puk.change":
        return (await bridge.changePuk(all)) ?? {};
      case "lease.release":
        return (await this.lease?.release(options)) ?? {};
      case "authentication.create":
        return bridge.authenticate(all);
      case "signature.create":
        return this.#sign({ ...all, digests: params.digests.map(fromBase64) });
      case "document.sign": {
        const content = fromBase64(params.content);
        return { document: toBase64(await bridge.signDocument({ ...all, content })) };
      }
      case "rpc.discover":
        return bridge.discover(options);
      default:
        assert.fail(`${method} stands for nothing here`);
    }
  }

  // biome-ignore lint/suspicious/noExplicitAny: as wide as the wire
  async #sign(request: any): Promise<unknown> {
    if (request.onError !== "continue") {
      const signatures = await this.bridge.sign(request);
      return { signatures: signatures.map(toBase64), failures: [] };
    }
    const each = await this.bridge.signEach(request);
    const failures = each.filter((one) => one instanceof SigningFailure);
    return {
      signatures: each.map((one) => (one instanceof SigningFailure ? null : toBase64(one))),
      failures: failures.map(({ index, reason, messages }) => ({ index, reason, messages })),
    };
  }

  of(id: number): Call {
    const call = this.calls.get(id);
    assert(call);
    return call;
  }
}

/** Return a `send` step as a frame, with the ids that this client has. */
function frame(told: Step["send"]): object {
  if (told.method) {
    return { jsonrpc: "2.0", ...told, params: shifted(told.method, told.params) };
  }
  const answer = { jsonrpc: "2.0", ...told, id: told.id + GREETED };
  if (told.error) {
    const { code = 4321, ...data } = told.error;
    return { ...answer, error: { code, message: "", data: { messages: MESSAGES, ...data } } };
  }
  return answer;
}

/** Return params with the ids of requests that this client has. */
function shifted(method: string, params: { readonly id?: number }): object {
  const byId = ["request.progress", "request.cancel", "pin.prompting", "pin.prompted"];
  return byId.includes(method) ? { ...params, id: Number(params.id) + GREETED } : params;
}

async function play(stage: Stage, step: Step): Promise<void> {
  const { call, receive, send, event, failure, abort, close, lost } = step;
  if (call !== undefined) {
    stage.call(step.id, call, step.params as never);
  } else if (receive) {
    const got = await stage.socket.requests.take();
    const params = shifted(receive.method, receive.params);
    assert.deepEqual(got, { jsonrpc: "2.0", ...receive, id: receive.id + GREETED, params });
  } else if (send) {
    stage.socket.receives(frame(send));
  } else if ("result" in step) {
    assert.deepEqual(await stage.of(step.id).answer, step.result);
  } else if (failure) {
    const error = await stage.of(step.id).answer.catch((cause: unknown) => cause);
    assert(error instanceof BridgeError);
    const { reason, data, signatures } = error;
    assert.deepEqual({ reason, data }, { reason: failure.reason, data: failure.data });
    assert.deepEqual(signatures.map(toBase64), failure.signatures ?? []);
    assert.equal(error.messages.ja, MESSAGES.ja);
  } else if (event) {
    const params = shifted(event.method, event.params);
    assert.deepEqual(stage.events.shift(), { method: event.method, params });
  } else if (step.progress) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(stage.of(step.id).progress.shift(), step.progress);
  } else if (abort !== undefined) {
    stage.of(abort).caller.abort();
    await assert.rejects(stage.of(abort).answer, { reason: "aborted" });
  } else if (close !== undefined) {
    const closed = once(stage.bridge, "close");
    stage.socket.closes(close);
    const [{ detail }] = await closed;
    assert.deepEqual([detail.code, detail.error.reason], [close, step.reason]);
  } else if (lost !== undefined) {
    await assert.rejects(stage.of(lost).answer, { reason: "connection-lost" });
  } else {
    assert.fail(`not understood: ${JSON.stringify(step)}`);
  }
}

suite("the client follows the transcripts of the protocol", () => {
  for (const { name, steps } of TRANSCRIPTS) {
    test(name, async () => {
      const browser = new ScriptedBrowser("granted");
      const connecting = connect({ environment: browser.environment });
      const socket = await browser.sockets.take();
      socket.opens();
      const [asked, received, answered] = steps;
      const greeting = asked?.call === "bridge.info";
      const info = greeting ? steps.find(({ send }) => send?.result)?.send.result : INFO_OF_NOW;
      if (greeting) {
        assert(received?.receive && answered?.send);
        for (const { send } of steps.filter(({ send }) => send?.method)) {
          socket.receives(frame(send));
        }
      }
      const request = await socket.answers(info);
      assert.deepEqual(request, { jsonrpc: "2.0", id: 1, method: "bridge.info", params: {} });
      const stage = new Stage(await connecting, socket);
      if (greeting) {
        // A later daemon's members are there, and nothing but what this version knows is read.
        const { result } = steps.at(-1) as { result: object };
        for (const [member, value] of Object.entries(result)) {
          assert.deepEqual(stage.bridge.info[member as keyof Bridge["info"]], value);
        }
        return;
      }
      for (const step of steps) {
        await play(stage, step);
      }
      assert.deepEqual(
        stage.events.filter(({ method }) => method !== "close"),
        [],
      );
      assert.equal(socket.requests.size, 0);
    });
  }
});
