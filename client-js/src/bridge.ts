import { fromBase64, toBase64 } from "./base64.ts";
import { digestFor } from "./digest.ts";
import { BridgeError, ConnectError, reasonOfClose, SigningFailure } from "./errors.ts";
import { BridgeEventTarget, type ClosedEvent } from "./events.ts";
import { Lease } from "./lease.ts";
import type {
  Algorithm,
  AuthenticationToken,
  BridgeInfo,
  Certificate,
  DocumentFormat,
  Grant,
  KeyUsage,
  Methods,
  OnError,
  OpenRpc,
  PinStatus,
  Reader,
  SignatureLevel,
  SignatureList,
  SiteStatus,
  Usage,
  Lease as WireLease,
} from "./protocol.ts";
import { isPassing, type Redial } from "./reconnect.ts";
import type { CallOptions, Notification, Progress, Rpc } from "./rpc.ts";

/** What a certificate must say to be listed. A locked one is listed whatever it may say. */
export interface CertificateSelection {
  /** RFC 4514, as in `x509.issuer.rfc4514`: one of them issued it, or a certificate of its chain. */
  readonly issuers?: readonly string[] | undefined;
  /** All of these bits are set. */
  readonly keyUsage?: readonly KeyUsage[] | undefined;
  /** One of these OIDs is among its policies. */
  readonly policies?: readonly string[] | undefined;
  /** It is valid now. */
  readonly validOnly?: boolean | undefined;
}

/** Which certificates to list: of one reader (its id) or all, of one usage or both. */
export interface CertificateFilter extends CertificateSelection, CallOptions {
  readonly reader?: string | undefined;
  readonly usage?: Usage | undefined;
}

/** A PIN for a key. */
export interface PinVerification extends CallOptions {
  /** The `id` of the certificate. */
  readonly key: string;
  /** What the person typed in this page (grant `page-pin`); left out, the person is asked. */
  readonly pin?: string | undefined;
  /** How long the key stays usable: 1 to 300 seconds, 60 unless given. */
  readonly leaseSeconds?: number | undefined;
  /** The person's own yes to using the last try, after `pin-last-try`. */
  readonly acceptLastTry?: boolean | undefined;
}

/** A new PIN for a key, given by who knows the present one. */
export interface PinChange extends CallOptions {
  /** The `id` of the certificate. */
  readonly key: string;
  readonly pin?: string | undefined;
  readonly newPin?: string | undefined;
  /** The person's own yes to using the last try, after `pin-last-try`. */
  readonly acceptLastTry?: boolean | undefined;
}

/** A new PIN for a key whose PIN is blocked. */
export interface PinUnblocking extends CallOptions {
  /** The `id` of the certificate. */
  readonly key: string;
  readonly puk?: string | undefined;
  readonly newPin?: string | undefined;
  /** The person's own yes to using the PUK's last try, after `pin-last-try`. */
  readonly acceptLastTry?: boolean | undefined;
}

/** A new PUK for the PIN of a key, given by who knows the present one. */
export interface PukChange extends CallOptions {
  /** The `id` of the certificate. */
  readonly key: string;
  readonly puk?: string | undefined;
  readonly newPuk?: string | undefined;
  /** The person's own yes to using the last try, after `pin-last-try`. */
  readonly acceptLastTry?: boolean | undefined;
}

/** A log-in to the portal. */
export interface Authentication extends CallOptions {
  /** The `id` of a certificate with usage `authentication`. */
  readonly certificate: string;
  /** The one-use challenge of the portal's server, 44 to 128 characters. */
  readonly challenge: string;
}

/** What signs and how. */
export interface Signing extends CallOptions {
  /** The `id` of a certificate with usage `signature`. */
  readonly certificate: string;
  /** One of the certificate's `algorithms`. */
  readonly algorithm: Algorithm;
  /** What is signed, in the person's words; at most 200 characters. */
  readonly title?: string | undefined;
  /** Told how far a batch of two or more is, ten times a second at the most. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** 1 to 1000 digests, whose length fits the algorithm. */
export interface DigestSigning extends Signing {
  readonly digests: readonly Uint8Array[];
}

/** 1 to 1000 documents. */
export interface DataSigning extends Signing {
  readonly data: readonly Uint8Array<ArrayBuffer>[];
}

/** A document to sign, and how. */
export interface DocumentSigning extends CallOptions {
  /** The `id` of a certificate with usage `signature`. */
  readonly certificate: string;
  /** `cades` for anything, `xades` for XML (detached: for anything), `pades` for PDF. */
  readonly format: DocumentFormat;
  /** The document, at most 768,000 bytes. */
  readonly content: Uint8Array;
  /** `B-T` adds a time-stamp of the authority in the daemon's settings; `B-B` unless given. */
  readonly level?: SignatureLevel | undefined;
  /** Return the signature alone. */
  readonly detached?: boolean | undefined;
  /** What is signed, in the person's words; at most 200 characters. */
  readonly title?: string | undefined;
  /** What a detached XAdES signature calls the document. */
  readonly fileName?: string | undefined;
  /** Goes into a PDF's signature. */
  readonly reason?: string | undefined;
  /** Goes into a PDF's signature. */
  readonly location?: string | undefined;
}

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
  readonly #leases = new Map<string, Lease>();
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
        decode: (lease) => this.#hold(lease),
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

  #hold(wire: WireLease): Lease {
    const lease = new Lease(wire, (options) => this.#release(wire.id, options));
    this.#leases.set(wire.id, lease);
    return lease;
  }

  async #release(lease: string, options: CallOptions): Promise<void> {
    this.#leases.delete(lease);
    try {
      await this.#call("lease.release", { lease }, options, () => {});
    } catch (error) {
      const over = error instanceof BridgeError && (error.is("lease-ended") || !this.open);
      if (!over) {
        throw error;
      }
    }
  }

  #hasGrants(grants: readonly Grant[]): void {
    this.#info = { ...this.#info, grants };
  }

  #forget(lease: string): void {
    this.#leases.get(lease)?.end();
    this.#leases.delete(lease);
  }

  #follow(rpc: Rpc): void {
    rpc.onNotification = (notification) => this.#notified(notification);
    rpc.onClose = (code) => this.#closed(code);
  }

  #notified({ method, params }: Notification): void {
    if (method === "lease.ended") {
      this.#forget(params.lease);
    } else if (method === "site.granted" || method === "site.revoked") {
      this.#hasGrants(params.held);
    }
    this.dispatchEvent(new CustomEvent(method, { detail: params }));
  }

  #closed(code: number): void {
    for (const id of this.#leases.keys()) {
      this.#forget(id);
    }
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

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leave out the members that are undefined. */
function defined<T extends object>(members: T): Defined<T> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Defined<T>;
}
