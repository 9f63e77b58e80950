import { ConnectError, type ConnectReason } from "./errors.ts";
import { CloseCode } from "./protocol.ts";

/** Ends of an open connection after which the daemon can be expected back (1006: it was cut). */
const PASSING_CODES: ReadonlySet<number> = new Set([
  CloseCode.GOING_AWAY,
  1006,
  CloseCode.TOO_SLOW,
]);

/** Failures of an attempt that another one may not meet; this browser has let the page through. */
const PASSING_REASONS: ReadonlySet<ConnectReason> = new Set<ConnectReason>([
  "not-running",
  "unreached",
  "timeout",
  "going-away",
  "connection-lost",
  "too-slow",
]);

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** A connection that lasted this long begins again with the first delay. */
const STEADY_MS = 10_000;

/** Tell whether a connection that was closed so may be opened again without the person. */
export function isPassing(code: number): boolean {
  return PASSING_CODES.has(code);
}

/** Dials again until it succeeds, ever more slowly, or fails for a reason that stays. */
export class Redial<T> {
  readonly #dial: (adopt: T, signal: AbortSignal) => Promise<unknown>;
  readonly #now: () => number;
  #attempts = 0;
  #openSince: number;

  constructor(dial: (adopt: T, signal: AbortSignal) => Promise<unknown>, now: () => number) {
    this.#dial = dial;
    this.#now = now;
    this.#openSince = now();
  }

  /** Dial until a connection is open; rejects with the `ConnectError` that ends it. */
  async run(adopt: T, signal: AbortSignal): Promise<void> {
    if (this.#now() - this.#openSince >= STEADY_MS) {
      this.#attempts = 0;
    }
    for (;;) {
      await pause(delayMs(this.#attempts++), signal);
      try {
        await this.#dial(adopt, signal);
        this.#openSince = this.#now();
        return;
      } catch (error) {
        if (error instanceof ConnectError && !PASSING_REASONS.has(error.reason)) {
          throw error;
        }
      }
    }
  }
}

/** Return a delay that doubles with each attempt; the jitter keeps pages from dialling together. */
function delayMs(attempt: number): number {
  const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return longest * (0.5 + Math.random() / 2);
}

/** Wait, but no longer than until `signal` fires. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, signal.aborted ? 0 : ms);
    signal.addEventListener("abort", done);
  });
}
