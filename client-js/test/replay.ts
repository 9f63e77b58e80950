import assert from "node:assert/strict";
import { on, once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket as WsSocket } from "ws";
import { SUBPROTOCOL } from "../src/protocol.ts";
import { INFO } from "./browser.ts";

/** One line of a conversation, as the daemon sees it. */
export type Step =
  | { readonly receive: object }
  | { readonly send: object | string | Buffer }
  | { readonly close: number }
  | { readonly terminate: true }
  | { readonly closed: true };

/** The first two lines of every conversation that `connect()` begins. */
export const GREETING: readonly Step[] = [
  { receive: { jsonrpc: "2.0", id: 1, method: "bridge.info", params: {} } },
  { send: { jsonrpc: "2.0", id: 1, result: INFO } },
];

/** Return the lines of one request and its answer. */
export function exchange(id: number, method: string, params: object, result: object): Step[] {
  return [
    { receive: { jsonrpc: "2.0", id, method, params } },
    { send: { jsonrpc: "2.0", id, result } },
  ];
}

/** Return the lines of one request and its failure. */
export function failure(
  id: number,
  method: string,
  params: object,
  reason: string,
  data: object = {},
): Step[] {
  const messages = { ja: `${reason} の説明`, en: `What ${reason} means` };
  const error = { code: 4321, message: messages.en, data: { reason, messages, ...data } };
  return [
    { receive: { jsonrpc: "2.0", id, method, params } },
    { send: { jsonrpc: "2.0", id, error } },
  ];
}

/** A real WebSocket server that plays one conversation and checks what it is sent. */
export class Replay implements AsyncDisposable {
  readonly url: string;
  /** Settles when the last step was played; rejects at the first line that differs. */
  readonly finished: Promise<void>;
  readonly #server: WebSocketServer;

  static async start(...steps: readonly Step[]): Promise<Replay> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    return new Replay(server, steps);
  }

  private constructor(server: WebSocketServer, steps: readonly Step[]) {
    this.#server = server;
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    this.finished = once(server, "connection").then(([socket]) => play(socket, steps));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#server.clients) {
      client.terminate();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function play(socket: WsSocket, steps: readonly Step[]): Promise<void> {
  assert.equal(socket.protocol, SUBPROTOCOL);
  const closed = once(socket, "close");
  const requests = on(socket, "message", { close: ["close"] });
  for (const step of steps) {
    if ("receive" in step) {
      const { value, done } = await requests.next();
      assert(!done, `closed before ${JSON.stringify(step.receive)}`);
      assert.deepEqual(JSON.parse(String(value[0])), step.receive);
    } else if ("send" in step) {
      const { send } = step;
      socket.send(typeof send === "string" || Buffer.isBuffer(send) ? send : JSON.stringify(send));
    } else if ("close" in step) {
      socket.close(step.close);
    } else if ("terminate" in step) {
      socket.terminate();
    } else {
      await closed;
    }
  }
}
