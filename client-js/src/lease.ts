import { BridgeError } from "./errors.ts";
import type { Lease as WireLease } from "./protocol.ts";
import type { CallOptions } from "./rpc.ts";

/** The right of this connection to use one key without its PIN, for a short time. */
export class Lease {
  readonly id: string;
  /** The `id` of the certificate whose key may be used. */
  readonly key: string;
  readonly expiresInSeconds: number;
  #active = true;
  readonly #release: (options: CallOptions) => Promise<void>;

  /** @internal */
  constructor(
    { id, key, expiresInSeconds }: WireLease,
    release: (options: CallOptions) => Promise<void>,
  ) {
    this.id = id;
    this.key = key;
    this.expiresInSeconds = expiresInSeconds;
    this.#release = release;
  }

  /** Whether the key can still be used, as far as this page has been told. */
  get active(): boolean {
    return this.#active;
  }

  /** Give the key back, so that the card forgets the PIN; safe to call at any time. */
  async release(options: CallOptions = {}): Promise<void> {
    if (this.#active) {
      this.#active = false;
      await this.#release(options);
    }
  }

  /** @internal */
  end(): void {
    this.#active = false;
  }

  /** Release at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** The leases of a bridge; `release` gives one back to the daemon. */
export class Leases {
  readonly #held = new Map<string, Lease>();
  readonly #release: (lease: string, options: CallOptions) => Promise<void>;

  constructor(release: (lease: string, options: CallOptions) => Promise<void>) {
    this.#release = release;
  }

  /** Keep a lease that the daemon gave. */
  hold(wire: WireLease): Lease {
    const lease = new Lease(wire, (options) => this.#giveBack(wire.id, options));
    this.#held.set(wire.id, lease);
    return lease;
  }

  /** Note that a lease is over. */
  forget(lease: string): void {
    this.#held.get(lease)?.end();
    this.#held.delete(lease);
  }

  /** Note that all are: they go with the connection. */
  forgetAll(): void {
    for (const lease of this.#held.keys()) {
      this.forget(lease);
    }
  }

  async #giveBack(lease: string, options: CallOptions): Promise<void> {
    this.#held.delete(lease);
    try {
      await this.#release(lease, options);
    } catch (error) {
      // A connection that ended took its leases with it.
      const over = ["lease-ended", "connection-lost", "bad-reply"] as const;
      if (!(error instanceof BridgeError && over.some((reason) => error.is(reason)))) {
        throw error;
      }
    }
  }
}
