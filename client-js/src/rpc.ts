import { type BridgeError, callError, errorFromWire, type WireError } from "./errors.ts";
import type { CancelParams, Methods, Notifications, ProgressEvent } from "./protocol.ts";
import type { Socket } from "./socket.ts";

/** What every call takes. */
export interface CallOptions {
  /** Ends the wait and the daemon's work; the call then rejects with reason `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** How far a batch is. */
export type Progress = Pick<ProgressEvent, "done" | "total">;

/** A notification with its params. */
type AnyNotification = {
  [N in keyof Notifications]: { readonly method: N; readonly params: Notifications[N] };
}[keyof Notifications];

/** A notification that is not about one call. */
export type Notification = Exclude<AnyNotification, { method: "request.progress" }>;

interface RpcCallOptions<R, T> extends CallOptions {
  /** Turns the result into the caller's value before any later message is read. */
  readonly decode: (result: R) => T;
  /** Gets the value of a call that succeeded after its caller had given up. */
  readonly late?: ((value: T) => void) | undefined;
  /** Gets the progress of a call that is still waited for. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

interface PendingCall {
  succeed(result: unknown): void;
  fail(error: BridgeError): void;
  progress(event: ProgressEvent): void;
}

type Incoming =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number | null; readonly error: WireError }
  | AnyNotification;

/** The events of this version; a newer daemon may send more. */
const EVENTS: Readonly<Record<Notification["method"], true>> = {
  "reader.added": true,
  "reader.removed": true,
  "card.inserted": true,
  "card.removed": true,
  "lease.ended": true,
  "site.granted": true,
  "site.revoked": true,
  "pin.prompting": true,
  "pin.prompted": true,
};

/** How this end names the failure of a peer that breaks the protocol (RFC 6455, section 7.4.1). */
const PROTOCOL_ERROR = 1002;

/**
 * JSON-RPC 2.0 over one open socket.
 *
 * When the socket closes every pending call rejects with `connection-lost`. Requests are not
 * kept once they are sent, so that a PIN lives no longer than it must.
 */
export class Rpc {
  onNotification: (notification: Notification) => void = () => {};
  onClose: (code: number) => void = () => {};
  readonly #socket: Socket;
  readonly #pending = new Map<number, PendingCall>();
  #lastId = 0;
  #closeCode: number | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ code }) => this.onClose(this.#end(code)));
  }

  /** Whether the socket is open as far as this end knows. */
  get open(): boolean {
    return this.#closeCode === null;
  }

  /** Send one request and wait for its response; rejects with `BridgeError`. */
  async call<M extends keyof Methods, T>(
    method: M,
    params: Methods[M]["params"],
    options: RpcCallOptions<Methods[M]["result"], T>,
  ): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) {
      throw callError("aborted", {}, signal.reason);
    }
    if (this.#closeCode !== null) {
      throw callError("connection-lost", { closeCode: this.#closeCode });
    }
    const id = ++this.#lastId;
    const request = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const response = this.#expect(id, options);
    this.#socket.send(request);
    return response;
  }

  /** Let the daemon drop a request; the request's own answer says whether it did. */
  #cancel(request: number): void {
    const id = ++this.#lastId;
    const params: CancelParams = { id: request };
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "request.cancel", params }));
  }

  /** Close the socket and fail what is pending. */
  close(): void {
    this.#end(1000);
    this.#socket.close(1000);
  }

  #expect<R, T>(id: number, options: RpcCallOptions<R, T>): Promise<T> {
    const { decode, late, onProgress, signal } = options;
    return new Promise<T>((resolve, reject) => {
      const onAbort = () => {
        reject(callError("aborted", {}, signal?.reason));
        this.#cancel(id);
      };
      signal?.addEventListener("abort", onAbort);
      const settle = () => {
        this.#pending.delete(id);
        signal?.removeEventListener("abort", onAbort);
      };
      this.#pending.set(id, {
        succeed: (result) => {
          const value = decode(result as R);
          settle();
          resolve(value);
          if (signal?.aborted) {
            late?.(value);
          }
        },
        fail: (error) => {
          settle();
          reject(error);
        },
        progress: ({ done, total }) => {
          // Apart from here, so that what the page throws does not look like a bad message.
          queueMicrotask(() => signal?.aborted || onProgress?.({ done, total }));
        },
      });
    });
  }

  #receive(data: unknown): void {
    if (!this.open) {
      return;
    }
    try {
      this.#dispatch(parse(data));
    } catch (cause) {
      this.#failAll(() => callError("bad-reply", {}, cause));
      this.#end(PROTOCOL_ERROR);
      this.#socket.close();
    }
  }

  #dispatch(message: Incoming): void {
    if ("method" in message) {
      if (message.method === "request.progress") {
        this.#pending.get(Number(message.params.id))?.progress(message.params);
      } else if (Object.hasOwn(EVENTS, message.method)) {
        this.onNotification(message);
      }
    } else if ("error" in message) {
      const { id, error } = message;
      // Without an id the daemon could not read a request, and does not say which.
      const calls = id === null ? [...this.#pending.values()] : [this.#pending.get(id)];
      for (const call of calls) {
        call?.fail(errorFromWire(error));
      }
    } else {
      this.#pending.get(message.id)?.succeed(message.result);
    }
  }

  #end(code: number): number {
    const closeCode = this.#closeCode ?? code;
    this.#closeCode = closeCode;
    this.#failAll(() => callError("connection-lost", { closeCode }));
    return closeCode;
  }

  #failAll(error: () => BridgeError): void {
    for (const call of [...this.#pending.values()]) {
      call.fail(error());
    }
  }
}

/** Read one message of the daemon; throws where it is no response and no notification. */
function parse(data: unknown): Incoming {
  const message: unknown = typeof data === "string" ? JSON.parse(data) : null;
  if (!isObject(message)) {
    throw new TypeError("The message is not a JSON object in a text frame.");
  }
  const { method, params, result, error } = message;
  const known = typeof method === "string" ? isObject(params) : isObject(result) || isObject(error);
  if (!known) {
    throw new TypeError("The message is no response and no notification.");
  }
  return message as unknown as Incoming;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
