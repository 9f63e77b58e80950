import { fromBase64, toBase64 } from "./base64.ts";
import { digestFor } from "./digest.ts";
import { ConnectError, reasonOfClose, SigningFailure } from "./errors.ts";
import { BridgeEventTarget, type ClosedEvent } from "./events.ts";
import { type Lease, Leases } from "./lease.ts";
import type {
  AuthenticationToken,
  BridgeInfo,
  Certificate,
  Grant,
  Methods,
  OnError,
  OpenRpc,
  PinStatus,
  Reader,
  SignatureList,
  SiteStatus,
} from "./protocol.ts";
import { isPassing, type Redial } from "./reconnect.ts";
import {
  type Authentication,
  type CertificateFilter,
  type DataSigning,
  type DigestSigning,
  type DocumentSigning,
  defined,
  type PinChange,
  type PinUnblocking,
  type PinVerification,
  type PukChange,
} from "./requests.ts";
import type { CallOptions, Notification, Rpc } from "./rpc.ts";

/** How a bridge gets its next connection. */
type Redialling = Redial<(rpc: Rpc, info: BridgeInfo) => void>;

/**
 * An open connection to the daemon; `connect()` makes it.
 *
 * Every method rejects with a `BridgeError` and takes a `signal`. Events carry their data in
 * `detail`: `reader.added`, `reader.removed`, `card.inserted`, `card.removed`, `lease.ended`,
 * `site.granted`, `site.revoked`, `pin.prompting` and `pin.prompted` (the person is asked outside
 * the page, and no more), `close`, and with `reconnect` also `open`: then list anew.
 */
export class Bridge extends BridgeEventTarget {
  #rpc: Rpc;
  #info: BridgeInfo;
  readonly #redial: Redialling | null;
  readonly #leases = new Leases((lease, options) =>
    this.#call("lease.release", { lease }, options, () => {}),
  );
  /** Fires when this page closes the bridge. */
  readonly #closing = new AbortController();

  /** @internal */
  constructor(rpc: Rpc, info: BridgeInfo, redial: Redialling | null) {
    super();
    this.#rpc = rpc;
    this.#info = info;
    this.#redial = redial;
    this.#follow(rpc);
  }

  /** What answers, and what this site may do. */
  get info(): BridgeInfo {
    return this.#info;
  }

  /** Whether calls can be made. */
  get open(): boolean {
    return this.#rpc.open;
  }

  /** Tell which grants this site holds and lacks; `certificates` and `sign` are wanted unless given. */
  siteStatus(grants?: readonly Grant[], { signal }: CallOptions = {}): Promise<SiteStatus> {
    return this.#call("site.status", defined({ grants }), { signal }, (status) => status);
  }

  /**
   * Ask the person to let this site do what it may not yet, and wait for the answer; resolves at
   * once where it may already. The answer is remembered.
   *
   * Call it after `connect()`, before the first use of the card. `page-pin`, for a PIN that is
   * typed in the page, is asked for apart. Fails with `consent-denied`, `consent-unavailable`,
   * `user-timeout`, `rate-limited`, and with `site-not-allowed` where an administrator decided.
   */
  requestGrants(grants: readonly Grant[], { signal }: CallOptions = {}): Promise<SiteStatus> {
    return this.#call("site.request", { grants }, { signal }, (status) => {
      this.#hasGrants(status.held);
      return status;
    });
  }

  /** List the readers; an empty list means that none is connected. */
  readers(options: CallOptions = {}): Promise<readonly Reader[]> {
    return this.#call("reader.list", {}, options, ({ readers }) => readers);
  }

  /** List the certificates on the inserted cards; fails with what stands in the way of one. */
  certificates(filter: CertificateFilter = {}): Promise<readonly Certificate[]> {
    const { signal, reader, usage, issuers, keyUsage, policies, validOnly } = filter;
    const params = defined({ reader, usage, issuers, keyUsage, policies, validOnly });
    return this.#call("certificate.list", params, { signal }, (result) => result.certificates);
  }

  /** Tell how many tries a PIN has left and whether it is blocked; uses no try. */
  pinStatus(key: string, options: CallOptions = {}): Promise<PinStatus> {
    return this.#call("pin.status", { key }, options, (status) => status);
  }

  /**
   * Verify the PIN of a key; the key can be used while the lease lasts. It ends an earlier
   * lease of this page on the same card.
   *
   * Fails with `pin-incorrect`, `pin-format`, `pin-last-try`, `pin-blocked`, `card-leased`, ...
   * If `signal` ends the wait, a lease that comes all the same is given back at once.
   */
  verifyPin({ signal, ...verification }: PinVerification): Promise<Lease> {
    const { key, pin, leaseSeconds, acceptLastTry } = verification;
    return this.#rpc.call(
      "pin.verify",
      { key, ...defined({ pin, leaseSeconds, acceptLastTry }) },
      {
        signal,
        decode: (lease) => this.#leases.hold(lease),
        late: (lease) => void lease.release().catch(() => {}),
      },
    );
  }

  /** Change the PIN of a key; it ends this page's lease on the card. Fails as `verifyPin`. */
  changePin({ signal, ...change }: PinChange): Promise<void> {
    const { key, pin, newPin, acceptLastTry } = change;
    const params = { key, ...defined({ pin, newPin, acceptLastTry }) };
    return this.#call("pin.change", params, { signal }, () => {});
  }

  /**
   * Give a blocked PIN a new value with the card's PUK.
   *
   * Fails with `pin-unblock-unsupported` where only the issuer can do that, and with `pin-last-try`.
   */
  unblockPin({ signal, ...unblocking }: PinUnblocking): Promise<void> {
    const { key, puk, newPin, acceptLastTry } = unblocking;
    const params = { key, ...defined({ puk, newPin, acceptLastTry }) };
    return this.#call("pin.unblock", params, { signal }, () => {});
  }

  /** Change the card's PUK. Fails as `unblockPin`. */
  changePuk({ signal, ...change }: PukChange): Promise<void> {
    const { key, puk, newPuk, acceptLastTry } = change;
    const params = { key, ...defined({ puk, newPuk, acceptLastTry }) };
    return this.#call("puk.change", params, { signal }, () => {});
  }

  /** Make the Web eID token that proves the card to the portal's server; post it as it is. */
  authenticate({ certificate, challenge, signal }: Authentication): Promise<AuthenticationToken> {
    const params = { certificate, challenge };
    return this.#call("authentication.create", params, { signal }, (token) => token);
  }

  /**
   * Sign digests, in order; ECDSA comes as raw r||s.
   *
   * The first failure ends the batch; the error's `signatures` are those that were made before.
   */
  async sign(request: DigestSigning): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#sign(request, undefined, ({ signatures }) => signatures.map(made));
  }

  /** Sign as `sign()` does, but go on after a failure: each digest gets a signature or the reason. */
  async signEach(request: DigestSigning): Promise<(Uint8Array<ArrayBuffer> | SigningFailure)[]> {
    return this.#sign(request, "continue", ({ signatures, failures }) => {
      const failed = new Map(failures.map((one) => [one.index, new SigningFailure(one)]));
      return signatures.map((signature, index) => failed.get(index) ?? made(signature));
    });
  }

  /** Hash documents with the algorithm's hash and sign them, as `sign()` does. */
  async signData({ data, ...signing }: DataSigning): Promise<Uint8Array<ArrayBuffer>[]> {
    const digests = await Promise.all(data.map((one) => digestFor(signing.algorithm, one)));
    return this.sign({ ...signing, digests });
  }

  /**
   * Sign a document; returns it signed, or the signature alone where that is `detached`.
   *
   * Fails as `sign()`, and with `document-malformed`, `document-protected`,
   * `timestamp-not-configured` and `timestamp-unavailable`.
   */
  signDocument({ signal, content, ...signing }: DocumentSigning): Promise<Uint8Array<ArrayBuffer>> {
    const { certificate, format, level, detached, title, fileName, reason, location } = signing;
    const optional = defined({ level, detached, title, fileName, reason, location });
    const params = { certificate, format, content: toBase64(content), ...optional };
    return this.#call("document.sign", params, { signal }, ({ document }) => fromBase64(document));
  }

  /** Return the OpenRPC document of the daemon's protocol. */
  discover(options: CallOptions = {}): Promise<OpenRpc> {
    return this.#call("rpc.discover", {}, options, (document) => document);
  }

  /** Close the connection for good; pending calls reject, and the card forgets every PIN. */
  close(): void {
    this.#closing.abort();
    this.#rpc.close();
  }

  #call<M extends keyof Methods, T>(
    method: M,
    params: Methods[M]["params"],
    { signal }: CallOptions,
    decode: (result: Methods[M]["result"]) => T,
  ): Promise<T> {
    return this.#rpc.call(method, params, { signal, decode });
  }

  #sign<T>(
    { certificate, algorithm, title, digests, signal, onProgress }: DigestSigning,
    onError: OnError | undefined,
    decode: (result: SignatureList) => T,
  ): Promise<T> {
    const optional = defined({ title, onError });
    const params = { certificate, algorithm, digests: digests.map(toBase64), ...optional };
    return this.#rpc.call("signature.create", params, { signal, onProgress, decode });
  }

  #hasGrants(grants: readonly Grant[]): void {
    this.#info = { ...this.#info, grants };
  }

  #follow(rpc: Rpc): void {
    rpc.onNotification = (notification) => this.#notified(notification);
    rpc.onClose = (code) => this.#closed(code);
  }

  #notified({ method, params }: Notification): void {
    if (method === "lease.ended") {
      this.#leases.forget(params.lease);
    } else if (method === "site.granted" || method === "site.revoked") {
      this.#hasGrants(params.held);
    }
    this.dispatchEvent(new CustomEvent(method, { detail: params }));
  }

  #closed(code: number): void {
    this.#leases.forgetAll();
    const { aborted } = this.#closing.signal;
    const redial = isPassing(code) && !aborted ? this.#redial : null;
    const error = aborted ? null : new ConnectError(reasonOfClose(code));
    this.#tellClosed({ code, error, reconnecting: redial !== null });
    if (redial) {
      void this.#reconnect(redial, code);
    }
  }

  async #reconnect(redial: Redialling, code: number): Promise<void> {
    const adopt = (rpc: Rpc, info: BridgeInfo) => {
      this.#rpc = rpc;
      this.#info = info;
      this.#follow(rpc);
      this.dispatchEvent(new CustomEvent("open", { detail: { info } }));
    };
    try {
      await redial.run(adopt, this.#closing.signal);
    } catch (cause) {
      const error = this.#closing.signal.aborted ? null : (cause as ConnectError);
      this.#tellClosed({ code, error, reconnecting: false });
    }
  }

  #tellClosed(detail: ClosedEvent): void {
    this.dispatchEvent(new CustomEvent("close", { detail }));
  }
}

/** Decode a signature; throws where there is none and nothing says why. */
function made(signature: string | null): Uint8Array<ArrayBuffer> {
  if (signature === null) {
    throw new TypeError("A signature is missing.");
  }
  return fromBase64(signature);
}
