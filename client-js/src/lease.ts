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
    { id, key, expiresInSeconds }: Pick<Lease, "id" | "key" | "expiresInSeconds">,
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
