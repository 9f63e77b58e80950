/**
 * The wire protocol `bridged.v1` as types, member by member as in `docs/protocol.md`.
 *
 * A test of the daemon reads this file and compares it with the types the daemon itself uses, so
 * it is declarations only: interfaces, unions of literals, and constants.
 */

export const SUBPROTOCOL = "bridged.v1";
export const DEFAULT_PORT = 24781;
export const MAX_LEASE_S = 300;
export const MAX_DIGESTS = 1000;
/** Bytes of a document to sign. */
export const MAX_DOCUMENT = 768000;

/** Why the daemon closed the socket. */
export const CloseCode = {
  GOING_AWAY: 1001,
  BAD_SUBPROTOCOL: 4400,
  SITE_NOT_ALLOWED: 4403,
  TOO_SLOW: 4408,
  TOO_MANY_CONNECTIONS: 4409,
  FLOOD: 4429,
  MISCONFIGURED: 4500,
} as const;

/** Bytes in standard padded base64; `fromBase64` decodes them. */
export type Base64 = string;

/** A time in UTC as RFC 3339 writes it; `new Date()` reads it. */
export type Timestamp = string;

/** What a reader can be seen to be without talking to its card. */
export type ReaderState = "empty" | "present" | "mute" | "unavailable" | "in-use";

/** The application found on the card. */
export type CardType = "piv" | "jpki" | "pkcs11";

/** What a key may be used for; each key has exactly one usage. */
export type Usage = "authentication" | "signature";

/** Signature algorithms by their JWA names (RFC 7518, 3.1; `EdDSA`, by Ed25519: RFC 8037, 3.1). */
export type Algorithm =
  | "RS256"
  | "RS384"
  | "RS512"
  | "PS256"
  | "PS384"
  | "PS512"
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA";

/** What a site may do; a site holds any set of these. */
export type Grant = "certificates" | "sign" | "page-pin";

/** Which characters a card accepts in a PIN. */
export type PinAlphabet = "digits" | "upper-alphanumeric" | "ascii";

/** The shape of a PIN; lengths count characters. */
export interface PinRules {
  readonly minLength: number;
  readonly maxLength: number;
  readonly alphabet: PinAlphabet;
}

/** One PIN of a card; `triesLeft` is null where the card does not tell. */
export interface PinStatus {
  readonly label: string;
  readonly rules: PinRules;
  readonly triesLeft: number | null;
  readonly blocked: boolean;
  readonly verified: boolean;
}

/** A card as inserted now; `id` is opaque and new with each insertion. */
export interface Card {
  readonly id: string;
  readonly type: CardType;
  readonly label: string;
}

/** A reader; `id` is opaque and lasts as long as the reader is connected. */
export interface Reader {
  readonly id: string;
  readonly name: string;
  readonly state: ReaderState;
  readonly pinpad: boolean;
  readonly card: Card | null;
}

/** A distinguished name made readable; `rfc4514` is the whole of it. */
export interface Name {
  readonly commonName: string | null;
  readonly organization: string | null;
  readonly organizationalUnit: string | null;
  readonly rfc4514: string;
}

/** Whom the certificate names, in kanji where it carries them. */
export interface Holder {
  readonly name: string | null;
  readonly organization: string | null;
  readonly address: string | null;
  /** 法人番号: 13 digits whose check digit is right. */
  readonly corporateNumber: string | null;
}

/** A certificate and what it says (RFC 5280); `der` is the certificate itself. */
export interface X509 {
  readonly der: Base64;
  readonly sha256: string;
  readonly subject: Name;
  readonly issuer: Name;
  /** The service the issuer goes by, such as "AOSign"; a name for people, proof of nothing. */
  readonly issuerFamily: string | null;
  readonly holder: Holder;
  readonly serialNumber: string;
  readonly notBefore: Timestamp;
  readonly notAfter: Timestamp;
  readonly expiresInDays: number;
  readonly keyType: string;
  readonly keyUsage: readonly string[];
  readonly policies: readonly string[];
}

/**
 * A key on an inserted card with its certificate.
 *
 * `id` names both and is valid while the card stays inserted. `x509` is null while `locked`: the
 * card shows the certificate only after its PIN, so verify the PIN and list again.
 */
export interface Certificate {
  readonly id: string;
  readonly reader: string;
  readonly card: string;
  readonly usage: Usage;
  readonly label: string;
  readonly locked: boolean;
  readonly algorithms: readonly Algorithm[];
  readonly pin: PinStatus | null;
  readonly x509: X509 | null;
  readonly chain: readonly Base64[];
}

/** A Web eID token, format `web-eid:1.0`: post it to the portal's server as it is. */
export interface AuthenticationToken {
  readonly unverifiedCertificate: Base64;
  readonly algorithm: Algorithm;
  readonly signature: Base64;
  readonly format: string;
  readonly appVersion: string;
}

/** No parameters, or nothing to report but success. */
export type Empty = Readonly<Record<string, never>>;

/** What answers, what this site may do, and how a PIN can be given here (best first). */
export interface BridgeInfo {
  readonly version: string;
  readonly protocols: readonly string[];
  readonly methods: readonly string[];
  readonly origin: string | null;
  readonly grants: readonly Grant[];
  readonly pinEntry: readonly string[];
}

/** What the page would like to do; `certificates` and `sign` unless given. */
export interface SiteStatusParams {
  readonly grants?: readonly Grant[] | null;
}

/** What the person is asked for. */
export interface SiteRequestParams {
  readonly grants: readonly Grant[];
}

/** What the site may do, what it lacks, and whether asking would ask anybody now. */
export interface SiteStatus {
  readonly held: readonly Grant[];
  readonly missing: readonly Grant[];
  readonly canAsk: boolean;
}

/** All readers; an empty list means that none is connected. */
export interface ReaderList {
  readonly readers: readonly Reader[];
}

/** Which certificates: of one reader (its id) or all, of one usage or both, and what they say. */
export interface CertificateListParams {
  readonly reader?: string | null;
  readonly usage?: Usage | null;
  readonly issuers?: readonly string[];
  readonly keyUsage?: readonly KeyUsage[];
  readonly policies?: readonly string[];
  readonly validOnly?: boolean;
}

/** The certificates found. */
export interface CertificateList {
  readonly certificates: readonly Certificate[];
}

/** A key, by the id of its certificate. */
export interface KeyParams {
  readonly key: string;
}

/** Verify a PIN and keep the key usable for `leaseSeconds`. */
export interface PinVerifyParams {
  readonly key: string;
  readonly leaseSeconds?: number;
  readonly pin?: string | null;
  readonly acceptLastTry?: boolean;
}

/** Change the PIN of a key; nothing stays verified. */
export interface PinChangeParams {
  readonly key: string;
  readonly pin?: string | null;
  readonly newPin?: string | null;
  readonly acceptLastTry?: boolean;
}

/** Give the blocked PIN of a key a new value with the PUK. */
export interface PinUnblockParams {
  readonly key: string;
  readonly puk?: string | null;
  readonly newPin?: string | null;
  readonly acceptLastTry?: boolean;
}

/** Change the PUK of the PIN of a key. */
export interface PukChangeParams {
  readonly key: string;
  readonly puk?: string | null;
  readonly newPuk?: string | null;
  readonly acceptLastTry?: boolean;
}

/** The right of this connection to use one key without the PIN being asked again. */
export interface Lease {
  readonly id: string;
  readonly key: string;
  readonly expiresInSeconds: number;
}

/** A lease, by its id. */
export interface LeaseParams {
  readonly lease: string;
}

/** The portal's one-use challenge (44 to 128 characters) and the key. */
export interface AuthenticationParams {
  readonly certificate: string;
  readonly challenge: string;
}

/** What a batch does when one of its signatures fails. */
export type OnError = "stop" | "continue";

/** Digests to sign with one key, and what they stand for in the person's words. */
export interface SignatureParams {
  readonly certificate: string;
  readonly algorithm: Algorithm;
  readonly digests: readonly Base64[];
  readonly title?: string;
  readonly onError?: OnError;
}

/** Why one digest of a batch has no signature. */
export interface SignatureFailure {
  readonly index: number;
  readonly reason: string;
  readonly messages: Readonly<Record<string, string>>;
}

/** One signature for each digest, in order; null where `failures` says why (`onError` `continue`). */
export interface SignatureList {
  readonly signatures: readonly (Base64 | null)[];
  readonly failures: readonly SignatureFailure[];
}

/** The bits of a certificate's keyUsage that can be asked for (RFC 5280, 4.2.1.3). */
export type KeyUsage =
  | "digitalSignature"
  | "nonRepudiation"
  | "keyEncipherment"
  | "dataEncipherment"
  | "keyAgreement"
  | "keyCertSign"
  | "cRLSign";

/** How a signature is put to a document (ETSI EN 319 122, 319 132 and 319 142). */
export type DocumentFormat = "cades" | "xades" | "pades";

/** Baseline levels: `B-B`, or `B-T` with a time-stamp of an authority beside it. */
export type SignatureLevel = "B-B" | "B-T";

/** A document to sign, and how. */
export interface DocumentParams {
  readonly certificate: string;
  readonly format: DocumentFormat;
  readonly content: Base64;
  readonly level?: SignatureLevel;
  readonly detached?: boolean;
  readonly title?: string;
  readonly fileName?: string | null;
  readonly reason?: string | null;
  readonly location?: string | null;
}

/** The signed document, or the signature alone where it is detached. */
export interface SignedDocument {
  readonly document: Base64;
}

/** A request of this connection, by its JSON-RPC id. */
export interface CancelParams {
  readonly id: number | string;
}

/** Whether the request was still under way; it then ends with `cancelled`. */
export interface CancelResult {
  readonly cancelled: boolean;
}

/** The OpenRPC document of this protocol. */
export interface OpenRpc {
  readonly openrpc: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly methods: readonly Readonly<Record<string, unknown>>[];
  readonly components: Readonly<Record<string, unknown>>;
}

/** What the site may do from now on. */
export interface SiteEvent {
  readonly held: readonly Grant[];
}

/** The reader as it is after the event. */
export interface ReaderEvent {
  readonly reader: Reader;
}

/** Why a lease ended without being released. */
export type LeaseEnd = "expired" | "replaced" | "card-removed" | "card-reset";

/** How many signatures of a batch are made; `id` is the request's. */
export interface ProgressEvent {
  readonly id: number | string;
  readonly done: number;
  readonly total: number;
}

/** Where the person is asked something for a request; open `url` where `way` is `window`. */
export interface PromptingEvent {
  readonly id: number | string;
  readonly way: string;
  readonly reader: string | null;
  readonly url: string | null;
}

/** The person is not asked any more, whatever the answer. */
export interface PromptedEvent {
  readonly id: number | string;
}

/** A lease is over before it was released. */
export interface LeaseEndedEvent {
  readonly lease: string;
  readonly cause: LeaseEnd;
}

/** Every request, with what goes in and what comes out. */
export interface Methods {
  "bridge.info": { params: Empty; result: BridgeInfo };
  "site.status": { params: SiteStatusParams; result: SiteStatus };
  "site.request": { params: SiteRequestParams; result: SiteStatus };
  "reader.list": { params: Empty; result: ReaderList };
  "certificate.list": { params: CertificateListParams; result: CertificateList };
  "pin.status": { params: KeyParams; result: PinStatus };
  "pin.verify": { params: PinVerifyParams; result: Lease };
  "pin.change": { params: PinChangeParams; result: Empty };
  "pin.unblock": { params: PinUnblockParams; result: Empty };
  "puk.change": { params: PukChangeParams; result: Empty };
  "lease.release": { params: LeaseParams; result: Empty };
  "authentication.create": { params: AuthenticationParams; result: AuthenticationToken };
  "signature.create": { params: SignatureParams; result: SignatureList };
  "document.sign": { params: DocumentParams; result: SignedDocument };
  "request.cancel": { params: CancelParams; result: CancelResult };
  "rpc.discover": { params: Empty; result: OpenRpc };
}

/** Everything the daemon tells without being asked. */
export interface Notifications {
  "reader.added": ReaderEvent;
  "reader.removed": ReaderEvent;
  "card.inserted": ReaderEvent;
  "card.removed": ReaderEvent;
  "lease.ended": LeaseEndedEvent;
  "request.progress": ProgressEvent;
  "site.granted": SiteEvent;
  "site.revoked": SiteEvent;
  "pin.prompting": PromptingEvent;
  "pin.prompted": PromptedEvent;
}

/** Whether an error tells of the PIN, or of the PUK that unblocks it. */
export type WhichSecret = "pin" | "puk";

/** Every reason a request can fail for, with the members of `error.data` it brings. */
export interface Errors {
  "parse-error": Empty;
  "invalid-request": { readonly detail: string };
  "method-not-found": { readonly method: string };
  "invalid-params": { readonly path: string; readonly detail: string };
  "site-not-allowed": { readonly origin: string; readonly grant: string };
  "consent-denied": { readonly origin: string };
  "consent-unavailable": { readonly origin: string };
  "pcsc-unavailable": Empty;
  "no-reader": Empty;
  "no-card": Empty;
  "card-removed": Empty;
  "card-mute": Empty;
  "card-unsupported": Empty;
  "card-in-use": Empty;
  "card-leased": Empty;
  "card-fault": { readonly sw: string };
  "module-fault": { readonly module: string; readonly cause: string };
  "certificate-not-found": Empty;
  "certificate-expired": { readonly notBefore: string; readonly notAfter: string };
  "algorithm-unsupported": { readonly algorithm: string; readonly supported: readonly string[] };
  "key-usage-forbidden": { readonly usage: string };
  "pin-required": { readonly secret: WhichSecret };
  "confirmation-unavailable": Empty;
  "pin-format": {
    readonly minLength: number;
    readonly maxLength: number;
    readonly alphabet: string;
    readonly secret: WhichSecret;
  };
  "pin-incorrect": { readonly triesLeft: number | null; readonly secret: WhichSecret };
  "pin-last-try": { readonly triesLeft: number; readonly secret: WhichSecret };
  "pin-blocked": { readonly secret: WhichSecret };
  "pin-unblock-unsupported": Empty;
  "lease-ended": Empty;
  "user-cancelled": Empty;
  "user-timeout": Empty;
  busy: Empty;
  cancelled: Empty;
  "rate-limited": { readonly retryAfterSeconds: number };
  "record-failed": Empty;
  "document-malformed": { readonly format: string; readonly detail: string };
  "document-protected": Empty;
  "timestamp-not-configured": Empty;
  "timestamp-unavailable": { readonly detail: string };
  "internal-error": { readonly id: string };
}
