/** What the methods of a bridge take, as a page gives it. */
import type { Algorithm, DocumentFormat, KeyUsage, SignatureLevel, Usage } from "./protocol.ts";
import type { CallOptions, Progress } from "./rpc.ts";

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

/** What is done about the PIN of a key. */
interface PinRequest extends CallOptions {
  /** The `id` of the certificate. */
  readonly key: string;
  /** The person's own yes to using the last try (of the PUK, where that is given), after `pin-last-try`. */
  readonly acceptLastTry?: boolean | undefined;
}

/** A PIN for a key. */
export interface PinVerification extends PinRequest {
  /** What the person typed in this page (grant `page-pin`); left out, the person is asked. */
  readonly pin?: string | undefined;
  /** How long the key stays usable: 1 to 300 seconds, 60 unless given. */
  readonly leaseSeconds?: number | undefined;
}

/** A new PIN for a key, given by who knows the present one. */
export interface PinChange extends PinRequest {
  readonly pin?: string | undefined;
  readonly newPin?: string | undefined;
}

/** A new PIN for a key whose PIN is blocked. */
export interface PinUnblocking extends PinRequest {
  readonly puk?: string | undefined;
  readonly newPin?: string | undefined;
}

/** A new PUK for the PIN of a key, given by who knows the present one. */
export interface PukChange extends PinRequest {
  readonly puk?: string | undefined;
  readonly newPuk?: string | undefined;
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

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leave out the members that are undefined. */
export function defined<T extends object>(members: T): Defined<T> {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Defined<T>;
}
