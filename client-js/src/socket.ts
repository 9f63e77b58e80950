/** The part of `WebSocket` this client uses; the browser's, Node's and `ws`'s all fit. */
export interface Socket {
  readonly protocol: string;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number }) => void): void;
}

/** Opens a socket, as `new WebSocket(url, protocols)` does. */
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** How one attempt to open a socket ended. */
export type Opening =
  | { readonly kind: "open"; readonly socket: Socket }
  | { readonly kind: "closed"; readonly code: number }
  | { readonly kind: "refused"; readonly cause?: unknown }
  | { readonly kind: "timeout" }
  | { readonly kind: "aborted" };

interface OpeningOptions {
  readonly WebSocket: SocketConstructor;
  readonly protocol: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** How long `close` may follow `error`. Browsers that block silently never send it. */
const CLOSE_AFTER_ERROR_MS = 250;

/**
 * Open one socket and tell how it went; never rejects.
 *
 * `refused` means that the browser itself stood in the way: the constructor threw, or `error`
 * came without `close`.
 */
export function openSocket(url: string, options: OpeningOptions): Promise<Opening> {
  const { signal, timeoutMs } = options;
  let socket: Socket;
  try {
    socket = new options.WebSocket(url, [options.protocol]);
  } catch (cause) {
    return Promise.resolve({ kind: "refused", cause });
  }
  return new Promise((resolve) => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    const settle = (opening: Opening) => {
      timers.forEach(clearTimeout);
      signal?.removeEventListener("abort", onAbort);
      resolve(opening);
    };
    const giveUp = (kind: "aborted" | "timeout" | "refused") => {
      settle({ kind });
      socket.close();
    };
    const onAbort = () => giveUp("aborted");
    signal?.addEventListener("abort", onAbort);
    timers.add(setTimeout(() => giveUp("timeout"), timeoutMs));
    socket.addEventListener("open", () => settle({ kind: "open", socket }));
    socket.addEventListener("close", ({ code }) => settle({ kind: "closed", code }));
    socket.addEventListener("error", () => {
      timers.add(setTimeout(() => giveUp("refused"), CLOSE_AFTER_ERROR_MS));
    });
  });
}
