import { Bridge } from "./bridge.ts";
import { diagnose } from "./diagnose.ts";
import { BridgeError, ConnectError, reasonOfClose } from "./errors.ts";
import { type Messages, PERMISSION_HINT } from "./messages.ts";
import { type Permission, queryPermission } from "./permission.ts";
import { type BridgeInfo, DEFAULT_PORT, SUBPROTOCOL } from "./protocol.ts";
import { Redial } from "./reconnect.ts";
import { Rpc } from "./rpc.ts";
import { type Opening, openSocket, type Socket, type SocketConstructor } from "./socket.ts";

/** How to reach the daemon. */
export interface ConnectOptions {
  /** Where it listens, `ws://127.0.0.1:24781/v1` unless given. */
  readonly url?: string | undefined;
  /** A `wss:` address to try where the browser refuses `url` itself (Safari). */
  readonly secureUrl?: string | undefined;
  /** Ends the attempt; `connect()` then rejects with reason `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the browser seems to be asking the person: show "choose Allow" in the page. */
  readonly onHint?: ((hint: Messages) => void) | undefined;
  /** The longest wait for the browser and the person to let the page through: 5 minutes. */
  readonly timeoutMs?: number | undefined;
  /**
   * Connect again by itself when the daemon went away for a passing reason: events then go on
   * coming from the same `Bridge`. Calls that were under way fail; none is sent again.
   */
  readonly reconnect?: boolean | undefined;
  /** What stands in for the browser outside of one. */
  readonly environment?: Partial<Environment> | undefined;
}

/** What `connect()` needs from the browser. */
export interface Environment {
  readonly WebSocket: SocketConstructor;
  readonly queryPermission: () => Promise<Permission>;
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number;
}

/** Takes an open connection over before any later message is read. */
type Adopt<T> = (rpc: Rpc, info: BridgeInfo) => T;

interface Attempt extends ConnectOptions, Environment {}

/** A person may read and answer a question for this long; the daemon waits as long. */
const ASKING_MS = 300_000;
/** A daemon on this computer answers in less, where nobody is asked. */
const ANSWER_MS = 10_000;
/** A socket that is not open by then waits for the browser's question. */
const HINT_MS = 600;

/**
 * Connect to the daemon; rejects with a `ConnectError` whose `messages` say what to do.
 *
 * Call it from a click, so that the browser's question has a context. It resolves once the
 * daemon has answered. A site that the person has not met is connected too and may do nothing
 * yet: `bridge.requestGrants()` asks. Reason `site-not-allowed` means that the site is denied.
 *
 * ```ts
 * const bridge = await connect({ onHint: (hint) => show(hint.ja) });
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<Bridge> {
  const attempt: Attempt = {
    ...options,
    WebSocket: options.environment?.WebSocket ?? globalThis.WebSocket,
    queryPermission: options.environment?.queryPermission ?? queryPermission,
    now: options.environment?.now ?? (() => performance.now()),
  };
  return dial(attempt, (rpc, info) => new Bridge(rpc, info, redial(attempt)));
}

/** Return how a bridge gets its next connection; null where it shall not. */
function redial(attempt: Attempt): Redial<Adopt<void>> | null {
  if (!attempt.reconnect) {
    return null;
  }
  return new Redial((adopt, signal) => dial({ ...attempt, signal }, adopt), attempt.now);
}

/** Open a socket and wait for the daemon's first answer, which `adopt` gets. */
async function dial<T>(attempt: Attempt, adopt: Adopt<T>): Promise<T> {
  const before = await attempt.queryPermission();
  throwIfAborted(attempt.signal);
  if (before === "denied") {
    throw new ConnectError("blocked");
  }
  const url = attempt.url ?? `ws://127.0.0.1:${DEFAULT_PORT}/v1`;
  return greet(await reach(url, before, attempt), attempt.signal, adopt);
}

/** Open a socket, with another attempt where the first one could not succeed. */
async function reach(url: string, before: Permission, attempt: Attempt): Promise<Socket> {
  const opening = await open(url, before, attempt);
  if (opening.kind === "open") {
    return opening.socket;
  }
  const after = await attempt.queryPermission();
  throwIfAborted(attempt.signal);
  const verdict = diagnose({ opening, before, after });
  if (verdict === "retry") {
    return reach(url, after, attempt);
  }
  if (verdict === "browser-unsupported" && attempt.secureUrl !== undefined) {
    return reachSecure(attempt.secureUrl, before, attempt);
  }
  throw new ConnectError(verdict, causeOf(opening));
}

/** Open the `wss:` address of a browser that allows no other; its failure stays the browser's. */
async function reachSecure(url: string, before: Permission, attempt: Attempt): Promise<Socket> {
  const opening = await open(url, before, attempt);
  if (opening.kind === "open") {
    return opening.socket;
  }
  throwIfAborted(attempt.signal);
  throw new ConnectError("browser-unsupported", causeOf(opening));
}

/** Make one attempt, and hint at the browser's question while it lasts. */
async function open(url: string, permission: Permission, attempt: Attempt): Promise<Opening> {
  const asking = permission !== "granted";
  const hint = asking ? setTimeout(() => attempt.onHint?.(PERMISSION_HINT), HINT_MS) : undefined;
  try {
    return await openSocket(url, {
      WebSocket: attempt.WebSocket,
      protocol: SUBPROTOCOL,
      timeoutMs: asking ? (attempt.timeoutMs ?? ASKING_MS) : ANSWER_MS,
      signal: attempt.signal,
    });
  } finally {
    clearTimeout(hint);
  }
}

/** Wait for the first answer: a site that is not allowed is let in, then closed with 4403. */
async function greet<T>(
  socket: Socket,
  signal: AbortSignal | undefined,
  adopt: Adopt<T>,
): Promise<T> {
  const rpc = new Rpc(socket);
  const slow = new AbortController();
  const timer = setTimeout(() => slow.abort(), ANSWER_MS);
  try {
    return await rpc.call(
      "bridge.info",
      {},
      {
        signal: AbortSignal.any(signal ? [signal, slow.signal] : [slow.signal]),
        decode: (info) => adopt(rpc, supported(info)),
      },
    );
  } catch (error) {
    rpc.close();
    throwIfAborted(signal);
    throw error instanceof BridgeError ? connectError(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Return the info of a daemon that speaks this protocol; any other cannot be understood. */
function supported(info: BridgeInfo): BridgeInfo {
  if (!info.protocols.includes(SUBPROTOCOL)) {
    throw new TypeError(`The daemon speaks ${info.protocols} only.`);
  }
  return info;
}

function connectError(cause: BridgeError): ConnectError | BridgeError {
  if (cause.is("connection-lost")) {
    return new ConnectError(reasonOfClose(cause.data.closeCode), cause);
  }
  if (cause.is("aborted")) {
    return new ConnectError("timeout", cause);
  }
  return cause.is("bad-reply") ? new ConnectError("version-mismatch", cause) : cause;
}

function causeOf(opening: Opening): unknown {
  return opening.kind === "refused" ? opening.cause : undefined;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new ConnectError("aborted", signal.reason);
  }
}
