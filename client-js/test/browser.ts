import assert from "node:assert/strict";
import type { Environment } from "../src/connect.ts";
import type { Permission } from "../src/permission.ts";
import type { Socket } from "../src/socket.ts";

/** A queue that can be awaited. */
class Mailbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) {
      taker(item);
    } else {
      this.#items.push(item);
    }
  }

  async take(): Promise<T> {
    const item = this.#items.shift();
    return item ?? new Promise<T>((resolve) => this.#takers.push(resolve));
  }

  get size(): number {
    return this.#items.length;
  }
}

export interface Request {
  readonly jsonrpc: string;
  readonly id: number;
  readonly method: string;
  readonly params: object;
}

/** A socket that does what the test says, as a browser's would. */
export class ScriptedSocket implements Socket {
  readonly protocol = "bridged.v1";
  readonly url: string;
  readonly protocols: readonly string[];
  readonly requests = new Mailbox<Request>();
  closed = false;
  readonly #events = new EventTarget();

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#events.addEventListener(type, listener as (event: Event) => void);
  }

  send(data: string): void {
    this.requests.put(JSON.parse(data));
  }

  close(): void {
    this.closed = true;
  }

  opens(): void {
    this.#events.dispatchEvent(new Event("open"));
  }

  receives(message: object | string): void {
    const data = typeof message === "string" ? message : JSON.stringify(message);
    this.#events.dispatchEvent(new MessageEvent("message", { data }));
  }

  /** Take the next request and answer it. */
  async answers(result: object): Promise<Request> {
    const request = await this.requests.take();
    this.receives({ jsonrpc: "2.0", id: request.id, result });
    return request;
  }

  fails(): void {
    this.#events.dispatchEvent(new Event("error"));
  }

  closes(code: number): void {
    this.closed = true;
    this.#events.dispatchEvent(new CloseEvent("close", { code }));
  }
}

/** A browser that answers permission queries from a list and hands out its sockets. */
export class ScriptedBrowser {
  /** Milliseconds. */
  clock = 0;
  /** Thrown by the next `new WebSocket`. */
  refusal: Error | null = null;
  readonly sockets = new Mailbox<ScriptedSocket>();
  readonly environment: Environment;
  readonly #permissions: Permission[];

  constructor(...permissions: Permission[]) {
    this.#permissions = permissions;
    const construct = (socket: ScriptedSocket) => this.#construct(socket);
    this.environment = {
      WebSocket: class extends ScriptedSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          construct(this);
        }
      },
      queryPermission: async () => {
        const permission = this.#permissions.shift();
        assert(permission, "the permission was queried once too often");
        return permission;
      },
      now: () => this.clock,
    };
  }

  /** Check that the script was played to its end. */
  finish(): void {
    assert.equal(this.sockets.size, 0, "a socket was opened that the test does not know");
    assert.deepEqual(this.#permissions, [], "the permission was queried too seldom");
  }

  #construct(socket: ScriptedSocket): void {
    const { refusal } = this;
    this.refusal = null;
    if (refusal) {
      throw refusal;
    }
    this.sockets.put(socket);
  }
}

export const INFO = {
  version: "1.0.0",
  protocols: ["bridged.v1"],
  methods: ["bridge.info"],
  origin: "https://portal.example",
  grants: ["certificates", "sign"],
  pinEntry: ["page"],
};
